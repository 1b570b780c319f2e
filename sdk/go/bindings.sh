#!/bin/sh
# Makes internal/bindings anew from the contract in wit/. Needs wit-bindgen 0.61.1 (cargo install wit-bindgen-cli --version 0.61.1
# --features go) and gofmt. What is made is committed, so that nobody who writes a plugin needs either.
set -eu
cd "$(dirname "$0")"
rm -rf internal/bindings
wit-bindgen go ../../wit --world guest --pkg-name toolyard/internal/bindings \
    --export-pkg-name toolyard/internal/exports --out-dir internal/bindings
# What ends in _wasip1 is left out of native builds. The pieces that the code runs on are the SDK's own.
find internal/bindings -name '*.go' -o -name '*.s' | while read -r file; do
    mv "$file" "${file%.*}_wasip1.${file##*.}"
done
find internal/bindings -name '*.go' -exec sed -i 's#"go.bytecodealliance.org/pkg/wit/#"toolyard/internal/wit/#' {} +
gofmt -w internal/bindings
