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
