#!/usr/bin/env bash
# The steps of a pipeline around koreconcile. GitHub Actions and GitLab CI call the same ones, and so can you.
#
#   install         fetch koreconcile, unless it is installed
#   validate        check the manifests, offline
#   snapshot        on GitHub: look for the last snapshot of the drift check
#   plan OUT        OUT/comment.md, and with credentials OUT/plan.sealed
#   comment OUT     put OUT/comment.md under the pull or merge request, over the comment that is there
#   approved OUT    look for the plan that was approved with the commit that was merged
#   choose OUT      keep the approved plan if it still says what was approved, else the new one, for review
#   apply OUT [ENV] apply OUT/plan.sealed and nothing else; with ENV only if `choose` has chosen that environment
#   ended OUT       take away what was applied with an end that has passed, and nothing else
#   drift OUT       OUT/account.snapshot, and one issue that is open while the account differs from its manifests
#   adopt OUT       OUT/adopt.md, and one pull or merge request that writes down what was changed in the console; what is
#                   critical is named in it, to be reverted, and never adopted
#
# Needs bash, git, curl and jq. Settings come from the environment:
#
#   KORECONCILE_MANIFESTS            the folder of the manifests (access)
#   KORECONCILE_ACCOUNT              which account, when they declare several
#   KORECONCILE_BASE                 the revision that tells edited from drift
#   KORECONCILE_SNAPSHOT             a snapshot to plan on, where there are no credentials
#   KORECONCILE_REDACT               not empty: no addresses of people in comments and issues
#   KORECONCILE_URL, _SHA256         where `install` finds koreconcile-*.tar.gz, and what it must be
#   KORE_CLIENT_ID, _SECRET          the app's credentials, as account.yaml names them
#   KORECONCILE_MEMORY_KEY           the key of the memory, where account.yaml keeps it in a reference
#   GITHUB_TOKEN                     on GitHub: the job's own token
#   KORECONCILE_PULL_REQUEST         on GitHub: the number of the pull request
#   KORECONCILE_GITLAB_TOKEN         on GitLab: a project access token with the scope api
set -euo pipefail

manifests="${KORECONCILE_MANIFESTS:-access}"
bin="${KORECONCILE_BIN:-$HOME/.local/bin}"
PATH="$bin:$PATH"
which_account=()
[[ -z "${KORECONCILE_ACCOUNT:-}" ]] || which_account=(--account "$KORECONCILE_ACCOUNT")

note() { printf '%s\n' "$*" >&2; }

fail() {
    note "error: $*"
    exit 3
}

on_github() { [[ -n "${GITHUB_ACTIONS:-}" ]]; }

# Text for people beside the log: the job's summary on GitHub, the log itself elsewhere.
summary() { if on_github; then cat >>"$GITHUB_STEP_SUMMARY"; else cat; fi; }

# A value for the steps and jobs that follow.
output() { if on_github; then printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; fi; }

# --- GitHub and GitLab -----------------------------------------------------------------------------------------------

# api METHOD PATH [CURL-ARGUMENT...]: one call about this repository; an address in full is taken as it is.
api() {
    local method="$1" url="$2" header
    shift 2
    if on_github; then
        header="Authorization: Bearer ${GITHUB_TOKEN:?is the token of the job}"
        [[ "$url" == http* ]] || url="$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/$url"
    else
        header="PRIVATE-TOKEN: ${KORECONCILE_GITLAB_TOKEN:?is a project access token with the scope api}"
        [[ "$url" == http* ]] || url="$CI_API_V4_URL/projects/$CI_PROJECT_ID/$url"
    fi
    # Arguments can be seen by every process of the machine; the token is none.
    curl --silent --show-error --fail-with-body --globoff --max-time 60 --request "$method" \
        --header 'Content-Type: application/json' --header @<(printf '%s\n' "$header") "$@" "$url"
}

# Every entry of a list, one a line.
entries() {
    local url="$1" page entries
    for page in {1..30}; do
        entries="$(api GET "$url&per_page=100&page=$page")"
        jq --compact-output '.[]' <<<"$entries"
        (($(jq length <<<"$entries") == 100)) || return 0
    done
}

# The id of the entry that begins with the marker and that we wrote ourselves.
# ours LIST FIELD-WITH-THE-TEXT FIELD-WITH-THE-ID MARKER
ours() {
    local mine
    if on_github; then
        mine='.user.type == "Bot" and .pull_request == null'
    else
        mine=".author.id == $(api GET "$CI_API_V4_URL/user" | jq .id)"
    fi
    entries "$1" | jq --raw-output --slurp --arg marker "$4" \
        "map(select((.$2 // \"\" | startswith(\$marker)) and $mine)) | .[0].$3 // empty"
}

comment() {
    local out="$1" marker body list id
    marker="$(head -n 1 "$out/comment.md")"
    body="$(jq --null-input --rawfile body "$out/comment.md" '{ body: $body }')"
    if on_github; then
        list="issues/${KORECONCILE_PULL_REQUEST:?is the number of the pull request}/comments"
    else
        list="merge_requests/$CI_MERGE_REQUEST_IID/notes"
    fi
    id="$(ours "$list?sort=asc" body id "$marker")"
    if [[ -z "$id" ]]; then
        api POST "$list" --data-binary @- <<<"$body" >/dev/null
    elif on_github; then
        api PATCH "issues/comments/$id" --data-binary @- <<<"$body" >/dev/null
    else
        api PUT "$list/$id" --data-binary @- <<<"$body" >/dev/null
    fi
}

# One issue an account: opened or brought up to date while it differs, closed when it does not any more.
issue() {
    local file="$1" differs="$2" marker method open text number close title id
    marker="$(head -n 1 "$file")"
    if on_github; then
        method=PATCH open='issues?state=open' text=body number=number close='{ "state": "closed" }'
    else
        method=PUT open='issues?state=opened' text=description number=iid close='{ "state_event": "close" }'
    fi
    id="$(ours "$open" "$text" "$number" "$marker")"
    title="${KORECONCILE_ACCOUNT:+$KORECONCILE_ACCOUNT: }the account differs from its manifests"
    body() { jq --null-input --rawfile text "$file" --arg title "$title" "{ \"$text\": \$text } + $1"; }
    if [[ -n "$id" && "$differs" == yes ]]; then
        body '{}' | api "$method" "issues/$id" --data-binary @- >/dev/null
    elif [[ -n "$id" ]]; then
        body "$close" | api "$method" "issues/$id" --data-binary @- >/dev/null
    elif [[ "$differs" == yes ]]; then
        # shellcheck disable=SC2016 # $title is jq's
        body '{ title: $title }' | api POST issues --data-binary @- >/dev/null
    fi
}

# --- koreconcile -----------------------------------------------------------------------------------------------------

install() {
    if ! command -v koreconcile >/dev/null; then
        local url="${KORECONCILE_URL:?says where koreconcile-*.tar.gz is}" archive
        archive="$(mktemp)"
        curl --silent --show-error --fail --location --max-time 300 --output "$archive" "$url"
        sha256sum --check --status <<<"${KORECONCILE_SHA256:?says what it must be}  $archive" ||
            fail "$url is not what KORECONCILE_SHA256 says; correct one of the two"
        mkdir -p "$bin"
        tar --extract --gzip --file "$archive" --directory "$bin" koreconcile
        rm "$archive"
    fi
    koreconcile --version
}

validate() {
    local format=text
    if on_github; then format=github; fi
    koreconcile validate --format "$format" "${which_account[@]}" "$manifests"
}

# The revision to tell edited from drift by, as a flag. Before the KoreAccount was merged there is none.
base() {
    local base="${KORECONCILE_BASE:-}"
    [[ -n "$base" ]] || return 0
    if ! git rev-parse --quiet --verify "$base^{commit}" >/dev/null &&
        ! git fetch --quiet --depth=1 origin "$base" 2>/dev/null; then
        note "there is no revision $base here: edited or drift is unknown"
    elif ! git grep --quiet --extended-regexp 'kind["'\'']?:[[:space:]]*["'\'']?KoreAccount' "$base" -- "$manifests"; then
        note "$base declares no KoreAccount under $manifests yet: edited or drift is unknown"
    else
        printf -- '--base=%s\n' "$base"
    fi
}

# The newest of these artefacts, as the id of the run that holds it. A pull request from a fork could leave something of the
# same name.
run_with() {
    api GET "actions/artifacts?name=$1&per_page=100" | jq --raw-output '
        .artifacts
        | map(select((.expired | not) and .workflow_run.head_repository_id == .workflow_run.repository_id))
        | max_by(.created_at) | .workflow_run.id // empty'
}

snapshot() {
    local run
    run="$(run_with koreconcile-snapshot)"
    [[ -n "$run" ]] || fail "there is no snapshot of the last three days; run the drift check, which creates one"
    output run-id "$run"
}

# With credentials the account is asked and the plan is sealed; without, a snapshot is.
plan() {
    local out="$1" flags=(--format markdown) base snapshot="${KORECONCILE_SNAPSHOT:-}"
    mkdir -p "$out"
    base="$(base)"
    [[ -z "$base" ]] || flags+=("$base")
    [[ -z "${KORECONCILE_REDACT:-}" ]] || flags+=(--redact)
    if [[ -n "${KORE_CLIENT_ID:-}" ]]; then
        flags+=(--out "$out/plan.sealed")
    else
        if ! on_github && [[ -z "$snapshot" ]]; then
            snapshot="$out/account.snapshot"
            api GET "jobs/artifacts/$CI_DEFAULT_BRANCH/raw/out/account.snapshot?job=drift" --output "$snapshot"
        fi
        [[ -s "$snapshot" ]] ||
            fail "there are neither credentials nor a snapshot to plan from; run the drift check once, which creates one"
        flags+=(--observed "$snapshot")
    fi
    koreconcile plan "${flags[@]}" "${which_account[@]}" "$manifests" >"$out/comment.md"
    summary <"$out/comment.md"
}

# Every pull request leaves its sealed plan behind: an artefact of the pipeline that made it.
approved() {
    local out="$1" head request pipeline job
    mkdir -p "$out/approved"
    if on_github; then
        head="$(api GET "commits/$GITHUB_SHA/pulls" | jq --raw-output 'map(select(.merged_at)) | .[0].head.sha // empty')"
        [[ -n "$head" ]] || return 0
        output artifact "koreconcile-plan-$head"
        output run-id "$(run_with "koreconcile-plan-$head")"
    else
        request="$(api GET "repository/commits/$CI_COMMIT_SHA/merge_requests" |
            jq --raw-output 'map(select(.state == "merged")) | .[0].iid // empty')"
        [[ -n "$request" ]] || return 0
        pipeline="$(api GET "merge_requests/$request/pipelines" |
            jq --raw-output "map(select(.project_id == $CI_PROJECT_ID)) | max_by(.id) | .id // empty")"
        [[ -n "$pipeline" ]] || return 0
        job="$(api GET "pipelines/$pipeline/jobs?scope[]=success" |
            jq --raw-output 'map(select(.name == "plan")) | .[0].id // empty')"
        [[ -n "$job" ]] || return 0
        api GET "jobs/$job/artifacts/out/plan.sealed" --output "$out/approved/plan.sealed" ||
            rm -f "$out/approved/plan.sealed"
    fi
}

# What a sealed plan was made of: a digest over all manifests.
made_of() { jq --raw-output .body.plan.inputs.digest "$1"; }

choose() {
    local out="$1" approved="$1/approved/plan.sealed" environment=koreconcile why
    if [[ ! -s "$approved" ]]; then
        environment=koreconcile-review
        why="No plan was approved with this commit, or it is no longer kept: the plan above is new, and waits for a review."
    elif [[ "$(made_of "$approved")" != "$(made_of "$out/plan.sealed")" ]]; then
        environment=koreconcile-review
        why="Something else was merged since the plan was approved: the plan above is new, and waits for a review."
    else
        cp "$approved" "$out/plan.sealed"
        why="The plan approved with the pull request was made of exactly these manifests: it is applied as it was shown there."
    fi
    if jq --exit-status '.body.plan.changes == []' "$out/plan.sealed" >/dev/null; then
        environment=koreconcile
        why="There is nothing to apply."
    fi
    rm -rf "$out/approved"
    printf '%s\n' "$environment" >"$out/environment"
    output environment "$environment"
    printf '\n%s\n' "$why" | summary
}

# What an exit code of `apply` means, and what to do.
meaning() {
    case "$1" in
    0) echo "done: the account was read back, and matches the plan" ;;
    3) echo "nothing was sent: the plan or the manifests cannot be used; the log shows why. Run this workflow by hand for a new plan" ;;
    4) echo "a guard refused changes, which were not sent. Correct the manifests, or raise the limit it names, in a new pull request" ;;
    5) echo "nothing was sent: every change of the plan was stale. Run this workflow by hand for a new plan" ;;
    6) echo "something declared is not in place: the last line counts it, and it is listed below. Run this workflow by hand for a plan of the rest" ;;
    7) echo "the credentials were refused, or a scope is missing; koreconcile doctor shows which" ;;
    8) echo "the platform was out of reach, or the rate limit would have taken too long. Run this job again" ;;
    9) echo "nothing was sent: a later commit was applied before this one. Nothing is to be done, unless history was rewritten" ;;
    10) echo "done, but for what an earlier commit has left undone, too; it is listed below, and turns red after two weeks" ;;
    11) echo "another run on this account was under way. Run this job again" ;;
    *) echo "something unexpected happened; the log shows what. Look at the account before running this job again" ;;
    esac
}

apply() {
    local out="$1" only="${2:-}" code=0
    if [[ -n "$only" && "$only" != "$(<"$out/environment")" ]]; then
        note "nothing to do here: this plan is for the environment $(<"$out/environment")"
        return 0
    fi
    # The state folder holds the journal: what undo needs.
    koreconcile apply --yes --plan "$out/plan.sealed" --state-dir "$out/state" "${which_account[@]}" "$manifests" \
        >"$out/apply.txt" 2>"$out/apply.log" || code=$?
    applied Apply "$code" "$out/apply.txt" "$out/apply.log"
}

# Tells how it ended; fails where something is to be done. applied TITLE CODE OUTPUT LOG
applied() {
    local title="$1" code="$2" text="$3" log="$4"
    cat "$log" >&2
    {
        printf '### %s: exit code %s\n\n%s.\n\n' "$title" "$code" "$(meaning "$code")"
        # Indented: text in names stays code.
        tail -c 60000 "$text" "$log" --quiet | sed 's/^/    /'
    } | summary
    # What was known before fails no merge; it is in the summary.
    [[ "$code" != 10 ]] || return 0
    return "$code"
}

# Goes by the memory of earlier applies: what was applied with an end, and no edit.
ended() {
    local out="$1" code=0
    mkdir -p "$out"
    koreconcile apply --ended --yes --state-dir "$out/state" "${which_account[@]}" "$manifests" \
        >"$out/ended.txt" 2>"$out/ended.log" || code=$?
    applied Ended "$code" "$out/ended.txt" "$out/ended.log"
}

drift() {
    local out="$1" code=0 flags=()
    mkdir -p "$out"
    [[ -z "${KORECONCILE_REDACT:-}" ]] || flags=(--redact)
    koreconcile snapshot --out "$out/account.snapshot" "${which_account[@]}" "$manifests"
    koreconcile plan --observed "$out/account.snapshot" --exit-code --format markdown "${flags[@]}" \
        "${which_account[@]}" "$manifests" >"$out/comment.md" || code=$?
    summary <"$out/comment.md"
    case "$code" in
    0) issue "$out/comment.md" no ;;
    2) issue "$out/comment.md" yes ;;
    *) return "$code" ;;
    esac
}

# The branch, from here to the forge. On GitLab the clone's own address may only read.
push() {
    local branch="$1" remote=origin token="${GITHUB_TOKEN:-${KORECONCILE_GITLAB_TOKEN:-}}"
    [[ -z "${CI_PROJECT_URL:-}" ]] || remote="$CI_PROJECT_URL.git"
    # Git asks the helper, so that the token is no argument of a process.
    # shellcheck disable=SC2016 # $token is the helper's
    token="$token" git -c credential.helper= \
        -c 'credential.helper=!f() { printf "username=oauth2\npassword=%s\n" "$token"; }; f' \
        push --quiet --force "$remote" "HEAD:refs/heads/$branch"
}

# One request an account: opened, or brought up to date.
propose() {
    local file="$1" branch="$2" title list open text number target fields id
    title="${KORECONCILE_ACCOUNT:+$KORECONCILE_ACCOUNT: }write down what was changed in the console"
    if on_github; then
        list=pulls open="pulls?state=open&head=${GITHUB_REPOSITORY%%/*}:$branch" text=body number=number
        target="${KORECONCILE_TARGET:-main}"
        fields='{ title: $title, head: $branch, base: $target, body: $text }'
    else
        list=merge_requests open="merge_requests?state=opened&source_branch=$branch" text=description number=iid
        target="${CI_DEFAULT_BRANCH:-main}"
        fields='{ title: $title, source_branch: $branch, target_branch: $target, description: $text }'
    fi
    id="$(entries "$open" | jq --raw-output --slurp "map(.$number) | .[0] // empty")"
    if [[ -z "$id" ]]; then
        jq --null-input --rawfile text "$file" --arg title "$title" --arg branch "$branch" --arg target "$target" \
            "$fields" | api POST "$list" --data-binary @- >/dev/null
    elif on_github; then
        jq --null-input --rawfile text "$file" "{ \"$text\": \$text }" | api PATCH "$list/$id" --data-binary @- >/dev/null
    else
        jq --null-input --rawfile text "$file" "{ \"$text\": \$text }" | api PUT "$list/$id" --data-binary @- >/dev/null
    fi
}

# Run it on the default branch after what is merged has been applied: what then differs, the account has changed.
adopt() {
    local out="$1" code=0 branch until
    branch="koreconcile/adopt${KORECONCILE_ACCOUNT:+-$KORECONCILE_ACCOUNT}"
    until="$(date -u -d "@$(($(date +%s) + 14 * 86400))" +%F)"
    mkdir -p "$out"
    koreconcile adopt --all --max-risk high --until "$until" --base HEAD --format markdown \
        "${which_account[@]}" "$manifests" >"$out/adopt.md" || code=$?
    # 6: something is left to a person, and the text says what.
    ((code == 0 || code == 6)) || return "$code"
    summary <"$out/adopt.md"
    [[ -n "$(git status --porcelain -- "$manifests")" ]] || return 0
    git switch --quiet --force-create "$branch"
    git add --all -- "$manifests"
    git -c user.name=koreconcile -c user.email=koreconcile@example.com commit --quiet \
        --message "access: write down what was changed in the console"
    push "$branch"
    propose "$out/adopt.md" "$branch"
}

case "${1:-}" in
install | validate | snapshot) "$1" ;;
plan | comment | approved | choose | apply | ended | drift | adopt) "$1" "${2:?is the folder to write to}" "${@:3}" ;;
*) fail "no step ${1:-}; the top of $0 lists them" ;;
esac
