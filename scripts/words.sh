#!/usr/bin/env bash
# Words that do not come back into what users read; docs/style.md says what to write. Looks at tracked text files as they
# are in the work tree: string literals and doc comments of src/ (no tests), output snapshots, documents, charts, examples
# and definitions. Finds a phrase across a line break too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# PATTERN => what to write instead. Lower case, spaces for any white space; < and > are the borders of a word.
rules='
<swe(ep(s|ing)?|pt)> => prune, pruned
<alter(s|ed|ing)?> => change, changed
<nobody (declare[sd]|has declared|asked for)> => not declared
<for a person( to (do|look)>| ?[|.,;:)]| *$) => manual, a manual step
<(somebody|someone)> => the role: a user, an administrator, the approver, another process; or the passive
<the whole( ?[|.,;:)]| of it>| is>| are>| as>| at>| *$) => all files, all listings, complete
<(say|says|said|saying) so> => declares it, reports it
<says? no( ?[|.,;:)]| *$) => refuses it
(["”]|<(yes|that|which|here)) does it[.] => is accepted, has that effect
<(a|worth a) word (of|on)> => a note, mention
<(stands?|stood|standing) in> => is in; is used instead of
<a yes> => an approval, approval required
<(say|says|said|saying) yes> => approve, approves
<moments?> => a timestamp, a time
<left alone> => not changed; unmanaged (not declared)
<leaves? (it|them|others) alone> => does not change
<(put|puts|putting) off> => deferred, defer
<overtaken> => stale
<(hold|holds|held|holding) back> => block, blocked
<look(s|ed)? as (it|they) should> => the rule that is broken: not an origin, not a timestamp
<closed scope> => authoritative list
<scope is (not )?closed> => authoritative list
<named removals?> => declared absent
<may use [^:]*: all dialogs> => assigned to BOT (all dialogs)
<whatever [a-z_.-]+ says> => overriding ...
'

# Lines that may keep a word: a pattern on FILE:TEXT, and why.
allowed=(
    # Statements of SQL.
    '^src/sandbox/.*alter table'
)

# The table of these words itself, and the vendor as it is quoted.
mapfile -t files < <(git ls-files -- 'src/*.rs' 'tests/*.snap' README.md CONTRIBUTING.md 'docs/*.md' 'docs/*.json' \
    'charts/*' 'examples/*' 'crds/*' ':!docs/style.md' ':!src/*/tests.rs' ':!src/*/tests/*')

found="$(RULES="$rules" awk '
    BEGIN {
        count = split(ENVIRON["RULES"], lines, "\n")
        for (at = 1; at <= count; at++) {
            if (split(lines[at], parts, " => ") != 2) continue
            pattern = parts[1]
            gsub(/</, "(^|[^a-z_])", pattern)
            gsub(/>/, "([^a-z_]|$)", pattern)
            patterns[++rules] = pattern
            advice[rules] = parts[2]
            any = any (any == "" ? "" : "|") "(" pattern ")"
        }
    }

    # What a reader sees of a line of Rust: a doc comment, or what is inside its string literals.
    function of_rust(line,    text, c, rest) {
        if (!raw && !open && line ~ /^[ \t]*\/\/[\/!]/) {
            sub(/^[ \t]*\/\/[\/!] ?/, "", line)
            return line
        }
        text = ""
        while (line != "") {
            if (raw) {
                at = index(line, "\"#")
                if (at == 0) return text line
                text = text substr(line, 1, at - 1) " "
                line = substr(line, at + 2)
                raw = 0
            } else if (open) {
                match(line, /^([^"\\]|\\.)*/)
                text = text substr(line, 1, RLENGTH)
                line = substr(line, RLENGTH + 1)
                if (line !~ /^"/) return text
                text = text " | "
                line = substr(line, 2)
                open = 0
            } else {
                if (!match(line, /\/\/|"|r#"|\x27\\?"\x27/)) return text
                c = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                if (c == "//") return text
                if (c == "\"") open = 1
                if (c == "r#\"") raw = 1
            }
        }
        return text
    }

    # A phrase counts where it begins: on `before`, whose next line is `after`.
    function look(before, after,    at, text, from, rest, start) {
        text = tolower(before " " after)
        gsub(/\\n/, " ", text)
        gsub(/[ \t]+/, " ", text)
        if (text !~ any) return
        for (at = 1; at <= rules; at++) {
            if (!match(text, patterns[at])) continue
            from = before
            gsub(/\\n/, " ", from)
            gsub(/[ \t]+/, " ", from)
            sub(/ $/, "", from)
            start = RSTART
            if (substr(text, start, 1) !~ /[a-z]/) start++
            if (start > length(from)) continue
            rest = substr(text, RSTART, RLENGTH)
            gsub(/^[^a-z]+|[^a-z]+$/, "", rest)
            printf "%s:%d: \"%s\" -> %s\t%s\n", file, number, rest, advice[at], tolower(before)
        }
    }

    FNR == 1 {
        if (file != "") look(kept, "")
        file = FILENAME
        kept = ""
        number = 0
        is_rust = FILENAME ~ /\.rs$/
        raw = open = is_over = 0
        was_test = 0
    }
    is_over { next }
    is_rust && was_test && /^mod .*\{/ { is_over = 1; next }
    {
        was_test = is_rust && /^#\[cfg\(test\)\]/
        text = $0
        if (is_rust) text = of_rust($0)
        else sub(/^[ \t]*(#|>|\*|-|\/\/)+ ?/, "", text)
        if (number > 0) look(kept, text)
        kept = text
        number = FNR
    }
    END { if (file != "") look(kept, "") }
' "${files[@]}")"

failed=0
while IFS=$'\t' read -r finding text; do
    [[ -n "$finding" ]] || continue
    for pattern in "${allowed[@]}"; do
        if [[ "${finding%%:*}:$text" =~ $pattern ]]; then continue 2; fi
    done
    failed=1
    echo "words: $finding" >&2
done <<<"$found"

if ((failed == 0)); then
    echo "words: nothing found in ${#files[@]} files"
fi
exit "$failed"
