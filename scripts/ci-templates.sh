#!/usr/bin/env bash
# Are the CI templates and our own workflows what their systems take? Checks them against the schemas that come with
# check-jsonschema, which is installed once, by hash, into target/tools/venv, and by actionlint, which is built once. Nothing
# is fetched for the check itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=target/tools/venv
scripts/venv.sh "$venv" scripts/ci-templates.txt

# By the module: the programs in a venv name the place where it was made.
check() { "$venv/bin/python" -m check_jsonschema --builtin-schema "$@"; }

check vendor.github-workflows examples/ci/github/*.yml .github/workflows/*.yml
check vendor.gitlab-ci examples/ci/gitlab/.gitlab-ci.yml

# Expressions, contexts, names of jobs and of runners, and where a shell would split words.
linter=target/tools/bin/actionlint
stamp="$(cat scripts/actionlint/* | cksum)"
if [[ ! -x "$linter" || "$(cat "$linter.stamp" 2>/dev/null)" != "$stamp" ]]; then
    echo "building actionlint into target/tools (once; half a minute on 2 cores)"
    mkdir -p target/tools/bin
    CGO_ENABLED=0 go build -C scripts/actionlint -trimpath -buildvcs=false -ldflags "-s -w" -o "$PWD/$linter" \
        github.com/rhysd/actionlint/cmd/actionlint
    echo "$stamp" >"$linter.stamp"
fi
# Without shellcheck, so that it finds the same on every machine.
"$linter" -shellcheck= -pyflakes= examples/ci/github/*.yml .github/workflows/*.yml
echo "templates: schemas and actionlint have found nothing"
