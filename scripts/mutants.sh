#!/usr/bin/env bash
# Changes the code of facts, plan, manifest/compile and kore/budget in small ways, one at a time, and runs tests against
# each: a change that no test notices is a survivor. Two rounds:
#
# 1. The rooms by themselves: the dependency rule lets them be a crate without the rest, which builds in seconds. Each
#    change meets their unit tests and the tests of tests/all that need no more than these rooms.
# 2. The whole package, for what survived the first: the unit tests, and those of tests/all whose names begin with plan_,
#    reconcile_, manifest_, kore_, review_, explain_ or import_.
#
# A run takes a sample: MUTANTS_SHARD=k/n is every n-th change from the k-th on (default 0/16; 0/1 is all of them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mutants_version=27.1.0
shard="${MUTANTS_SHARD:-0/16}"
root="$PWD/target/tools"
work="$PWD/target/mutants"
rooms=('src/facts/**' 'src/plan/**' 'src/manifest/compile/**' src/kore/budget.rs)
# Modules of tests/all that name no other room.
fitting=(explain_answers kore_client kore_gateway kore_lookups kore_paging kore_properties kore_script
    manifest_check manifest_compile review_findings review_markdown review_plan review_redact)

if [[ "$("$root/bin/cargo-mutants" mutants --version 2>/dev/null)" != "cargo-mutants $mutants_version" ]]; then
    echo "installing cargo-mutants $mutants_version into target/tools (once; 2 to 3 minutes on 2 cores)"
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --root "$root" --version "=$mutants_version" --force cargo-mutants
fi
# Survivors (2) and changes that ended by time (3) are what it is for; anything else is a failure.
mutants() {
    PATH="$root/bin:$PATH" CARGO_TARGET_DIR="$work/target" \
        cargo mutants --colors never --no-times --timeout 300 "$@" || (($? == 2 || $? == 3))
}

# The rooms as a crate: their sources, the tests that fit, and the package's own dependencies.
small="$work/rooms"
rm -rf "$small"
mkdir -p "$small/src" "$small/tests/all"
cp -r src/{facts,plan,manifest,kore} "$small/src/"
printf 'pub mod %s;\n' facts plan manifest kore >"$small/src/lib.rs"
for module in "${fitting[@]}"; do
    cp "tests/all/$module.rs" "$small/tests/all/"
    echo "mod $module;" >>"$small/tests/all/main.rs"
done
cp -r tests/all/snapshots "$small/tests/all/"
cp -r tests/fixtures "$small/tests/"
cp Cargo.lock "$small/"
awk '/^\[/ { keep = /^\[(package|lib|dependencies|dev-dependencies|profile)/ } keep' Cargo.toml >"$small/Cargo.toml"
printf '\n[[test]]\nname = "all"\npath = "tests/all/main.rs"\n\n[workspace]\n' >>"$small/Cargo.toml"

files=()
for room in "${rooms[@]}"; do
    files+=(--file "$room")
done
if [[ "${1:-}" == list ]]; then
    mutants --list --dir "$small" "${files[@]}" | wc -l
    exit 0
fi

# count FILE: its lines.
count() {
    wc -l <"$1"
}

echo "mutants: the rooms by themselves, shard $shard"
mutants --in-place --dir "$small" --output "$work" "${files[@]}" --shard "$shard" --sharding round-robin
first="$work/mutants.out"
noticed=$(($(count "$first/caught.txt") + $(count "$first/timeout.txt")))
unviable=$(count "$first/unviable.txt")
cp "$first/missed.txt" "$work/survivors.txt"

if [[ -s "$work/survivors.txt" ]]; then
    echo "mutants: the whole package, for $(count "$work/survivors.txt") that survived"
    names=()
    while IFS= read -r name; do
        names+=(--re "^$(sed 's/[][\\.^$*+?(){}|]/\\&/g' <<<"$name")\$")
    done <"$work/survivors.txt"
    # That the tests pass unchanged is known from `make test`.
    mutants --baseline skip --dir . --output "$work" "${files[@]}" "${names[@]}" -- \
        --lib --test all -- facts plan manifest kore reconcile review explain import
    noticed=$((noticed + $(count "$first/caught.txt") + $(count "$first/timeout.txt")))
    cp "$first/missed.txt" "$work/survivors.txt"
fi

survivors=$(count "$work/survivors.txt")
cat "$work/survivors.txt"
echo "mutants: of $((noticed + survivors)) changes that compile, $noticed were noticed and $survivors were not ($unviable do not compile)"
