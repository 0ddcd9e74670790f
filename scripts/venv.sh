#!/usr/bin/env bash
# venv.sh FOLDER REQUIREMENTS: a Python environment in FOLDER with the packages of that file, by hash, and no others. Does
# nothing when it is there.
set -euo pipefail

venv="$1"
requirements="$2"
if cmp --silent "$requirements" "$venv/installed.txt"; then exit 0; fi
command -v python3 >/dev/null || {
    echo "venv: python3 is needed for $requirements; install it (with venv)" >&2
    exit 1
}
echo "installing $requirements into $venv (once; 20 s)"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    --requirement "$requirements"
cp "$requirements" "$venv/installed.txt"
