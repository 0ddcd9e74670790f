#!/usr/bin/env bash
# Writes tests/compat/vMINOR/: files as this version writes them, for every later version to read. Once for each minor, by the
# binary that is released (or BINARY); never edited afterwards.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source scripts/release/cluster.sh

minor="${version%.*}"
out="$root/tests/compat/v$minor"
place="$work/corpus"
fresh "$place"
fresh "$out"
koreconcile() { "$binary" "$@"; }
export HOME="$place" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 XDG_STATE_HOME="$place/state-home"
export GIT_AUTHOR_NAME=Jane GIT_AUTHOR_EMAIL=jane@example.com GIT_COMMITTER_NAME=Jane GIT_COMMITTER_EMAIL=jane@example.com
# A key that seals nothing else; it is beside what it seals.
export KORECONCILE_MEMORY_KEY=00112233445566778899aabbccddeeff
account=6661e128d3203924648c10bf

# --- An account, and manifests of every kind about it ------------------------------------------------------------------
"$binary" sandbox serve --data "$place/sandbox" --listen 127.0.0.1:0 --rate-limit off --account "$account" \
    >"$place/host" 2>/dev/null &
servers=("$!")
trap 'kill "${servers[@]}"' EXIT
until_true 30 test -s "$place/host" || fail "no sandbox"
host="$(<"$place/host")"
eval "$(koreconcile sandbox app --data "$place/sandbox" --name corpus --quiet)"
cp -R examples/quickstart "$place/access"
cp examples/policies/partners.yaml examples/policies/few-master-admins.yaml "$place/access/" # policies have a kind, too
cat >"$place/access/more.yaml" <<YAML
apiVersion: koreconcile.dev/v1alpha1
kind: KoreGroupMembership
metadata: { name: support-eu }
spec: { group: support-eu, subjects: [{ user: sam@example.com }] }
---
apiVersion: koreconcile.dev/v1alpha1
kind: KorePolicyException
metadata: { name: one-master-admin }
spec: { policy: enough-master-admins, expiresAt: 2099-12-31T18:00:00Z, reason: a small account, ticket: ACC-1 }
YAML
cat >"$place/access/account.yaml" <<YAML
apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { host: "$host" }
  accountId: $account
  credentials:
    clientId: { env: KORE_CLIENT_ID }
    clientSecret: { env: KORE_CLIENT_SECRET }
  sources: ["*.yaml"]
  memory: { reference: refs/koreconcile/acme }
  safety: { primaryAdmin: owner@example.com, protected: [owner@example.com] }
  ownership: { users: Report, roleBindings: Report, botAssignments: Ignore }
  rateLimit: { perMinute: 100000, perHour: 1000000 }
YAML

cd "$place"
git init --quiet --bare origin.git
git init --quiet --initial-branch=main
printf '/*\n!/access/\n!/.gitignore\n' >.gitignore
git add . && git commit --quiet --message "Access as code"
git remote add origin origin.git

# --- Snapshot, saved plan, run, memory ---------------------------------------------------------------------------------
koreconcile snapshot --quiet --out "$out/account.snapshot" access
koreconcile plan --quiet --out "$out/plan.sealed" access >"$place/plan.txt"
koreconcile plan --quiet --format json access >"$out/plan.json"
koreconcile apply --quiet --yes --plan "$out/plan.sealed" --state-dir "$place/state" access >"$place/apply.txt"
koreconcile snapshot --quiet --out "$out/after.snapshot" access
koreconcile report access --quiet --format json access >"$out/report.json"
git push --quiet origin main
git clone --quiet --mirror origin.git "$place/mirror.git"
git -C "$place/mirror.git" bundle create --quiet "$out/memory.bundle" main refs/koreconcile/acme
# A run without the reference keeps its memory in the state folder.
sed -i '/^  memory: /d' access/account.yaml
koreconcile apply --quiet --yes --state-dir "$place/state" access >"$place/again.txt"
cp -R "$place/state" "$out/state"
rm -f "$out"/state/*/lock
cp -R "$place/access" "$out/manifests"
cd "$root"
cat >"$out/settings" <<SETTINGS
# What the files of this folder were written with; an account of a sandbox that is gone.
KORE_CLIENT_ID=$KORE_CLIENT_ID
KORE_CLIENT_SECRET=$KORE_CLIENT_SECRET
KORECONCILE_MEMORY_KEY=$KORECONCILE_MEMORY_KEY
SETTINGS

# --- Objects as an API server stores them, after a controller has written to them --------------------------------------
cluster
cp -R crds "$out/definitions"
kubectl apply --server-side --filename crds >/dev/null
kubectl wait crd --all --for=condition=Established --timeout=60s >/dev/null
kubectl create secret generic kore --from-literal=id="$KORE_CLIENT_ID" --from-literal=secret="$KORE_CLIENT_SECRET" >/dev/null
sed -e 's/clientId: .*/clientId: { secretKeyRef: { name: kore, key: id } }/' \
    -e 's/clientSecret: .*/clientSecret: { secretKeyRef: { name: kore, key: secret } }/' -e '/^  sources: /d' \
    -i "$place/access/account.yaml"
kubectl apply --filename "$place/access" >"$place/applied.txt" 2>&1 || true # kinds that are no objects of a cluster
env -u KORECONCILE_MEMORY_KEY "$binary" controller --namespace default --lease-namespace default >"$place/controller.log" 2>&1 &
servers+=("$!")
is_judged() {
    kubectl get koreaccount acme --output jsonpath='{.status.conditions[?(@.type=="Ready")].reason}' | grep .
}
until_true 60 is_judged || fail "the controller does not judge the account: $(tail -n 5 "$place/controller.log")"
kinds="$(kubectl api-resources --api-group=koreconcile.dev --output name | paste -sd,)"
kubectl get "$kinds,configmaps" --namespace default --output json |
    jq 'del(.items[].metadata.managedFields) | .items |= map(select(.metadata.name != "kube-root-ca.crt"))' >"$out/objects.json"

say "$(find "$out" -type f | wc -l) files, $(jq '.items | length' "$out/objects.json") objects in ${out#"$root/"}"
