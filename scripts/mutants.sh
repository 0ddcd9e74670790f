#!/usr/bin/env bash
# Changes the code of facts, plan, manifest/compile and kore/budget in small ways, one at a time, and runs tests against
# each: a change that no test notices is a survivor. Two rounds:
#
# 1. The rooms by themselves, with their unit tests and those in the folder of tests/all that is called after the room:
#    the dependency rule lets a room and facts be a crate without the rest, which builds in seconds. Two at a time, and
#    with 32 random cases a property instead of 256.
# 2. The whole package, for what survived the first: unit tests, and those of tests/all that are about these rooms.
#
# A run takes a sample: MUTANTS_SHARD=k/n is every n-th change from the k-th on (default 0/16; 0/1 is all of them).
# `scripts/mutants.sh list` counts the changes there are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mutants_version=27.1.0
shard="${MUTANTS_SHARD:-0/16}"
jobs=2
root="$PWD/target/tools"
work="$PWD/target/mutants"

if [[ "$("$root/bin/cargo-mutants" mutants --version 2>/dev/null)" != "cargo-mutants $mutants_version" ]]; then
    echo "installing cargo-mutants $mutants_version into target/tools (once; 2 to 3 minutes on 2 cores)"
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --root "$root" --version "=$mutants_version" --force cargo-mutants
fi

# Survivors (2) and changes that ended by time (3) are what it is for; anything else is a failure.
mutants() {
    PATH="$root/bin:$PATH" cargo mutants --colors never --no-times "$@" || (($? == 2 || $? == 3))
}

# count FILE: its lines.
count() {
    wc -l <"$1"
}

noticed=0
unviable=0
# tally FOLDER: takes over what a run of cargo-mutants has found there; its survivors go to survivors.txt.
tally() {
    local out="$1/mutants.out"
    noticed=$((noticed + $(count "$out/caught.txt") + $(count "$out/timeout.txt")))
    unviable=$((unviable + $(count "$out/unviable.txt")))
    cat "$out/missed.txt" >>"$work/survivors.txt"
}

# alone ROOM PATTERN...: that room and facts as a crate, with the package's dependencies, and the changes of the files that
# match.
alone() {
    local room="$1" files=() pids=() job crate
    shift
    for pattern in "$@"; do
        files+=(--file "$pattern")
    done
    if [[ "$action" == list ]]; then
        by_itself "$room" "$work/$room-0"
        echo "$room: $(mutants --dir "$work/$room-0" --list "${files[@]}" | wc -l)"
        return
    fi
    echo "mutants: $room by itself, shard $shard"
    for ((job = 0; job < jobs; job++)); do
        crate="$work/$room-$job"
        by_itself "$room" "$crate"
        CARGO_TARGET_DIR="$work/target-$job" PROPTEST_CASES=32 mutants --in-place --dir "$crate" --output "$crate" \
            "${files[@]}" --shard "$((${shard%/*} + ${shard#*/} * job))/$((${shard#*/} * jobs))" --sharding round-robin \
            -- --lib --tests >"$crate.log" &
        pids+=($!)
    done
    for ((job = 0; job < jobs; job++)); do
        wait "${pids[job]}" || { cat "$work/$room-$job.log"; exit 1; }
        tally "$work/$room-$job"
    done
}

# by_itself ROOM FOLDER: the crate of that room and facts, with the tests of tests/all/ROOM: they know nothing else
# (repo/rules.rs), but for those that use `support`, which stay out.
by_itself() {
    local room="$1" crate="$2"
    rm -rf "$crate"
    mkdir -p "$crate/src"
    cp -r src/facts "src/$room" "$crate/src/"
    printf 'pub mod facts;\npub mod %s;\n' "$room" >"$crate/src/lib.rs"
    mkdir "$crate/tests"
    # All of them, because one test reads another folder's golden file; main.rs takes the room's.
    cp -r tests/fixtures tests/all "$crate/tests/"
    printf 'mod %s;\n' "$room" >"$crate/tests/all/main.rs"
    for test in $(grep -l 'crate::support' tests/all/"$room"/*.rs); do
        sed -i "/^\(pub \)\?mod $(basename "$test" .rs);/d" "$crate/tests/all/$room/mod.rs"
    done
    cp Cargo.lock "$crate/"
    awk '/^\[/ { keep = /^\[(package|lib|dependencies|dev-dependencies|profile)/ } keep' Cargo.toml >"$crate/Cargo.toml"
    printf '\n[workspace]\n' >>"$crate/Cargo.toml"
}

action="${1:-run}"
mkdir -p "$work"
: >"$work/survivors.txt"
alone kore src/kore/budget.rs
alone manifest 'src/manifest/compile/**'
alone plan 'src/facts/**' 'src/plan/**'
[[ "$action" == run ]] || exit 0

if [[ -s "$work/survivors.txt" ]]; then
    echo "mutants: the whole package, for $(count "$work/survivors.txt") that survived"
    # All others count as noticed before, which `--iterate` leaves out; `--re` would take every deleted field along
    # (cargo-mutants issue 632).
    rm -rf "$work/mutants.out"
    mkdir "$work/mutants.out"
    mutants --dir . --list | grep -vxF -f "$work/survivors.txt" >"$work/mutants.out/caught.txt"
    : >"$work/survivors.txt"
    # In a copy of the tree, where no cluster and no browser is.
    CARGO_TARGET_DIR="$work/target" mutants --iterate --dir . --output "$work" -- \
        --lib --test all -- facts:: plan:: manifest:: kore:: apply:: reconcile:: workflow:: cli::explain cli::expiring cli::import \
        repo::ci_templates
    tally "$work"
fi

survivors=$(count "$work/survivors.txt")
cat "$work/survivors.txt"
echo "mutants: of $((noticed + survivors)) changes that compile, $noticed were noticed and $survivors were not ($unviable do not compile)"
