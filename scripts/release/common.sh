# What every step of a release shares; `source` it. It says where things are and sets what makes builds equal.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Modes, order and times of files are part of what is built.
umask 022
export LC_ALL=C TZ=UTC
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"

root="$PWD"
target="${CARGO_TARGET_DIR:-$root/target}"
# What is released, and what is only needed on the way.
dist="$target/dist"
work="$target/release-work"
mkdir -p "$dist" "$work"

version="$(awk -F'"' '/^version = / { print $2; exit }' Cargo.toml)"
commit="$(git rev-parse --short=10 HEAD)"
# A build of what is not committed says it.
if [[ -n "$(git status --porcelain --untracked-files=no)" ]]; then commit+="-modified"; fi
name="koreconcile-$version"
# BINARY names one that is there already, for work on these scripts.
binary="${BINARY:-$work/koreconcile}"

step="$(basename "$0" .sh)"
say() { printf '%s: %s\n' "$step" "$*"; }
fail() {
    printf '%s: %s\n' "$step" "$*" >&2
    exit 1
}

# fresh FOLDER: an empty one.
fresh() {
    rm -rf "$1"
    mkdir -p "$1"
}

# pack FOLDER FILE: the folder as a tar.gz that depends on names, contents and the executable bit alone.
pack() {
    tar --create --directory "$(dirname "$1")" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" \
        --owner=0 --group=0 --numeric-owner --mode='u+rw,go+r,go-w,a+X' "$(basename "$1")" | gzip -9 --no-name >"$2"
}

# same FILE FILE WHAT: both have the same bytes.
same() { cmp --silent "$1" "$2" || fail "$3 differs between two builds: compare $1 and $2"; }

digest() { sha256sum "$1" | cut -d' ' -f1; }

# free_port: one that nobody listens on now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# until_true SECONDS COMMAND...: tries until it succeeds.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}
