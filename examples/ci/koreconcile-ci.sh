#!/usr/bin/env bash
# The steps of a pipeline around koreconcile. GitHub Actions and GitLab CI call the same ones, and so can you.
#
#   install         fetch koreconcile, unless it is installed: the release that koreconcile.release beside this script names
#   changes         say whether manifests or pipeline were touched since KORECONCILE_BASE
#   gate RESULT...  fail unless every job has succeeded or was not needed
#   validate        check the manifests, offline
#   snapshot        on GitHub: look for the last snapshot of the drift check
#   plan OUT        OUT/comment.md, and with credentials OUT/plan.sealed
#   comment OUT     put OUT/comment.md under the pull or merge request, over the comment that is there
#   approved OUT    look for the plan that was approved with the commit that was merged
#   choose OUT      keep the approved plan if it still says what was approved, else the new one, for review
#   approvals OUT   OUT/approvals.json: who has approved the request, and of which commit, for the areas of the manifests
#   apply OUT [ENV] apply OUT/plan.sealed and nothing else; with ENV only if `choose` has chosen that environment; with
#                   OUT/approvals.json only if the areas that it touches have their approvals
#   ended OUT       take away what was applied with an end that has passed, and nothing else
#   drift OUT       OUT/account.snapshot, and one issue that is open while the account differs from its manifests
#   adopt OUT       OUT/adopt.md, and one pull or merge request that writes down what was changed in the console; what is
#                   critical is named in it, to be reverted, and never adopted
#
# Needs bash, git, curl, jq and openssl. Settings come from the environment:
#
#   KORECONCILE_MANIFESTS            the folder of the manifests (access)
#   KORECONCILE_ACCOUNT              which account, when they declare several
#   KORECONCILE_BASE                 the revision that tells edited from drift
#   KORECONCILE_SNAPSHOT             a snapshot to plan on, where there are no credentials
#   KORECONCILE_REDACT               not empty: no addresses of people in comments and issues
#   KORECONCILE_DIGEST               of a plan that was read before: if the new plan has it, it is applied without another review
#   KORECONCILE_DOWNLOAD_TOKEN       for a release that only those with a token may fetch; on the forge that runs the
#                                    pipeline, the job's own token is used
#   KORE_CLIENT_ID, _SECRET          the app's credentials, as account.yaml names them
#   KORECONCILE_MEMORY_KEY           the key of the memory, where account.yaml keeps it in a reference
#   GITHUB_TOKEN                     on GitHub: the job's own token
#   KORECONCILE_PULL_REQUEST         on GitHub: the number of the pull request
#   KORECONCILE_GITLAB_TOKEN         on GitLab: a project access token with the scope api
#   KORECONCILE_TEAMS_TOKEN          on GitHub: a token that may read who is in a team (read:org); the job's own may not
set -euo pipefail

steps="install changes gate validate snapshot plan comment approved choose approvals apply ended drift adopt"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
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
    elif [[ -z "${KORECONCILE_GITLAB_TOKEN:-}" && "$method $url" == "GET jobs/"* ]]; then
        # A merge request that may not have the token still gets the snapshot of the drift check.
        header="JOB-TOKEN: ${CI_JOB_TOKEN:?is the token of the job}"
        url="$CI_API_V4_URL/projects/$CI_PROJECT_ID/$url"
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
    if ! on_github && [[ -z "${KORECONCILE_GITLAB_TOKEN:-}" ]]; then
        note "no comment is written: KORECONCILE_GITLAB_TOKEN is not set here; the plan is in this log"
        return 0
    fi
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

# A line NAME=VALUE of koreconcile.release.
release() {
    local value
    value="$(sed -n "s/^$1=[[:space:]]*//p" "$here/koreconcile.release" | tail -n 1)"
    [[ -n "$value" ]] || fail "$here/koreconcile.release does not set $1"
    printf '%s\n' "${value%"${value##*[![:space:]]}"}"
}

# download URL FILE [HEADER]: with the token that this address takes, if there is one.
download() {
    local url="$1" file="$2" header=()
    if [[ -n "${GITHUB_API_URL:-}" && -n "${GITHUB_TOKEN:-}" && "$url" == "$GITHUB_API_URL"/* ]]; then
        header=("Authorization: Bearer ${KORECONCILE_DOWNLOAD_TOKEN:-$GITHUB_TOKEN}")
    elif [[ -n "${CI_API_V4_URL:-}" && -n "${CI_JOB_TOKEN:-}" && "$url" == "$CI_API_V4_URL"/* ]]; then
        header=("JOB-TOKEN: $CI_JOB_TOKEN")
    elif [[ -n "${KORECONCILE_DOWNLOAD_TOKEN:-}" ]]; then
        header=("Authorization: Bearer $KORECONCILE_DOWNLOAD_TOKEN")
    fi
    # curl keeps these headers from any other host that the address leads to.
    curl --silent --show-error --fail --location --max-time 300 --retry 3 --header "${3:-Accept: */*}" \
        --header @<(printf '%s\n' "${header[@]}") --output "$file" "$url" ||
        fail "$url cannot be fetched; a private release takes KORECONCILE_DOWNLOAD_TOKEN"
}

# A file of the release. The address of a release in GitHub's API lists its files with an address each.
fetch() {
    local name="$1" file="$2" url asset
    url="$(release url)"
    if [[ "$url" != */releases/tags/* ]]; then
        download "${url%/}/$name" "$file"
        return
    fi
    download "$url" "$file"
    asset="$(jq --raw-output --arg name "$name" '.assets[] | select(.name == $name) | .url' "$file")"
    [[ -n "$asset" ]] || fail "the release $url has no file $name"
    download "$asset" "$file" "Accept: application/octet-stream"
}

is_pinned() { [[ -s "$1" && "$(sha256sum "$1" | cut -d' ' -f1)" == "$2" ]]; }

# The checksum is of this repository, so nobody else can change what is installed. The signature says who made it.
verified() {
    local folder="$1" archive="$2" sha256="$3" key="$here/koreconcile.pub"
    is_pinned "$folder/$archive" "$sha256" ||
        fail "$archive is not what sha256 of koreconcile.release says; correct one of the two"
    if [[ ! -s "$key" ]]; then
        note "no signature is checked: there is no $key"
        return
    fi
    fetch SHA256SUMS "$folder/SHA256SUMS"
    fetch SHA256SUMS.sig "$folder/SHA256SUMS.sig"
    openssl dgst -sha256 -verify "$key" -signature "$folder/SHA256SUMS.sig" "$folder/SHA256SUMS" >/dev/null 2>&1 ||
        fail "the signature of the release does not fit $key: do not use this release, and tell those who publish it"
    grep --quiet --line-regexp --fixed-strings "$sha256  $archive" "$folder/SHA256SUMS" ||
        fail "$archive is not in SHA256SUMS of the release, which is signed; correct koreconcile.release"
}

install() {
    if ! command -v koreconcile >/dev/null; then
        local cache archive sha256 folder
        [[ -s "$here/koreconcile.release" ]] ||
            fail "koreconcile is not installed, and there is no $here/koreconcile.release that says where it is"
        archive="$(release archive)"
        sha256="$(release sha256)"
        cache="${XDG_CACHE_HOME:-$HOME/.cache}/koreconcile/$sha256"
        folder="$(mktemp -d)"
        if ! is_pinned "$cache" "$sha256"; then
            fetch "$archive" "$folder/$archive"
            verified "$folder" "$archive" "$sha256"
            mkdir -p "$(dirname "$cache")"
            mv "$folder/$archive" "$cache"
        fi
        tar --extract --gzip --file "$cache" --directory "$folder"
        mkdir -p "$bin"
        mv "$(find "$folder" -type f -name koreconcile | head -n 1)" "$bin/koreconcile"
        rm -r "$folder"
    fi
    koreconcile --version
}

# Only what is under these folders is checked and planned: an edit of a README spends no call.
changes() {
    local base="${KORECONCILE_BASE:-}" touched=yes
    if is_commit "$base"; then
        git diff --quiet "$base" HEAD -- "$manifests" "${here#"$PWD/"}" .github/workflows .gitlab-ci.yml && touched=no
    fi
    output touched "$touched"
    echo "manifests or pipeline were touched: $touched"
}

# One check to require: it fails with any of the others, and passes where they are not needed.
gate() {
    local result results
    read -ra results <<<"$*"
    for result in "${results[@]}"; do
        [[ "$result" == success || "$result" == skipped ]] || fail "a job of this pipeline ended with $result: see there"
    done
}

validate() {
    local format=text
    if on_github; then format=github; fi
    koreconcile validate --format "$format" "${which_account[@]}" "$manifests"
}

# Whether this is a commit. A forge writes zeros where there is none before.
is_commit() {
    [[ "$1" =~ [^0] ]] && git rev-parse --quiet --verify "$1^{commit}" >/dev/null
}

# The revision to tell edited from drift by, as a flag. Before the KoreAccount was merged there is none.
base() {
    local base="${KORECONCILE_BASE:-}"
    [[ "$base" =~ [^0] ]] || return 0
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

# Whether a plan that nobody has seen is stopped before the environment koreconcile-review. A forge that does not know
# required reviewers would apply it at once.
asks_reviewers() {
    if ! on_github; then return 0; fi # there it is a job that is started by hand
    api GET environments/koreconcile-review 2>/dev/null | jq --exit-status '
        [.protection_rules[]? | select(.type == "required_reviewers") | .reviewers[]?] != []' >/dev/null
}

choose() {
    local out="$1" approved="$1/approved/plan.sealed" environment=koreconcile why digest
    digest="$(jq --raw-output .body.plan.digest "$out/plan.sealed")"
    if jq --exit-status '.body.plan.changes == []' "$out/plan.sealed" >/dev/null; then
        why="There is nothing to apply."
    elif [[ -s "$approved" && "$(made_of "$approved")" == "$(made_of "$out/plan.sealed")" ]]; then
        cp "$approved" "$out/plan.sealed"
        why="The plan approved with the pull request was made of exactly these manifests: it is applied as it was shown there."
    elif [[ -n "${KORECONCILE_DIGEST:-}" && "$KORECONCILE_DIGEST" == "$digest" ]]; then
        why="This run was started with the digest of the plan above: it is applied as it was read then."
    else
        environment=koreconcile-review
        why="No plan was approved with this commit, or it is no longer kept: the plan above is new, and waits for a review."
        [[ ! -s "$approved" ]] ||
            why="Something else was merged since the plan was approved: the plan above is new, and waits for a review."
        [[ -z "${KORECONCILE_DIGEST:-}" ]] ||
            why="The plan above is not the one that was named, $KORECONCILE_DIGEST: it is new, and waits for a review."
    fi
    rm -rf "$out/approved"
    if [[ "$environment" == koreconcile-review ]] && ! asks_reviewers; then
        printf '\n%s\n\n%s\n' "$why" "**It is not applied:** the environment koreconcile-review has no required reviewers, so nobody \
would be asked. Read the plan, then run this workflow by hand with the digest \`$digest\`." | summary
        fail "the plan is new, and nobody would be asked: run this workflow by hand with the digest $digest"
    fi
    printf '%s\n' "$environment" >"$out/environment"
    output environment "$environment"
    printf '\n%s\n' "$why" | summary
}

# The names behind an @ in manifests: users and teams of the forge, whatever they are.
named() {
    { grep --recursive --no-filename --only-matching --extended-regexp --include='*.y*ml' \
        '(^|[^A-Za-z0-9_.-])@[A-Za-z0-9][A-Za-z0-9_./-]*' "$manifests" || true; } | sed 's/^[^@]*@//' | sort --unique
}

# Those of the names that are teams with this user in them, as a list. is_in TEAM USER says whether one is.
teams_of() {
    local user="$1" team
    named | while read -r team; do
        if is_in "$team" "$user"; then printf '%s\n' "$team"; fi
    done | jq --raw-input . | jq --slurp --compact-output .
}

is_in() {
    local team="$1" user="$2" group
    if on_github; then
        [[ "$team" == */* ]] || return 1
        # shellcheck disable=SC2097,SC2098 # the other token, for this call
        GITHUB_TOKEN="${KORECONCILE_TEAMS_TOKEN:-$GITHUB_TOKEN}" \
            api GET "$GITHUB_API_URL/orgs/${team%%/*}/teams/${team#*/}/memberships/$user" 2>/dev/null |
            jq --exit-status '.state == "active"' >/dev/null
    else
        group="$(jq --null-input --raw-output --arg team "$team" '$team | @uri')"
        api GET "$CI_API_V4_URL/groups/$group/members/all/$user" 2>/dev/null |
            jq --exit-status '.state == "active"' >/dev/null
    fi
}

# with_teams: reads approvals, one a line, and adds the teams. On GitLab members are known by their number.
with_teams() {
    local approval
    while read -r approval; do
        jq --compact-output --argjson teams "$(teams_of "$(jq --raw-output '.id // .user' <<<"$approval")")" \
            'del(.id) + { teams: $teams }' <<<"$approval"
    done | jq --slurp --compact-output .
}

approvals() {
    local out="$1"
    mkdir -p "$out"
    rm -f "$out/approvals.json"
    if on_github; then approvals_of_github; else approvals_of_gitlab; fi >"$out/approvals.new"
    # Without a request nobody has approved anything: there is no file then.
    [[ -s "$out/approvals.new" ]] || fail "this commit belongs to no request, so nobody can have approved it"
    mv "$out/approvals.new" "$out/approvals.json"
}

# A review counts until its user says something else; a comment says nothing.
approvals_of_github() {
    local number="${KORECONCILE_PULL_REQUEST:-}" pull authors given
    [[ -n "$number" ]] ||
        number="$(api GET "commits/$GITHUB_SHA/pulls" | jq --raw-output 'map(select(.merged_at)) | .[0].number // empty')"
    [[ -n "$number" ]] || return 0
    pull="$(api GET "pulls/$number")"
    authors="$(entries "pulls/$number/commits?" |
        jq --compact-output --slurp --argjson pull "$pull" \
            '[$pull.user.login] + map(.author.login, .commit.author.email) | map(select(.)) | unique')"
    given="$(entries "pulls/$number/reviews?" | jq --compact-output --slurp '
        map(select(.state != "COMMENTED" and .state != "PENDING")) | group_by(.user.login) | map(last)
        | .[] | select(.state == "APPROVED") | { user: .user.login, commit: .commit_id }' | with_teams)"
    jq --null-input --argjson pull "$pull" --argjson authors "$authors" --argjson given "$given" '
        { commit: $pull.head.sha, mergedAs: $pull.merge_commit_sha, authors: $authors, approvals: $given }'
}

# GitLab says when a request was approved, and when each version of it was pushed.
approvals_of_gitlab() {
    local number="${CI_MERGE_REQUEST_IID:-}" request authors versions given
    [[ -n "$number" ]] || number="$(api GET "repository/commits/$CI_COMMIT_SHA/merge_requests" |
        jq --raw-output 'map(select(.state == "merged")) | .[0].iid // empty')"
    [[ -n "$number" ]] || return 0
    request="$(api GET "merge_requests/$number")"
    authors="$(entries "merge_requests/$number/commits?" |
        jq --compact-output --slurp --argjson request "$request" \
            '[$request.author.username] + map(.author_email) | map(select(.)) | unique')"
    versions="$(entries "merge_requests/$number/versions?" | jq --compact-output --slurp .)"
    given="$(api GET "merge_requests/$number/approvals" |
        jq --compact-output --argjson versions "$versions" '
            .approved_by[] | . as $given
            | ($versions | map(select(.created_at <= ($given.approved_at // ""))) | max_by(.created_at)) as $seen
            | select($seen) | { id: .user.id, user: .user.username, commit: $seen.head_commit_sha }' | with_teams)"
    jq --null-input --argjson request "$request" --argjson authors "$authors" --argjson given "$given" '
        { commit: $request.sha, mergedAs: ($request.squash_commit_sha // $request.merge_commit_sha),
          authors: $authors, approvals: $given }'
}

# What an exit code of `apply` means, and what to do.
meaning() {
    case "$1" in
    0) echo "done: the account was read back, and matches the plan" ;;
    3) echo "nothing was sent: the plan or the manifests cannot be used; the log shows why. Run this workflow by hand for a new plan" ;;
    4) echo "a guard refused changes, or an area lacks approvals, and they were not sent. Correct the manifests, raise the limit it names in a new pull request, or ask the owners it names" ;;
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

# The state folder goes from run to run: its journals would become more and more.
forget_old() { [[ ! -d "$1" ]] || find "$1" -name '*.jsonl' -mtime +90 -delete; }

apply() {
    local out="$1" only="${2:-}" code=0
    if [[ -n "$only" && "$only" != "$(<"$out/environment")" ]]; then
        note "nothing to do here: this plan is for the environment $(<"$out/environment")"
        return 0
    fi
    local flags=()
    [[ ! -s "$out/approvals.json" ]] || flags+=(--approvals "$out/approvals.json")
    # The state folder holds the journal: what undo needs.
    forget_old "$out/state"
    koreconcile apply --yes --plan "$out/plan.sealed" "${flags[@]}" --state-dir "$out/state" "${which_account[@]}" "$manifests" \
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
    # What was known before fails no merge; it is in the summary. What ends by the clock is looked at again in an hour.
    [[ "$code" != 10 && "$title:$code" != Ended:11 ]] || return 0
    return "$code"
}

# Goes by the memory of earlier applies: what was applied with an end, and no edit.
ended() {
    local out="$1" code=0
    mkdir -p "$out"
    forget_old "$out/state"
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
install | changes | validate | snapshot) "$1" ;;
gate) gate "${@:2}" ;;
plan | comment | approved | choose | approvals | apply | ended | drift | adopt)
    [[ -n "${2:-}" ]] || fail "$1 needs the folder to write to: $0 $1 out"
    "$1" "$2" "${@:3}"
    ;;
"") fail "say which step: $steps" ;;
*) fail "there is no step $1; the steps are: $steps" ;;
esac
