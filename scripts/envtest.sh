#!/usr/bin/env bash
# Builds the programs that the `controller::` tests run (kube-apiserver, etcd, kube-controller-manager, kubectl, helm, and
# the Lua and the kstatus that Argo CD and Flux read health with) from pinned Go modules into target/envtest; does nothing when they are there. Needs Go 1.26.
# KUBEBUILDER_ASSETS, a folder with kube-apiserver and etcd, spares those two.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin="$PWD/target/envtest"
mkdir -p "$bin"

if ! command -v go >/dev/null; then
    echo "envtest: the controller's tests build their API server with Go 1.26, and there is no go on the PATH" >&2
    echo "  install it, and run this again" >&2
    exit 1
fi

# version MODULE REQUIRED: what MODULE's go.mod pins.
version() {
    awk -v name="$2" '$1 == name || $1 == "require" && $2 == name { print $NF == "indirect" ? $(NF - 2) : $NF; exit }' \
        "tests/envtest/$1/go.mod"
}

# build MODULE PACKAGE PROGRAM [LDFLAGS]: from the versions and hashes that stand in tests/envtest/MODULE.
build() {
    local module="$1" package="$2" program="$3" ldflags="-s -w ${4:-}"
    local stamp
    stamp="$(cat "tests/envtest/$module/go.mod" "tests/envtest/$module/go.sum" - <<<"$ldflags" | cksum)"
    if [[ -x "$bin/$program" && "$(cat "$bin/$program.stamp" 2>/dev/null)" == "$stamp" ]]; then
        return
    fi
    echo "envtest: building $program (once)"
    CGO_ENABLED=0 go build -C "tests/envtest/$module" -trimpath -buildvcs=false -ldflags "$ldflags" \
        -o "$bin/$program" "$package"
    echo "$stamp" >"$bin/$program.stamp"
}

kubernetes="$(version kubernetes k8s.io/kubernetes)"
minor="${kubernetes#v1.}"
minor="${minor%%.*}"
# Without these the server says v0.0.0, which clients and charts misread.
said=k8s.io/component-base/version
kubernetes_flags="-X $said.gitVersion=$kubernetes -X $said.gitMajor=1 -X $said.gitMinor=$minor"

if [[ -n "${KUBEBUILDER_ASSETS:-}" ]]; then
    for program in kube-apiserver etcd; do
        if [[ ! -x "$KUBEBUILDER_ASSETS/$program" ]]; then
            echo "envtest: KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, and there is no $program in it" >&2
            echo "  unset it to have the pinned one built, or correct it" >&2
            exit 1
        fi
    done
else
    build kubernetes k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver "$kubernetes_flags"
    build etcd go.etcd.io/etcd/server/v3 etcd
fi
build kubernetes k8s.io/kubernetes/cmd/kube-controller-manager kube-controller-manager "$kubernetes_flags"
build kubernetes k8s.io/kubernetes/cmd/kubectl kubectl "$kubernetes_flags"
build helm helm.sh/helm/v4/cmd/helm helm \
    "-X helm.sh/helm/v4/internal/version.version=$(version helm helm.sh/helm/v4)"
# What Flux makes of an object, by its own library, which helm uses as well.
build helm ./kstatus kstatus
build lua github.com/yuin/gopher-lua/cmd/glua glua

servers="${KUBEBUILDER_ASSETS:-$bin}"
echo "envtest: $("$servers/kube-apiserver" --version)," \
    "etcd $("$servers/etcd" --version | awk 'NR == 1 { print $NF }')," \
    "kubectl $kubernetes, helm $("$bin/helm" version --short)"
