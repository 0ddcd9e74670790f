#!/usr/bin/env bash
# publish.sh sign|files|registry: what only the release workflow does, with target/dist as `make release-check` has made it.
#
#   sign      by RELEASE_KEY_TEXT, a private key in PEM form
#   files     a release of the forge, by gh
#   registry  image and chart to REGISTRY, as REGISTRY_USER with REGISTRY_PASSWORD
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

sign() {
    local key
    [[ -n "${RELEASE_KEY_TEXT:-}" ]] || fail "RELEASE_KEY is not a secret of the environment release: RELEASING.md, \"Set up once\""
    key="$(mktemp)"
    trap 'rm -f "$key"' EXIT
    printf '%s\n' "$RELEASE_KEY_TEXT" >"$key"
    RELEASE_KEY="$key" scripts/release/sign.sh
}

# The section of the changelog is the text of the release.
files() {
    awk -v version="$version" '/^## / { is_it = index($0, "[" version "]") > 0; next } is_it' CHANGELOG.md >"$work/notes.md"
    gh release create "v$version" --verify-tag --title "koreconcile $version" --notes-file "$work/notes.md" "$dist"/*
}

registry() {
    [[ -n "${REGISTRY:-}" ]] || fail "RELEASE_REGISTRY is no variable of the repository: RELEASING.md, \"Set up once\""
    skopeo login --username "$REGISTRY_USER" --password-stdin "${REGISTRY%%/*}" <<<"$REGISTRY_PASSWORD"
    helm registry login --username "$REGISTRY_USER" --password-stdin "${REGISTRY%%/*}" <<<"$REGISTRY_PASSWORD"
    skopeo copy "oci-archive:$dist/$name-image.tar" "docker://$REGISTRY/koreconcile:$version"
    helm push "$dist/$name.tgz" "oci://$REGISTRY/charts"
}

case "${1:-}" in
sign | files | registry) "$1" ;;
*) fail "say what: sign, files or registry" ;;
esac
