#!/usr/bin/env bash
# Everything that a release does but publishing: `make release-check`. Lists what it made, with sizes and digests.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

began="$(date +%s)"
# What was released before is not what is listed below.
fresh "$dist"
for name in packages binary documents archive deb image chart sign; do
    echo "== $name ($(date -u +%H:%M:%S))"
    "scripts/release/$name.sh"
done

echo
(cd "$dist" && find . -maxdepth 1 -type f -printf '%P\n' | sort | while read -r file; do
    printf '%12s  %s  %s\n' "$(stat --format=%s "$file")" "$(digest "$file")" "$file"
done)
took=$(($(date +%s) - began))
printf '\nrelease-check: all passed in %d min %d s: koreconcile %s (%s) is in %s\n' $((took / 60)) $((took % 60)) \
    "$version" "$commit" "${dist#"$root/"}"
