#!/usr/bin/env bash
# Installs the pinned tools that `make check` and `make audit` use into target/tools; does nothing when they are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

deny_version=0.20.2

root=target/tools
if [[ "$("$root/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $deny_version" ]]; then
    echo "installing cargo-deny $deny_version into $root (once; 2 to 4 minutes on 2 cores)"
    # A short-lived tool over a few hundred packages: a quick build is worth more than a quick program.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_PROFILE_RELEASE_DEBUG=false \
        cargo install --quiet --locked --root "$root" --version "=$deny_version" --no-default-features --force cargo-deny
fi
"$root/bin/cargo-deny" --version

# The linter of Dockerfiles is a few lines over Docker's own builder; Go pins every hash of it.
lint="$root/bin/dockerfile-lint"
stamp="$(cat scripts/dockerfile-lint/* | cksum)"
if [[ ! -x "$lint" || "$(cat "$lint.stamp" 2>/dev/null)" != "$stamp" ]]; then
    echo "building dockerfile-lint into $root (once; half a minute to a minute on 2 cores)"
    CGO_ENABLED=0 go build -C scripts/dockerfile-lint -trimpath -buildvcs=false -ldflags "-s -w" -o "$PWD/$lint" .
    echo "$stamp" >"$lint.stamp"
fi
