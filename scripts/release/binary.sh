#!/usr/bin/env bash
# Builds the static binary from two copies of the sources, in two folders, and compares the bytes. One copy: ONCE=1.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ -n "${BINARY:-}" ]]; then
    say "BINARY is $BINARY: nothing is built, and this is no release"
    exit 0
fi

triple=x86_64-unknown-linux-gnu
cargo_home="${CARGO_HOME:-$HOME/.cargo}"

# build FOLDER: a copy of the sources as git has them, and its binary as FOLDER/koreconcile.
build() {
    local folder="$1"
    rm -rf "$folder/source"
    mkdir -p "$folder/source"
    git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$folder/source" --touch
    # getrandom: without it, a static program asks /dev/urandom, which an empty root does not have.
    # --target: without it, build scripts and macros are built with these flags, too, and macros cannot be static.
    (
        cd "$folder/source"
        export KORECONCILE_COMMIT="$commit" CARGO_TARGET_DIR="$folder/target" CARGO_PROFILE_RELEASE_STRIP=symbols
        export RUSTFLAGS="-C target-feature=+crt-static --cfg getrandom_backend=\"linux_getrandom\" \
            --remap-path-prefix=$folder/source=/source --remap-path-prefix=$folder/target=/target \
            --remap-path-prefix=$cargo_home=/cargo"
        nice -n "${NICE:-0}" cargo build --release --locked --target "$triple" --bin koreconcile
    )
    cp "$folder/target/$triple/release/koreconcile" "$folder/koreconcile"
}

say "first build of $name ($commit), 7 minutes on 2 cores"
build "$work/build-1"
if [[ -z "${ONCE:-}" ]]; then
    say "second build, in another folder"
    build "$work/another/build-2"
    same "$work/build-1/koreconcile" "$work/another/build-2/koreconcile" "the binary"
fi
cp "$work/build-1/koreconcile" "$binary"

file "$binary" | grep --quiet 'static' || fail "it is not linked statically: $(file "$binary")"
named="$(strings "$binary" | grep --fixed-strings -e "$work" -e "$cargo_home/" || true)"
[[ -z "$named" ]] || fail "the binary names folders of this machine: ${named:0:300}"
"$binary" --version | grep --quiet --fixed-strings "$version ($commit)" || fail "it does not name its commit"
# An empty root: no library, no /dev, no /proc, no file but the manifests.
fresh "$work/empty"
cp "$binary" "$work/empty/koreconcile"
cp -R examples/quickstart "$work/empty/access"
as_root=()
if [[ "$(id -u)" != 0 ]]; then as_root=(sudo); fi
"${as_root[@]}" chroot "$work/empty" /koreconcile validate /access
say "$(stat --format=%s "$binary") bytes, sha256 $(digest "$binary")"
