#!/usr/bin/env bash
# The whole story of a pull request, told against a local account. It reads as a text, and stops at the first line that
# does not come true. `scripts/story.sh` builds koreconcile first; with KORECONCILE=PATH it takes that one.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

if [[ -z "${KORECONCILE:-}" ]]; then
    cargo build --quiet --locked --manifest-path "$here/Cargo.toml" --bin koreconcile
    KORECONCILE="${CARGO_TARGET_DIR:-$here/target}/debug/koreconcile"
fi
koreconcile() { "$KORECONCILE" "$@"; }

folder="$(mktemp -d)"
trap '[[ -z "${SERVER_PID:-}" ]] || kill "$SERVER_PID" 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"
export HOME="$folder" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Jane GIT_AUTHOR_EMAIL=jane@example.com GIT_COMMITTER_NAME=Jane GIT_COMMITTER_EMAIL=jane@example.com

chapter() { printf '\n=== %s\n' "$*"; }

# run CODE COMMAND...: shows the command and what it says, and insists on how it ends.
run() {
    local wanted="$1" code=0
    shift
    printf '\n$ %s\n' "$*"
    "$@" >said 2>&1 || code=$?
    cat said
    ((code == wanted)) || fail "it ended with $code and not with $wanted"
}

# What the last command has to have said, and what not.
says() { grep --quiet --fixed-strings -e "$1" said || fail "it does not say: $1"; }
silent() { ! grep --quiet --fixed-strings -e "$1" said || fail "it says: $1"; }

fail() {
    printf '\nstory: %s\n' "$*" >&2
    exit 1
}

chapter "An account with years of history"

coproc SERVER { exec "$KORECONCILE" sandbox serve --data account --listen 127.0.0.1:0 --rate-limit off 2>/dev/null; }
read -r host <&"${SERVER[0]}"
eval "$(koreconcile sandbox app --data account --name ci)"
cat >connection.yaml <<YAML
apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { host: "$host" }
  credentials:
    clientId: { env: KORE_CLIENT_ID }
    clientSecret: { env: KORE_CLIENT_SECRET }
  rateLimit: { perMinute: 100000, perHour: 1000000 } # nobody waits in a story
YAML

# Somebody else works on the same account, with the platform's own API: jane.doe@example.com gets this first name.
somebody_renames_jane() {
    local head body seal
    encoded() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
    head="$(printf '{"alg":"HS256","typ":"JWT"}' | encoded)"
    body="$(printf '{"sub":"somebody","appId":"%s"}' "$KORE_CLIENT_ID" | encoded)"
    seal="$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -hmac "$KORE_CLIENT_SECRET" -binary | encoded)"
    curl --silent --show-error --fail --request PUT "$host/api/public/users" --header "auth: $head.$body.$seal" \
        --header 'Content-Type: application/json' --data "{ \"users\": [{ \"userInfo\": {
            \"emailId\": \"jane.doe@example.com\", \"firstName\": \"$1\" }, \"isDeveloper\": true, \"canCreateBot\": false }] }"
}

chapter "It is taken into git, and the plan right after is empty"

run 0 koreconcile import --account-file connection.yaml --out access
says "a plan right now: nothing to do"
run 0 koreconcile plan --exit-code access
says "No changes"
git init --quiet --initial-branch=main
printf '/account/\n/said\n/state/\n/*.md\n/*.sealed\n/.local/\n' >.gitignore
git add . && git commit --quiet -m "The account as it is"

chapter "Somebody proposes a change on a branch"

git switch --quiet -c new-colleague
sed -i.before 's/firstName: Jane$/firstName: Janet/' access/people.yaml && rm access/people.yaml.before
cat >access/nia.yaml <<'YAML'
apiVersion: koreconcile.dev/v1alpha1
kind: KoreUser
metadata: { name: nia }
spec: { email: nia.elm@example.com, firstName: Nia, lastName: Elm, builderAccess: Builder }
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: nia-tests-banking }
spec:
  role: { type: Bot, name: Bot Tester }
  bot: Banking Assistant
  subjects: [{ user: nia.elm@example.com, reason: new in the team }]
YAML
git add . && git commit --quiet -m "Nia joins the testers, Jane's name is Janet"
run 0 koreconcile validate access

chapter "The pull request shows what merging it would do, and the plan is saved as it is shown"

run 0 koreconcile plan --base main --format markdown --out plan.sealed access
says "<!-- koreconcile:plan account=acme -->"
says "Edited since \`main\` (5)"
says "nia.elm@example.com: invite"
says "name Jane Doe -> Janet Doe"
silent "Drift"

chapter "Meanwhile somebody changes the account: Jane is called Jenny now"

run 0 somebody_renames_jane Jenny
says "Successfully"

chapter "It is merged. What was approved is applied, and just what was overtaken is not"

git switch --quiet main && git merge --quiet --no-ff --no-edit new-colleague
run 6 koreconcile apply --yes --plan plan.sealed --state-dir state access
says "! ~ name of jane.doe@example.com"
says "stale, not sent: the account shows Jenny Doe"
says "4 applied and read back, 1 stale"
journal="$(sed -n 's/^Journal: //p' said)"

chapter "Undo brings it back"

run 0 koreconcile undo "$journal" --yes --state-dir state access
says "- nia.elm@example.com: remove from the account"
says "the run applied 4 changes"
says "applied and read back"
run 2 koreconcile plan --exit-code --state-dir state access
says "+ nia.elm@example.com: invite"
says "name Jenny Doe -> Janet Doe"

chapter "The next apply does what main says, the rename included, and there is nothing left to do"

run 0 koreconcile apply --yes --state-dir state access
says "5 applied and read back"
journal="$(sed -n 's/^Journal: //p' said)"
run 0 koreconcile plan --exit-code --state-dir state access
says "No changes"

chapter "And who wants to know why, asks"

run 0 koreconcile explain nia.elm@example.com --state-dir state access
says "Bot Tester on Banking Assistant: held"
says 'granted, KoreRoleBinding nia-tests-banking "new in the team"'
says "$(git rev-parse --short=10 new-colleague) by Jane"
says "(journal $(basename "$journal"))"

chapter "The pull request is reverted: what it gave goes, and people are named, not removed"

run 0 git revert --no-edit --mainline 1 HEAD
run 2 koreconcile plan --exit-code --state-dir state access
says "- Bot Tester on Banking Assistant"
says "no longer declared"
says "~ name Janet Doe -> Jane Doe"
run 0 koreconcile apply --yes --state-dir state access
run 0 koreconcile plan --exit-code --state-dir state access
says "user nia.elm@example.com"
says "people are kept unless ownership.retired.people is Remove"

chapter "Somebody gives Master Admin with another tool: it is told first, and the check is red"

mkdir elsewhere && cp connection.yaml elsewhere/
cat >elsewhere/admin.yaml <<'YAML'
apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: quietly }
spec:
  role: { type: Admin, name: Master Admin }
  subjects: [{ user: sam@example.com }]
YAML
run 0 koreconcile apply --yes --quiet --state-dir state-of-somebody elsewhere
run 2 koreconcile plan --exit-code --state-dir state access
says "Unmanaged (not declared)"
says "sam@example.com: Master Admin  [critical: full control of the account]"

chapter "It is declared absent, and goes"

cat >access/admins.yaml <<'YAML'
apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: sam-is-no-admin }
spec:
  role: { type: Admin, name: Master Admin }
  absent: [{ user: sam@example.com }]
YAML
sed -i.before 's/^  safety:$/  safety:\n    primaryAdmin: owner@example.com/' access/account.yaml && rm access/account.yaml.before
git add . && git commit --quiet -m "Nobody asked for that"
run 0 koreconcile apply --yes --state-dir state access
says "1 applied and read back"
run 0 koreconcile plan --exit-code --state-dir state access

printf '\nstory: every line came true\n'
