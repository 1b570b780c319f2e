"""Prints a file of YAML or TOML as JSON: a list of documents, or the one table. A key that stands twice is an error."""

import json
import sys
import tomllib

from ruamel.yaml import YAML

path = sys.argv[1]
if path.endswith(".toml"):
    with open(path, "rb") as file:
        print(json.dumps(tomllib.load(file)))
else:
    with open(path, encoding="utf-8") as file:
        print(json.dumps(list(YAML(typ="safe", pure=True).load_all(file))))
