#!/usr/bin/env bash
# tag.sh TAG: may this commit be released under this tag? The version has to be the tag's, and the changelog has to have its date.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tag="${1:?is the tag, such as v$version}"
[[ "$tag" == "v$version" ]] || fail "the tag is $tag, and Cargo.toml says $version; correct one of the two"
grep --quiet --extended-regexp "^## \[${version//./\\.}\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
    fail "CHANGELOG.md has no line \"## [$version] - YYYY-MM-DD\": write the date into it first"
[[ "$commit" != *-modified ]] || fail "there are changes that are not committed"
say "$commit may be released as $tag"
