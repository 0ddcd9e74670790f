#!/usr/bin/env bash
# One API server with its etcd, on loopback, for as long as standard input is open: whoever holds the other end need not
# stop anything, so the pair is gone however its holder ends, by a signal too.
#
#   tests/envtest/serve.sh FOLDER PROGRAMS API_PORT ETCD_PORT PEER_PORT [TOOLS]
#
# TOOLS holds kubectl and kube-controller-manager: with it deleted namespaces go, and what a deleted object owned.
# FOLDER holds tokens.csv (`token,user,uid,"group"`), and gets data, certificates and logs; it is removed when standard
# input ends, and left for its logs when one of the two ends by itself.
set -uo pipefail

folder="$1" programs="$2" api_port="$3" etcd_port="$4" peer_port="$5"
client="http://127.0.0.1:$etcd_port" peer="http://127.0.0.1:$peer_port"

"$programs/etcd" --data-dir "$folder/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" \
    </dev/null >"$folder/etcd.log" 2>&1 &
etcd=$!

# The key that signs service accounts' tokens is the one the server makes for its own certificate.
"$programs/kube-apiserver" --etcd-servers="$client" --cert-dir="$folder/certs" \
    --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$api_port" \
    --token-auth-file="$folder/tokens.csv" --authorization-mode=RBAC \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$folder/certs/apiserver.key" \
    --service-account-signing-key-file="$folder/certs/apiserver.key" \
    --service-cluster-ip-range=10.0.0.0/24 --disable-admission-plugins=ServiceAccount \
    </dev/null >"$folder/kube-apiserver.log" 2>&1 &
api=$!

managers=""
if [[ -n "${6:-}" ]]; then
    (
        export HOME="$folder/home"
        until "$6/kubectl" --kubeconfig "$folder/admin.kubeconfig" get --raw /readyz; do
            sleep 0.2
        done
        exec "$6/kube-controller-manager" --kubeconfig "$folder/admin.kubeconfig" --leader-elect=false --secure-port=0 \
            --controllers=namespace-controller,garbage-collector-controller
    ) </dev/null >"$folder/kube-controller-manager.log" 2>&1 &
    managers=$!
fi

exec 3<&0
cat <&3 >/dev/null &
holder=$!

wait -n
is_held=yes
kill -0 "$holder" 2>/dev/null || is_held=no

if [[ -n "$managers" ]]; then
    kill -KILL "$managers" 2>/dev/null
    wait "$managers"
fi
# The API server first: without etcd it would wait for it, deaf to everything.
kill -KILL "$api" 2>/dev/null
wait "$api"
kill -KILL "$etcd" 2>/dev/null
wait "$etcd"
if [[ "$is_held" == yes ]]; then
    kill "$holder"
    exit 1
fi
rm -rf "$folder"
