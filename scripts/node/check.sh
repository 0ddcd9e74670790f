#!/usr/bin/env bash
# `make node`: the chart on a real node. Each scenario says what it saw; the first thing that is not so ends it. The log is
# target/node.log. With BINARY=PATH it runs that program instead of the static one; with ONLY="install drain" these scenarios.
source "$(dirname "${BASH_SOURCE[0]}")/../release/common.sh"
if [[ "$(id -u)" != 0 ]]; then fail "a node takes namespaces and mounts: run it as root, sudo make node"; fi

exec > >(tee "$target/node.log") 2>&1
scripts/node/programs.sh
ONCE=1 scripts/release/binary.sh

# --- The node, and an account behind TLS that its pods find by name ----------------------------------------------------
bin="$root/target/node/bin"
folder="$work/node"
export CGROUP="koreconcile-node-$$"
fresh "$folder"
scripts/node/images.sh "$folder"
scripts/node/node.sh "$folder" "$bin" "$folder/pause.tar" "$folder/koreconcile.tar" >"$folder/node.out" 2>&1 &
outer=$!
end() {
    local code=$?
    ((code == 0)) || say "FAILED; the logs of the node's programs are in ${folder#"$root/"}/logs"
    kill -KILL "$outer" 2>/dev/null || true
    local try
    for try in {1..50}; do
        find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} \; 2>/dev/null || true
        find /sys/fs/cgroup -type d -name "$CGROUP" | grep --quiet . || break
        sleep 0.2
    done
}
trap end EXIT
until_true 300 test -e "$folder/ready" || fail "the node is not ready: $(tail -n 5 "$folder"/logs/*.log)"
inner="$(pgrep --parent "$outer")"
on_node() {
    nsenter --target "$inner" --net --mount --pid --uts --ipc \
        env --chdir="$root" PATH="$bin:$PATH" KUBECONFIG="$folder/kubeconfig" HOME="$folder" "$@"
}
kubectl() { on_node kubectl "$@"; }
in_acme() { kubectl --namespace kore-acme "$@"; }
in_system() { kubectl --namespace kore-system "$@"; }
say "the node is Ready: $(kubectl get node node --output jsonpath='{.status.nodeInfo.kubeletVersion} {.status.nodeInfo.containerRuntimeVersion}')"

account=6661e128d3203924648c10bf
on_node "$binary" sandbox serve --data "$folder/sandbox" --listen 127.0.0.1:8080 --rate-limit off --test-controls \
    --account "$account" >"$folder/logs/sandbox.log" 2>&1 &
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=A private authority" -keyout "$folder/ca.key" \
    -out "$folder/ca.crt" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=kore.example.com" -keyout "$folder/tls.key" -out "$folder/tls.csr" 2>/dev/null
openssl x509 -req -in "$folder/tls.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial -days 2 \
    -extfile <(printf 'subjectAltName=DNS:kore.example.com\n') -out "$folder/tls.crt" 2>/dev/null
on_node python3 scripts/node/tls.py 10.244.0.1 8443 "$folder/tls.crt" "$folder/tls.key" 8080 >"$folder/logs/tls.log" 2>&1 &
on_node python3 scripts/node/names.py 10.244.0.1 kore.example.com >"$folder/logs/names.log" 2>&1 &

control() { on_node curl --silent --show-error --fail --max-time 20 --header 'Content-Type: application/json' "$@"; }
truth() { control http://127.0.0.1:8080/__test/snapshot; }
until_true 30 truth || fail "no sandbox: $(cat "$folder/logs/sandbox.log")"

# --- Helpers -----------------------------------------------------------------------------------------------------------
# credentials NAME SECRET: an app's, as a Secret.
app() { on_node "$binary" sandbox app --data "$folder/sandbox" --name "$1" --quiet; }
credentials() {
    in_acme create secret generic kore-credentials --from-literal=client-id="$1" --from-literal=client-secret="$2" \
        --dry-run=client --output yaml | in_acme apply --filename - >/dev/null
}
helm_upgrade() {
    on_node helm upgrade --install koreconcile charts/koreconcile --namespace kore-system --create-namespace \
        --set image.repository=localhost/koreconcile --set image.pullPolicy=Never --set 'accountNamespaces={kore-acme}' \
        --set 'secretNames={kore-credentials}' --set 'allowedHosts={kore.example.com}' \
        --set 'extraArgs={--debounce=1s,--lease-duration=15s,--renew-every=3s,--call-timeout=5s}' "$@" >/dev/null
}
with_ca() { helm_upgrade --set caBundle.configMap=kore-ca "$@"; }
pods() { in_system get pods --selector app.kubernetes.io/name=koreconcile --output "$@"; }
leader() { in_system get lease koreconcile --output jsonpath='{.spec.holderIdentity}'; }
# It holds the Lease under its name and a number of this start.
leading_pod() { leader | sed 's/-[0-9a-f]*$//'; }
is_led() { [[ -n "$(leader)" ]]; }
reason() { in_acme get koreaccount acme --output jsonpath='{.status.conditions[?(@.type=="Ready")].reason}'; }
is_reason() { [[ "$(reason)" == "$1" ]]; }
# wait_for SECONDS WHAT COMMAND...: says what is there when it does not come.
wait_for() {
    local seconds="$1" what="$2"
    shift 2
    until_true "$seconds" "$@" || fail "$what: not after $seconds s; the account says $(reason): $(in_acme get koreaccount acme \
        --output jsonpath='{.status.conditions[?(@.type=="Ready")].message}'); $(pods wide)"
}
container_of() { in_system get pod "$1" --output jsonpath='{.status.containerStatuses[0].containerID}' | sed 's|.*://||'; }
# look TEXT: the account is read again now, and the pass that did it has ended.
look() {
    in_acme annotate koreaccount acme --overwrite "reconcile.koreconcile.dev/requestedAt=$1" >/dev/null
}
# people FIRST LAST: users u1 to u9, each in a call of their own.
people() {
    local number
    for number in $(seq "$1" "$2"); do
        printf -- '---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: u%s }\nspec: { email: u%s@example.com }\n' \
            "$number" "$number"
    done | in_acme apply --filename - >/dev/null
}
has_people() { truth | jq --exit-status --argjson first "$1" --argjson last "$2" '. as $truth
    | [range($first; $last + 1)] | all("u\(.)@example.com" as $email | $truth.users[$email] != null)' >/dev/null; }
invited_once() {
    truth | jq --exit-status '[.invitations | to_entries[] | select(.key | startswith("u")) | .value] | all(. == 1)' >/dev/null ||
        fail "somebody was invited twice: $(truth | jq --compact-output .invitations)"
}
is_calling() { [[ "$(control http://127.0.0.1:8080/__test/requests | jq '[.requests[] | select(.endpoint == "POST /api/public/users")] | length')" -gt "$1" ]]; }
calls() { control http://127.0.0.1:8080/__test/requests | jq '[.requests[] | select(.endpoint == "POST /api/public/users")] | length'; }
slowly() { control --data '{ "endpoint": "POST /api/public/users", "times": 1000, "effect": { "delay": { "millis": 700 } } }' \
    http://127.0.0.1:8080/__test/faults >/dev/null; }
quickly() { control --request DELETE http://127.0.0.1:8080/__test/faults >/dev/null; }
no_call_was_cut() {
    control http://127.0.0.1:8080/__test/requests | jq --exit-status '
        [.requests[] | select(.endpoint == "POST /api/public/users" and .status != 200)] == []' >/dev/null ||
        fail "a call was cut off: $(control http://127.0.0.1:8080/__test/requests | jq --compact-output '[.requests[] | select(.status != 200)]')"
}
# The Lease, with the time of each change, until it is told to stop: who holds it, or nobody.
watch_lease() {
    in_system get lease koreconcile --watch --output jsonpath='{.spec.holderIdentity}{"\n"}' |
        while read -r holder; do printf '%s %s\n' "$(date +%s.%N)" "${holder:-nobody}"; done >"$folder/lease.log" &
    watching=$!
}
# The longest time that nobody led, in milliseconds: from a release to the next holder, or where nothing was released, from
# the last renewal.
longest_gap() {
    kill "$watching" 2>/dev/null || true
    awk '$2 == "nobody" { if (!since) since = $1; next }
        { if (!since && holder && holder != $2) since = last }
        since { gap = $1 - since; if (gap > most) most = gap; since = 0 }
        { holder = $2; last = $1 }
        END { printf "%d\n", most * 1000 }' "$folder/lease.log"
}

source scripts/node/scenarios.sh
for scenario in ${ONLY:-install private_ca rolling_update termination killed_leader memory_limit rotation drain uninstall}; do
    echo "== $scenario ($(date -u +%H:%M:%S))"
    "$scenario"
done
say "all passed"
