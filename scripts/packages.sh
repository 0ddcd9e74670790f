#!/usr/bin/env bash
# Installs the small programs that the tests call and that a bare Debian lacks, or those given as COMMAND:PACKAGE. Does
# nothing for what is there.
set -euo pipefail

wanted=("$@")
((${#wanted[@]} > 0)) ||
    wanted=(bash:bash curl:curl git:git jq:jq npm:npm openssl:openssl python3:python3 tar:tar)
missing=()
for line in "${wanted[@]}"; do
    command -v "${line%%:*}" >/dev/null || missing+=("${line##*:}")
done
# Debian's python3 comes without what makes an environment.
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=("python3-venv")
if ((${#missing[@]} == 0)); then exit 0; fi

if ! command -v apt-get >/dev/null; then
    echo "packages: missing: ${missing[*]}; install them, and run this again (there is no apt-get here)" >&2
    exit 1
fi
root=()
if [[ "$(id -u)" != 0 ]]; then root=(sudo); fi
echo "packages: installing ${missing[*]} from the distribution (once)"
log="$(mktemp)"
if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "packages: they could not be installed; the whole log is in $log" >&2
    exit 1
fi
rm -f "$log"
dpkg-query --show --showformat='packages: ${Package} ${Version}\n' "${missing[@]}"
