#!/usr/bin/env bash
# images.sh FOLDER: the images of the node as archives in FOLDER: pause.tar, and koreconcile.tar from the released binary, or from
# BINARY with the libraries that it needs, for work on these scripts.
source "$(dirname "${BASH_SOURCE[0]}")/../release/common.sh"

folder="${1:?is where the archives go}"
store=(--root "$work/buildah/root" --runroot "$work/buildah/run")
# archive NAME:TAG FILE CONTEXT
archive() {
    buildah "${store[@]}" bud --quiet --timestamp "$SOURCE_DATE_EPOCH" --tag "localhost/$1" "$3" >/dev/null
    rm -f "$2"
    buildah "${store[@]}" push --quiet "localhost/$1" "docker-archive:$2:localhost/$1"
}

fresh "$work/pause"
gcc -static -Os -s -o "$work/pause/pause" scripts/node/pause.c
printf 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n' >"$work/pause/Containerfile"
archive pause:1 "$folder/pause.tar" "$work/pause"

context="$work/node-image"
fresh "$context"
cp "$binary" "$context/koreconcile"
cp "$(scripts/release/roots.sh)" "$context/ca-certificates.crt"
cp scripts/release/Containerfile "$context/Containerfile"
if ldd "$binary" 2>/dev/null | grep --quiet '=> /'; then
    say "$binary is not static: its libraries go into the image"
    ldd "$binary" | grep --only-matching '/[^ ]*' | sort -u | while read -r library; do
        install -D "$(readlink --canonicalize "$library")" "$context/libraries/$library"
    done
    # Last, so that the image is the released one below it.
    printf 'COPY libraries/ /\n' >>"$context/Containerfile"
fi
archive "koreconcile:$version" "$folder/koreconcile.tar" "$context"
