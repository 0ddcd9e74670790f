#!/usr/bin/env bash
# node.sh FOLDER PROGRAMS [IMAGE.tar]...: one Kubernetes node in namespaces of its own, until this process is killed (KILL).
# Ready when FOLDER/ready is there. CGROUP names its control groups.
#
# Network, mounts, processes, host name and IPC are its own: ports, addresses, routes, /run and /var/lib/kubelet are nobody
# else's, and with the process everything ends, containers too. It needs root, and no modules, no systemd, no kube-proxy.
set -euo pipefail

if [[ "${1:-}" != --inside ]]; then
    mkdir -p "$1"
    exec unshare --net --mount --pid --uts --ipc --fork --kill-child --mount-proc "$0" --inside "$@"
fi
shift
cd "$1"
folder="$PWD" bin="$2"
shift 2
export PATH="$bin:/usr/sbin:/sbin:$PATH"
hostname node
mkdir -p logs certs kcm sched etcd -m 700

# --- Mounts: a /run of its own, and folders of its own where kubelet and containerd have theirs ------------------------
mount --make-rshared /
mount -t tmpfs tmpfs /run
for path in /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/pods /var/log/containers /etc/cni /opt; do
    mkdir -p "$path" "$folder/mounts$path"
    mount --bind "$folder/mounts$path" "$path"
    mount --make-shared "$path"
done
# The kubelet sets these for the whole machine: let it set copies.
for file in vm/overcommit_memory kernel/panic kernel/panic_on_oops; do
    cat "/proc/sys/$file" >"${file##*/}"
    mount --bind "${file##*/}" "/proc/sys/$file"
done

# --- Control groups of its own, in both versions -----------------------------------------------------------------------
if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    mkdir -p "/sys/fs/cgroup/$CGROUP"
    sed 's/[^ ]*/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control || true
else
    for hierarchy in /sys/fs/cgroup/*/; do mkdir -p "$hierarchy/$CGROUP"; done
fi

# --- Network: the bridge is the node's address, and the Service `kubernetes` an address of loopback --------------------
ip link set lo up
ip link add cni0 type bridge
ip link set cni0 address 02:00:0a:f4:00:01
ip addr add 10.244.0.1/24 dev cni0
ip link set cni0 up
ip addr add 10.0.0.1/32 dev lo
ip route add default dev cni0
sysctl -qw net.ipv4.ip_forward=1
mkdir -p /etc/cni/net.d
cat >/etc/cni/net.d/10-bridge.conflist <<'CONFIG'
{ "cniVersion": "1.0.0", "name": "pods", "plugins": [
  { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
    "ipam": { "type": "host-local", "routes": [{ "dst": "0.0.0.0/0" }],
      "ranges": [[{ "subnet": "10.244.0.0/24", "rangeStart": "10.244.0.10" }]] } } ] }
CONFIG

# --- Configuration -----------------------------------------------------------------------------------------------------
cat >containerd.toml <<'CONFIG'
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
CONFIG
cat >kubelet.yaml <<CONFIG
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failSwapOn: false
# A Secret that is changed shows in a pod that mounts it.
syncFrequency: 5s
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
clusterDNS: [10.244.0.1]
clusterDomain: cluster.local
evictionHard: { memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1% }
CONFIG
cat >kubeconfig <<'CONFIG'
apiVersion: v1
kind: Config
clusters: [{ name: node, cluster: { server: "https://10.244.0.1:443", insecure-skip-tls-verify: true } }]
users: [{ name: admin, user: { token: test-token } }]
contexts: [{ name: node, context: { cluster: node, user: admin } }]
current-context: node
CONFIG
echo 'test-token,admin,1,"system:masters"' >tokens.csv

# --- Programs ----------------------------------------------------------------------------------------------------------
start() {
    local name="$1"
    shift
    "$@" </dev/null >"logs/$name.log" 2>&1 &
}
# As a node does it: a program that ends is started again. On a machine that is busy the API server gives its first start up.
keep() {
    local name="$1"
    shift
    while true; do
        "$@" </dev/null >>"logs/$name.log" 2>&1 || true
        sleep 1
    done &
}
start containerd containerd --config containerd.toml
start etcd etcd --data-dir etcd --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster default=http://127.0.0.1:2380
keep apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --cert-dir=certs \
    --bind-address=0.0.0.0 --advertise-address=10.244.0.1 --secure-port=443 --token-auth-file=tokens.csv \
    --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file=certs/apiserver.key --service-account-signing-key-file=certs/apiserver.key
until [[ "$(curl -sk -H 'Authorization: Bearer test-token' https://127.0.0.1/readyz)" == ok ]]; do sleep 0.2; done
access=(--kubeconfig=kubeconfig --authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig)
keep controllers kube-controller-manager "${access[@]}" --leader-elect=false --bind-address=127.0.0.1 --cert-dir=kcm \
    --root-ca-file=certs/apiserver.crt --service-account-private-key-file=certs/apiserver.key
keep scheduler kube-scheduler "${access[@]}" --leader-elect=false --bind-address=127.0.0.1 --cert-dir=sched
until ctr version >/dev/null 2>&1; do sleep 0.2; done
for image in "$@"; do ctr -n k8s.io images import "$image" >>logs/import.log 2>&1; done
start kubelet kubelet --config=kubelet.yaml --kubeconfig=kubeconfig --hostname-override=node --node-ip=10.244.0.1
until kubectl --kubeconfig kubeconfig get node node 2>/dev/null | grep -q ' Ready '; do sleep 0.2; done
touch ready
wait
