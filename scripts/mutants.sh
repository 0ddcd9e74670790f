#!/usr/bin/env bash
# Changes the code in small ways, one at a time, and runs the unit tests against each: a change that no test notices is a
# survivor. Rooms: facts, plan, manifest/compile, kore/budget, or those given as arguments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mutants_version=27.1.0
root="$PWD/target/tools"
if [[ "$("$root/bin/cargo-mutants" --version 2>/dev/null)" != "cargo-mutants $mutants_version" ]]; then
    echo "installing cargo-mutants $mutants_version into target/tools (once; 2 to 3 minutes on 2 cores)"
    cargo install --quiet --locked --root "$root" --version "=$mutants_version" --force cargo-mutants
fi
rooms=("$@")
((${#rooms[@]})) || rooms=('src/facts/**' 'src/plan/**' 'src/manifest/compile/**' src/kore/budget.rs)
files=()
for room in "${rooms[@]}"; do
    files+=(--file "$room")
done
PATH="$root/bin:$PATH" cargo mutants --output target "${files[@]}" --jobs 1 --timeout-multiplier 5 \
    --cargo-arg=--locked -- --lib
