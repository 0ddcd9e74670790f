#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS (60) with libFuzzer. Needs a nightly toolchain; installs cargo-fuzz into
# target/tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fuzz_version=0.13.2
seconds="${FUZZ_SECONDS:-60}"
root="$PWD/target/tools"

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: libFuzzer's instrumentation needs a nightly toolchain: rustup toolchain install nightly" >&2
    echo "fuzz: without one, the kept inputs and changed copies run with: cargo test --locked --test all -- fuzz_corpus_" >&2
    exit 1
fi
if [[ "$("$root/bin/cargo-fuzz" --version 2>/dev/null)" != "cargo-fuzz $fuzz_version" ]]; then
    echo "installing cargo-fuzz $fuzz_version into target/tools (once; 1 to 2 minutes on 2 cores)"
    cargo install --quiet --locked --root "$root" --version "=$fuzz_version" --force cargo-fuzz
fi
for target in manifests plans worlds answers; do
    echo "fuzz: $target for $seconds s"
    # What is found new goes below target/; the kept inputs are only read.
    mkdir -p "target/fuzz-found/$target"
    PATH="$root/bin:$PATH" cargo +nightly fuzz run --target-dir target/fuzz "$target" \
        "target/fuzz-found/$target" "fuzz/corpus/$target" -- -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=1024
done
echo "fuzz: nothing found"
