# An API server without nodes, on loopback, for as long as the script runs; `source` it after common.sh and call `cluster`.
# shellcheck shell=bash

# cluster: starts it; KUBECONFIG, kubectl and helm are set.
cluster() {
    local folder port
    scripts/envtest.sh >/dev/null
    folder="$(mktemp -d)"
    port="$(free_port)"
    printf 'token-of-the-release,admin,1,"system:masters"\n' >"$folder/tokens.csv"
    cat >"$folder/admin.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{ name: test, cluster: { server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true } }]
users: [{ name: admin, user: { token: token-of-the-release } }]
contexts: [{ name: test, context: { cluster: test, user: admin } }]
current-context: test
YAML
    # It lives as long as its standard input is open, which is as long as this shell. It says its last words to a file: a
    # pipe that nobody reads would end it before its programs.
    # shellcheck disable=SC2034 # the other end is held by being there
    coproc CLUSTER { exec tests/envtest/serve.sh "$folder" "$root/target/envtest" "$port" "$(free_port)" "$(free_port)" >"$folder/serve.log" 2>&1; }
    export KUBECONFIG="$folder/admin.kubeconfig"
    export HELM_CACHE_HOME="$work/helm" HELM_CONFIG_HOME="$work/helm" HELM_DATA_HOME="$work/helm"
    PATH="$root/target/envtest:$PATH"
    until_true 180 kubectl get --raw /readyz || fail "the API server does not start: $folder has its logs"
}
