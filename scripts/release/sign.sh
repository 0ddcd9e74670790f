#!/usr/bin/env bash
# Checksums of everything in target/dist, and their signature: by RELEASE_KEY (a file), or by a key that is thrown away.
# Then the installer of examples/ci installs it, and refuses what was changed.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

key="${RELEASE_KEY:-}"
if [[ -z "$key" ]]; then
    key="$work/throw-away.key"
    rm -f "$key"
    openssl ecparam -name prime256v1 -genkey -noout -out "$key" 2>/dev/null
    say "signed by a key that is thrown away: RELEASE_KEY is not set"
fi
openssl ec -in "$key" -pubout -out "$work/koreconcile.pub" 2>/dev/null

rm -f "$dist/SHA256SUMS" "$dist/SHA256SUMS.sig"
(cd "$dist" && find . -maxdepth 1 -type f -printf '%P\n' | sort | xargs sha256sum) >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" "$dist/SHA256SUMS"
openssl dgst -sha256 -sign "$key" -out "$dist/SHA256SUMS.sig" "$dist/SHA256SUMS"
openssl dgst -sha256 -verify "$work/koreconcile.pub" -signature "$dist/SHA256SUMS.sig" "$dist/SHA256SUMS" >/dev/null

# --- As a pipeline installs it -----------------------------------------------------------------------------------------

place="$work/pipeline"
archive="$name-linux-amd64.tar.gz"
# installs EXIT-CODE SAYS WHAT: the installer, on the release in $place/release.
installs() {
    local code=0
    rm -rf "$place/bin" "$place/cache"
    KORECONCILE_BIN="$place/bin" XDG_CACHE_HOME="$place/cache" PATH="$place/path" \
        "$place/ci/koreconcile-ci.sh" install >"$place/said" 2>&1 || code=$?
    [[ "$code" == "$1" ]] || fail "$3: the installer ends with $code, not $1: $(cat "$place/said")"
    grep --quiet --fixed-strings -e "$2" "$place/said" || fail "$3: the installer does not say \"$2\": $(cat "$place/said")"
}
# A machine without koreconcile.
path_without() {
    local folder="$1" command
    mkdir -p "$folder"
    for command in bash basename cat curl cut cp dirname env find grep gzip head install jq mkdir mktemp mv openssl rm sed sha256sum tail tar; do
        ln -s "$(command -v "$command")" "$folder/$command"
    done
}
prepare() {
    fresh "$place"
    path_without "$place/path"
    mkdir "$place/ci"
    cp examples/ci/koreconcile-ci.sh "$work/koreconcile.pub" "$place/ci/"
    cp -R "$dist" "$place/release"
    cat >"$place/ci/koreconcile.release" <<RELEASE
url=file://$place/release
archive=$archive
sha256=$(digest "$dist/$archive")
RELEASE
}
prepare
installs 0 "$version" "the release"
prepare
printf 'x' >>"$place/release/$archive"
installs 3 "sha256" "an archive with another byte"
prepare
printf 'x' >>"$place/release/$archive"
sed -i "s/^sha256=.*/sha256=$(digest "$place/release/$archive")/" "$place/ci/koreconcile.release"
installs 3 "SHA256SUMS" "an archive that the signed list does not have"
prepare
sed -i 's/^./0/' "$place/release/SHA256SUMS"
installs 3 "signature" "a list that was changed"
prepare
openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl ec -pubout -out "$place/ci/koreconcile.pub" 2>/dev/null
installs 3 "signature" "a release of another key"

say "the installer of examples/ci takes the release, and refuses four that were changed"
