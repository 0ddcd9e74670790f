#!/usr/bin/env bash
# What the repository may not hold. Looks at tracked text files as they are in the work tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0

# refuse RULE WHAT-TO-DO PATTERN [PATHSPEC...]: every line that matches is a finding.
refuse() {
    local rule="$1" advice="$2" pattern="$3"
    shift 3
    report "$rule" "$advice" "$(git grep -I -n -E -e "$pattern" -- "$@" || true)"
}

report() {
    local rule="$1" advice="$2" findings="$3"
    if [[ -n "$findings" ]]; then
        failed=1
        {
            echo "hygiene: $rule"
            cut -c1-200 <<<"$findings" | sed 's/^/  /'
            echo "  -> $advice"
        } >&2
    fi
}

refuse "a path of somebody's machine" "make it relative, or take it from a variable" \
    '(^|[^[:alnum:]_.}-])/(work|root|home|Users)/[[:alnum:]._-]'

refuse "a registry's host outside lock files and deny.toml" "name the package, not the place it comes from" \
    '(crates\.io|(proxy|sum)\.golang\.org|npmjs\.(org|com)|pypi\.org|pythonhosted\.org|maven\.(org|apache\.org)|(deb|security)\.debian\.org)' \
    ':!*.lock' ':!deny.toml' ':!*go.sum' ':!*package-lock.json'

refuse "a private key" "make keys where they are used, at run time" \
    'BEGIN [A-Z0-9 ]*PRIVATE KEY'

refuse "a reference to notes that are not in the repository" "say it here, or link to docs/" \
    '(^|[^[:alnum:]_-])shared/[a-z-]+\.md'

refuse "unfinished code or a skipped test" "finish it, or leave it out" \
    '(^|[^[:alnum:]_])(todo|unimplemented)!|#\[ignore' '*.rs'

# Addresses: every one of a line is looked at, and only domains set aside for examples may stand behind the @.
# The name and password of a URL (`https://user:pass@host`) are no address.
address='(://[^[:space:]/@]*:)?[[:alnum:]._%+-]+@([[:alnum:]-]+\.)+[[:alpha:]]{2,}'
reserved='://|@([a-z0-9-]+\.)*(example\.(com|org|net)|example|test|invalid)(\.eml)?$'
addresses="$(git grep -I -n -o -E -e "$address" -- ':!*.lock' ':!LICENSE' || true)"
report "an e-mail address that could be somebody's" "use example.com, example.org or a name under .example" \
    "$(grep -v -i -E "$reserved" <<<"$addresses" || true)"

if ((failed == 0)); then
    echo "hygiene: nothing found in $(git ls-files | wc -l | tr -d ' ') files"
fi
exit "$failed"
