#!/usr/bin/env bash
# Are the CI templates what their systems take? Checks them against the schemas that come with check-jsonschema, which is
# installed once, by hash, into target/tools/venv. Nothing is fetched for the check itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=target/tools/venv
scripts/venv.sh "$venv" scripts/ci-templates.txt

# By the module: the programs in a venv name the place where it was made.
check() { "$venv/bin/python" -m check_jsonschema --builtin-schema "$@"; }

check vendor.github-workflows examples/ci/github/*.yml
check vendor.gitlab-ci examples/ci/gitlab/.gitlab-ci.yml
