#!/usr/bin/env bash
# Gets the language server that editors use for YAML from npm into target/editor, for the test of the JSON Schema. Does
# nothing if it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target="${CARGO_TARGET_DIR:-target}/editor"

# The lock file names every version and its digest; npm checks them.
if ! cmp -s tests/editor/package-lock.json "$target/package-lock.json" ||
    [[ ! -f "$target/node_modules/yaml-language-server/bin/yaml-language-server" ]]; then
    command -v npm >/dev/null || {
        printf 'editor: npm is missing: it fetches yaml-language-server\n  install the package nodejs with npm\n' >&2
        exit 1
    }
    mkdir -p "$target"
    cp tests/editor/package.json "$target/"
    log="$(cp tests/editor/package-lock.json "$target/" && cd "$target" && npm ci --ignore-scripts --no-audit --no-fund 2>&1)" || {
        rm -f "$target/package-lock.json"
        printf 'editor: npm ci failed:\n%s\n' "$log" >&2
        exit 1
    }
fi
echo "editor: yaml-language-server in $target"
