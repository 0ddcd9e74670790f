#!/usr/bin/env bash
# Gets what the browser tests need: Chromium and its driver from the distribution's packages, axe-core from npm into
# target/browser. Does nothing for what is there; CHROME and CHROMEDRIVER name others to use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

least=120
target="${CARGO_TARGET_DIR:-target}/browser"

fail() {
    printf 'browser: %s\n' "$@" >&2
    exit 1
}

if [[ -z "${CHROME:-$(command -v chromium || true)}" || -z "${CHROMEDRIVER:-$(command -v chromedriver || true)}" ]]; then
    command -v apt-get >/dev/null ||
        fail "Chromium and chromedriver are missing, and this system has no apt-get" \
            "  install both, or name them: CHROME=... CHROMEDRIVER=... make test"
    root=()
    if [[ "$(id -u)" != 0 ]]; then root=(sudo); fi
    echo "installing chromium and chromium-driver from the distribution (once; about a minute)"
    log="$(mktemp)"
    if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends chromium chromium-driver; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "the packages could not be installed; the whole log is in $log"
    fi
    rm -f "$log"
fi

chrome="${CHROME:-$(command -v chromium)}"
driver="${CHROMEDRIVER:-$(command -v chromedriver)}"
version="$("$driver" --version | sed -E 's/^[A-Za-z]+ ([0-9]+).*/\1/')"
[[ "$version" =~ ^[0-9]+$ ]] || fail "$driver does not say its version"
((version >= least)) || fail "$driver is version $version; at least $least is needed"

# The lock file names one version and its digest; npm checks it.
if ! cmp -s tests/browser/package-lock.json "$target/package-lock.json" || [[ ! -f "$target/node_modules/axe-core/axe.min.js" ]]; then
    command -v npm >/dev/null || fail "npm is missing: it fetches axe-core, which looks for barriers in the pages" \
        "  install the package nodejs with npm"
    mkdir -p "$target"
    cp tests/browser/package.json "$target/"
    npm_log="$(cd "$target" && cp "$OLDPWD/tests/browser/package-lock.json" . && npm ci --ignore-scripts --no-audit --no-fund 2>&1)" ||
        { rm -f "$target/package-lock.json"; fail "npm ci failed:" "$npm_log"; }
fi
echo "browser: $chrome and chromedriver $version (at least $least), axe-core in $target"
