#!/usr/bin/env bash
# The package for Debian and Ubuntu, looked at by lintian; packed twice to the same bytes, unpacked and run.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

maintainer="${RELEASE_MAINTAINER:-The koreconcile maintainers <koreconcile@example.com>}"
date="$(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")"

fill() {
    local into="$1" doc="$1/usr/share/doc/koreconcile"
    fresh "$into"
    install -D --mode=755 "$binary" "$into/usr/bin/koreconcile"
    mkdir -p "$into/DEBIAN" "$doc" "$into/usr/share/man/man1" "$into/usr/share/lintian/overrides"
    cp "$work/documents/man1/"*.1 "$into/usr/share/man/man1/"
    install -D --mode=644 "$work/documents/completions/koreconcile.bash" \
        "$into/usr/share/bash-completion/completions/koreconcile"
    install -D --mode=644 "$work/documents/completions/koreconcile.zsh" "$into/usr/share/zsh/vendor-completions/_koreconcile"
    install -D --mode=644 "$work/documents/completions/koreconcile.fish" \
        "$into/usr/share/fish/vendor_completions.d/koreconcile.fish"
    cp scripts/release/copyright "$doc/copyright"
    cp CHANGELOG.md "$doc/changelog"
    printf 'koreconcile (%s) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' \
        "$version-1" "$maintainer" "$date" >"$doc/changelog.Debian"
    cp "$work/documents/NOTICES" "$work/documents/koreconcile.cdx.json" "$doc/"
    gzip -9 --no-name "$into/usr/share/man/man1/"*.1 "$doc/changelog" "$doc/changelog.Debian" "$doc/NOTICES"
    cp scripts/release/lintian-overrides "$into/usr/share/lintian/overrides/koreconcile"
    (cd "$into" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    cat >"$into/DEBIAN/control" <<CONTROL
Package: koreconcile
Version: $version-1
Architecture: amd64
Maintainer: $maintainer
Installed-Size: $(du --summarize --apparent-size --block-size=1K "$into/usr" | cut -f1)
Recommends: ca-certificates
Suggests: git
Section: admin
Priority: optional
Description: access to a Kore.ai account as code
 Users, roles, role bindings and bot assignments of a Kore.ai account in YAML:
 reviewed as a plan in a pull request, applied by CI or by a Kubernetes
 controller. A sandbox with the same Admin API is in the program.
CONTROL
}

deb="$dist/koreconcile_${version}_amd64.deb"
fill "$work/deb"
dpkg-deb --root-owner-group -Zxz --build "$work/deb" "$deb" >/dev/null
fill "$work/deb-again"
dpkg-deb --root-owner-group -Zxz --build "$work/deb-again" "$work/again.deb" >/dev/null
same "$deb" "$work/again.deb" "the package"

lintian --fail-on error,warning --allow-root "$deb" || fail "lintian has found something, as above"
fresh "$work/deb-unpacked"
dpkg-deb --extract "$deb" "$work/deb-unpacked"
"$work/deb-unpacked/usr/bin/koreconcile" --version
say "$(dpkg-deb --field "$deb" Package Version Architecture | tr '\n' ' ')- lintian has found nothing"
