"""Write a Toolyard plugin as a module of ordinary functions.

`toolyard.http`, `toolyard.keyvalue` and `toolyard.config` are modules of their own: a component imports from its host what its plugin imports
from here.
"""

import sys

if sys.version_info < (3, 11):
    # Where the rest could not even be read, a sentence says more than what would be raised.
    raise SystemExit(f"Toolyard's SDK needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}.")

from .ask import Answer, Confirm, Form, Question, Root, Roots, Url
from .content import (
    Annotations,
    Audio,
    Completion,
    Content,
    EmbeddedResource,
    Icon,
    Image,
    Message,
    PromptResult,
    Resource,
    ResourceContents,
    ResourceLink,
    ResourcePage,
    Text,
    ToolResult,
)
from .context import Client, Context, Trace
from .errors import Denied, Internal, InvalidArguments, NotFound, Retryable, ToolError
from .hints import Arg
from .plugin import Plugin
from .sampling import ModelPreferences, Sampled, Sampling, SamplingMessage, SamplingTool, ToolOutcome, ToolUse

# What the decorators below write down, and what a component offers.
PLUGIN = Plugin()
tool = PLUGIN.tool
resource = PLUGIN.resource
resources = PLUGIN.resources
prompt = PLUGIN.prompt
completion = PLUGIN.completion

__all__ = [
    "PLUGIN",
    "Annotations",
    "Answer",
    "Arg",
    "Audio",
    "Client",
    "Completion",
    "Confirm",
    "Content",
    "Context",
    "Denied",
    "EmbeddedResource",
    "Form",
    "Icon",
    "Image",
    "Internal",
    "InvalidArguments",
    "Message",
    "ModelPreferences",
    "NotFound",
    "Plugin",
    "PromptResult",
    "Question",
    "Resource",
    "ResourceContents",
    "ResourceLink",
    "ResourcePage",
    "Retryable",
    "Root",
    "Roots",
    "Sampled",
    "Sampling",
    "SamplingMessage",
    "SamplingTool",
    "Text",
    "ToolError",
    "ToolOutcome",
    "ToolResult",
    "ToolUse",
    "Trace",
    "Url",
    "completion",
    "prompt",
    "resource",
    "resources",
    "tool",
]
