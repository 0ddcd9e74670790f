# What is tried on the node, one function each; check.sh sources it. Each leaves a controller that works, but `uninstall`.
# shellcheck shell=bash

install() {
    kubectl create namespace kore-acme >/dev/null
    eval "$(app controller)"
    credentials "$KORE_CLIENT_ID" "$KORE_CLIENT_SECRET"
    helm_upgrade --wait --timeout 2m
    in_acme apply --filename - >/dev/null <<YAML
apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { host: "https://kore.example.com:8443" }
  accountId: $account
  credentials:
    clientId: { secretKeyRef: { name: kore-credentials, key: client-id } }
    clientSecret: { secretKeyRef: { name: kore-credentials, key: client-secret } }
  mode: Enforce
  approval: Automatic
  interval: 5s
  batchSize: 1
  rateLimit: { perMinute: 100000, perHour: 1000000 }
  safety: { primaryAdmin: owner@example.com, minMasterAdmins: 1, settle: 1s }
YAML
    local pod pid
    pod="$(pods jsonpath='{.items[0].metadata.name}')"
    pid="$(on_node ctr --namespace k8s.io tasks list | awk -v id="$(container_of "$pod")" '$1 == id { print $2 }')"
    on_node cat "/proc/$pid/status" >"$folder/status"
    local line
    for line in "Uid:	65532	65532	65532	65532" "CapEff:	0000000000000000" "NoNewPrivs:	1" "Seccomp:	2"; do
        grep --quiet --fixed-strings "$line" "$folder/status" || fail "the process is not as the chart says: $line"
    done
    on_node grep --quiet ' / / ro,\| / ro,' "/proc/$pid/mountinfo" || fail "its root file system can be written to"
    say "2 pods Ready by startup and readiness probes; as 65532, read-only root, no capability, no new privileges, seccomp;" \
        "$(awk '/^VmHWM/ { print $2, $3 }' "$folder/status") at most"
}

private_ca() {
    wait_for 60 "a host with a private authority is named" is_reason Unreachable
    local message
    message="$(in_acme get koreaccount acme --output jsonpath='{.status.conditions[?(@.type=="Ready")].message}')"
    kubectl create configmap kore-ca --namespace kore-system --from-file=ca.crt="$folder/ca.crt" >/dev/null
    with_ca --wait --timeout 2m
    wait_for 60 "with caBundle it reads the account" is_reason UpToDate
    say "without caBundle: $message"
    say "with caBundle.configMap: $(reason)"
}

# Pods are replaced while a plan is applied, each invitation in a call that takes 0.7 s.
rolling_update() {
    watch_lease
    slowly
    people 1 20
    wait_for 60 "the plan is being applied" is_calling 2
    in_system rollout restart deployment koreconcile >/dev/null
    in_system rollout status deployment koreconcile --timeout=2m >/dev/null
    quickly
    wait_for 90 "everything declared is in place" has_people 1 20
    invited_once
    no_call_was_cut
    local gap
    gap="$(longest_gap)"
    ((gap <= 2000)) || fail "nobody led for $gap ms: $(cat "$folder/lease.log")"
    say "20 people invited once each while both pods were replaced; no call was cut off; nobody led for $gap ms at most"
}

# The leader alone is told to end in the middle of a call.
termination() {
    local pod before
    wait_for 60 "somebody leads" is_led
    pod="$(leading_pod)"
    before="$(calls)"
    watch_lease
    slowly
    people 21 30
    wait_for 60 "a call is under way" is_calling $((before + 2))
    in_system get pod "$pod" --watch --output jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}{"\n"}' \
        >"$folder/exit-codes" 2>/dev/null &
    local watched=$!
    in_system delete pod "$pod" --wait=true >/dev/null
    kill "$watched" 2>/dev/null || true
    quickly
    wait_for 90 "the other replica has finished" has_people 21 30
    invited_once
    no_call_was_cut
    local gap code
    gap="$(longest_gap)"
    ((gap <= 2000)) || fail "nobody led for $gap ms: $(cat "$folder/lease.log")"
    code="$(grep --only-matching '[0-9]\+' "$folder/exit-codes" | tail -n 1 || true)"
    [[ "${code:-0}" == 0 ]] || fail "the pod ended with $code"
    in_system rollout status deployment koreconcile --timeout=2m >/dev/null
    say "SIGTERM in the middle of writes: the call was finished, exit code 0, nobody led for $gap ms at most, nobody invited twice"
}

killed_leader() {
    local pod before began
    wait_for 60 "somebody leads" is_led
    pod="$(leading_pod)"
    before="$(calls)"
    slowly
    people 31 40
    wait_for 60 "a call is under way" is_calling $((before + 2))
    began="$(date +%s)"
    on_node ctr --namespace k8s.io tasks kill --signal KILL "$(container_of "$pod")"
    quickly
    wait_for 120 "somebody has finished" has_people 31 40
    invited_once
    local took=$(($(date +%s) - began))
    [[ "$(in_system get pod "$pod" --output jsonpath='{.status.containerStatuses[0].restartCount}')" -ge 1 ]] ||
        fail "the kubelet has not started the container again"
    in_system rollout status deployment koreconcile --timeout=2m >/dev/null
    say "a leader that was killed in the middle of writes: started again by the kubelet; done $took s later, nobody invited twice"
}

# A limit that is too low kills the new pod; what leads goes on.
memory_limit() {
    with_ca --set resources.limits.memory=8Mi --set resources.requests.memory=8Mi
    is_killed() {
        pods jsonpath='{range .items[*]}{.status.containerStatuses[0].lastState.terminated.reason} {.status.containerStatuses[0].state.terminated.reason} {end}' |
            grep --quiet --extended-regexp 'OOMKilled|StartError'
    }
    wait_for 120 "a pod over its limit is killed" is_killed
    people 41 42
    wait_for 60 "an old pod leads on" has_people 41 42
    with_ca --wait --timeout 2m
    local used
    used="$(on_node ctr --namespace k8s.io tasks metrics "$(container_of "$(leading_pod)")" | awk '/usage_in_bytes|memory.usage/ { print $2; exit }')"
    say "8Mi: the kubelet kills the new pod and the rollout stops, the old ones go on; with the chart's 512Mi it uses ${used:-?} bytes"
}

rotation() {
    eval "$(app second)"
    local restarts pods_before
    restarts() { pods jsonpath='{.items[*].status.containerStatuses[0].restartCount}'; }
    pods_before="$(pods name | sort) $(restarts)"
    credentials "$KORE_CLIENT_ID" "wrong-$KORE_CLIENT_SECRET"
    wait_for 60 "a wrong secret is named" is_reason CredentialsRejected
    credentials "$KORE_CLIENT_ID" "$KORE_CLIENT_SECRET"
    wait_for 60 "the new secret is taken" is_reason UpToDate
    [[ "$(pods name | sort) $(restarts)" == "$pods_before" ]] || fail "pods were started again"
    say "a Secret with another app's credentials: taken without a restart; a wrong one: CredentialsRejected"
}

drain() {
    kubectl drain node --ignore-daemonsets --delete-emptydir-data --timeout=15s >"$folder/drain.log" 2>&1 || true
    grep --quiet 'disruption budget' "$folder/drain.log" || fail "the budget held nobody: $(cat "$folder/drain.log")"
    [[ "$(pods jsonpath='{.items[?(@.status.phase=="Running")].metadata.name}' | wc -w)" -ge 1 ]] || fail "no pod is left"
    people 43 44
    wait_for 60 "the pod that is left leads" has_people 43 44
    kubectl uncordon node >/dev/null
    in_system rollout status deployment koreconcile --timeout=2m >/dev/null
    say "drain: one pod evicted, the other kept by the PodDisruptionBudget and leading; both Ready after uncordon"
}

uninstall() {
    local before
    before="$(truth | jq '.users | length')"
    on_node helm uninstall koreconcile --namespace kore-system --wait --timeout 2m >/dev/null
    no_pod() { [[ -z "$(pods name)" ]]; }
    wait_for 60 "the pods are gone" no_pod
    [[ "$(truth | jq '.users | length')" == "$before" ]] || fail "the account has lost people"
    [[ -n "$(in_acme get koreusers --output name)" ]] || fail "the objects are gone"
    in_acme delete koreusers --all --timeout=60s >/dev/null
    kubectl delete namespace kore-acme --timeout=60s >/dev/null
    [[ "$(truth | jq '.users | length')" == "$before" ]] || fail "the account has lost people"
    say "uninstalled: pods gone, objects kept; then objects and namespace deleted at once, and nobody left the account"
}
