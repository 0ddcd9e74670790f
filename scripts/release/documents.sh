#!/usr/bin/env bash
# What goes beside the binary: manual pages, completions, notices and the SBOM, in target/release-work/documents.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

out="$work/documents"
fresh "$out"
mkdir "$out/completions"

"$binary" man --out "$out/man1" --quiet
for page in "$out"/man1/*.1; do
    warnings="$(MANWIDTH=100 man --warnings --local-file "$page" 2>&1 >/dev/null | head -n 3)"
    [[ -z "$warnings" ]] || fail "$page: $warnings"
done
for shell in bash zsh fish; do
    "$binary" completions "$shell" >"$out/completions/koreconcile.$shell"
done
bash -n "$out/completions/koreconcile.bash"

cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu >"$work/metadata.json"
python3 scripts/release/notices.py "$work/metadata.json" >"$out/NOTICES"
python3 scripts/release/sbom.py Cargo.lock "$work/metadata.json" >"$out/koreconcile.cdx.json"

# The SBOM, checked by others: its shape by CycloneDX's own library, its packages against Cargo.lock.
venv="$target/tools/sbom"
scripts/venv.sh "$venv" scripts/release/requirements.txt
"$venv/bin/python" - "$out/koreconcile.cdx.json" <<'PYTHON'
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1], encoding="utf-8").read())
sys.exit(f"the SBOM is no CycloneDX 1.6: {error}" if error else 0)
PYTHON
locked() { awk -F'"' '/^name = /{ n = $2 } /^version = "/ { print n, $2 }' Cargo.lock | sort; }
listed() { jq --raw-output '.metadata.component, .components[] | "\(.name) \(.version)"' "$out/koreconcile.cdx.json" | sort; }
diff <(locked) <(listed) || fail "the SBOM and Cargo.lock name different packages"

say "$(find "$out/man1" -type f | wc -l) manual pages, $(wc -l <"$out/NOTICES") lines of notices," \
    "$(jq '.components | length' "$out/koreconcile.cdx.json") packages in the SBOM"
