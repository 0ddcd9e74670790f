#!/usr/bin/env bash
# Are the CI templates what their systems take? Checks them against the schemas that come with check-jsonschema, which is
# installed once, by hash, into target/tools/venv. Nothing is fetched for the check itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=target/tools/venv
if ! cmp --silent scripts/ci-templates.txt "$venv/installed.txt"; then
    command -v python3 >/dev/null || {
        echo "ci-templates: python3 is needed to check examples/ci; install it (with venv), or leave this one to CI" >&2
        exit 1
    }
    echo "installing check-jsonschema into $venv (once; 20 s)"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
        --requirement scripts/ci-templates.txt
    cp scripts/ci-templates.txt "$venv/installed.txt"
fi

# By the module: the programs in a venv name the place where it was made.
check() { "$venv/bin/python" -m check_jsonschema --builtin-schema "$@"; }

check vendor.github-workflows examples/ci/github/*.yml
check vendor.gitlab-ci examples/ci/gitlab/.gitlab-ci.yml
