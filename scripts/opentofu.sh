#!/usr/bin/env bash
# Builds OpenTofu, which `make bench-compare` sets koreconcile beside, from its Go module into target/opentofu; does
# nothing when it is there. Without Go the bench takes `tofu` or `terraform` from the PATH, and without these it says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tofu="$PWD/target/opentofu/tofu"
if ! command -v go >/dev/null; then
    echo "opentofu: there is no go on the PATH to build it with; tofu or terraform are taken from there instead" >&2
    exit 0
fi
stamp="$(cat benches/opentofu/go.mod benches/opentofu/go.sum | cksum)"
if [[ ! -x "$tofu" || "$(cat "$tofu.stamp" 2>/dev/null)" != "$stamp" ]]; then
    echo "opentofu: building it (once; 4 to 8 minutes on 2 cores)"
    mkdir -p "$(dirname "$tofu")"
    CGO_ENABLED=0 go build -C benches/opentofu -trimpath -buildvcs=false \
        -ldflags "-s -w -X github.com/opentofu/opentofu/version.dev=no" \
        -o "$tofu" github.com/opentofu/opentofu/cmd/tofu
    echo "$stamp" >"$tofu.stamp"
fi
CHECKPOINT_DISABLE=1 "$tofu" version | sed -n 1p
