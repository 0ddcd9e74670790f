#!/usr/bin/env bash
# Plans, applies and plans again on a new local account; succeeds only when the second plan finds nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}"
cargo build --locked --bin koreconcile
PATH="$(cd "$target/debug" && pwd):$PATH"

# The account's data and state live beside the manifests, so a copy of the example is a new account.
mkdir -p "$target/quickstart"
folder="$(mktemp -d "$target/quickstart/run.XXXXXX")"
mkdir "$folder/examples"
cp -R examples/quickstart "$folder/examples/quickstart"
rm -rf "$folder/examples/quickstart/.koreconcile"
cd "$folder"

run() {
    printf '\n$ %s\n' "$*"
    local code=0
    "$@" || code=$?
    if ((code != 0)); then
        echo "quickstart: the last command ended with exit code $code; its files are in ${folder#"$OLDPWD/"}" >&2
        exit "$code"
    fi
}

run koreconcile plan --state-dir state examples/quickstart
run koreconcile apply --yes --state-dir state examples/quickstart
run koreconcile plan --exit-code --state-dir state examples/quickstart
printf '\nquickstart: applied, and the second plan found nothing to do; the account is in %s\n' "${folder#"$OLDPWD/"}"
