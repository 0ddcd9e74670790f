#!/usr/bin/env bash
# The archive for Linux, from the binary and the documents; packed twice to the same bytes.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

fill() {
    fresh "$1"
    cp "$binary" "$1/koreconcile"
    chmod 755 "$1/koreconcile"
    cp LICENSE CHANGELOG.md "$work/documents/NOTICES" "$work/documents/koreconcile.cdx.json" "$1/"
    mkdir "$1/man"
    cp -R "$work/documents/man1" "$1/man/"
    cp -R "$work/documents/completions" "$1/"
}

archive="$dist/$name-linux-amd64.tar.gz"
fill "$work/archive/$name"
pack "$work/archive/$name" "$archive"
fill "$work/archive-again/$name"
find "$work/archive-again" -exec touch --date=2001-01-01 {} +
pack "$work/archive-again/$name" "$work/again.tar.gz"
same "$archive" "$work/again.tar.gz" "the archive"
cp "$work/documents/koreconcile.cdx.json" "$dist/$name.cdx.json"
say "$(tar --list --gzip --file "$archive" | wc -l) entries"
