#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS (60) with libFuzzer, or those given as arguments. Needs a C++ compiler for
# libFuzzer itself; cargo-fuzz is installed into target/tools. A stable toolchain will do: without a sanitizer nothing
# unstable is asked of the compiler, and there is no unsafe code of ours that the address sanitizer could look at.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fuzz_version=0.13.2
seconds="${FUZZ_SECONDS:-60}"
root="$PWD/target/tools"
all=(manifests plans worlds answers console)
# Bytes of an input, and MiB a target may hold.
largest=16384
most_memory=1024

built() {
    echo "target/fuzz/$(rustc -vV | awk '$1 == "host:" { print $2 }')/release/$1"
}

if [[ "$("$root/bin/cargo-fuzz" --version 2>/dev/null)" != "cargo-fuzz $fuzz_version" ]]; then
    echo "installing cargo-fuzz $fuzz_version into target/tools (once; 1 to 2 minutes on 2 cores)"
    cargo install --quiet --locked --root "$root" --version "=$fuzz_version" --force cargo-fuzz
fi
# cargo-fuzz has no --locked of its own.
cargo metadata --locked --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null
PATH="$root/bin:$PATH" cargo fuzz build --sanitizer none --debug-assertions --target-dir target/fuzz

targets=("$@")
((${#targets[@]})) || targets=("${all[@]}")
for target in "${targets[@]}"; do
    found="target/fuzz-found/$target"
    log="target/fuzz-found/$target.log"
    mkdir -p "$found"
    # What is found goes below target/; the kept inputs are only read.
    if ! "$(built "$target")" -max_total_time="$seconds" -max_len="$largest" -rss_limit_mb="$most_memory" \
        -print_final_stats=1 -artifact_prefix="$found-" "$found" "fuzz/corpus/$target" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target broke; the input is beside $log. Keep it in fuzz/corpus/$target when it is mended" >&2
        exit 1
    fi
    stat() { awk -v name="stat::$1:" '$1 == name { print $2 }' "$log"; }
    covered="$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)"
    printf 'fuzz: %-10s %9s runs in %s s, %s edges, %s MiB at most, %s inputs found\n' "$target" \
        "$(stat number_of_executed_units)" "$seconds" "${covered#cov: }" "$(stat peak_rss_mb)" "$(stat new_units_added)"
done
echo "fuzz: nothing broke"
