#!/usr/bin/env bash
# Certificate authorities for the image, from Debian's package and not from this machine, which may trust more. Prints the file.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder="$target/tools/ca-certificates"
bundle="$folder/ca-certificates.crt"
if [[ ! -s "$bundle" ]]; then
    fresh "$folder"
    (cd "$folder" && apt-get download ca-certificates >download.log 2>&1) || fail "apt-get: $(tail -n 3 "$folder/download.log")"
    dpkg-deb --extract "$folder"/ca-certificates_*.deb "$folder/unpacked"
    find "$folder/unpacked/usr/share/ca-certificates/mozilla" -name '*.crt' | sort | xargs cat >"$bundle.new"
    mv "$bundle.new" "$bundle"
fi
printf '%s\n' "$bundle"
