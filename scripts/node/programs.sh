#!/usr/bin/env bash
# Builds the programs of a node (kubelet, kube-scheduler) from pinned Go modules into target/node/bin, and takes those of the
# tests' API server with them. Does nothing when they are there. containerd, runc and the CNI plugins are Debian's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scripts/packages.sh containerd:containerd runc:runc ip:iproute2 nsenter:util-linux gcc:gcc buildah:buildah python3:python3
[[ -x /usr/lib/cni/bridge ]] || scripts/packages.sh no-such-command:containernetworking-plugins
scripts/envtest.sh

bin="$PWD/target/node/bin"
mkdir -p "$bin"
version="$(awk '$1 == "k8s.io/kubernetes" { print $2 }' tests/node/kubernetes/go.mod)"
minor="${version#v1.}"
said=k8s.io/component-base/version
for program in kubelet kube-scheduler; do
    stamp="$(cat tests/node/kubernetes/go.mod tests/node/kubernetes/go.sum | cksum)"
    if [[ -x "$bin/$program" && "$(cat "$bin/$program.stamp" 2>/dev/null)" == "$stamp" ]]; then continue; fi
    echo "node: building $program (once)"
    CGO_ENABLED=0 go build -C tests/node/kubernetes -trimpath -buildvcs=false \
        -ldflags "-s -w -X $said.gitVersion=$version -X $said.gitMajor=1 -X $said.gitMinor=${minor%%.*}" \
        -o "$bin/$program" "k8s.io/kubernetes/cmd/$program"
    echo "$stamp" >"$bin/$program.stamp"
done
for program in kube-apiserver etcd kube-controller-manager kubectl helm; do
    ln -sfn "$PWD/target/envtest/$program" "$bin/$program"
done
echo "node: kubelet $version, $(containerd --version | awk '{ print $1, $3 }'), $(runc --version | head -n 1)"
