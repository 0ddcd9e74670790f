#!/usr/bin/env bash
# The chart: packaged twice to the same bytes, pushed with the image to a registry on loopback, pulled and installed from
# there on a real API server, upgraded and taken away again.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source scripts/release/cluster.sh

cluster
chart="$dist/$name.tgz"
# package FOLDER: helm takes times from the files.
package() {
    fresh "$1"
    cp -R charts/koreconcile "$1/koreconcile"
    find "$1" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
    helm package "$1/koreconcile" --destination "$1" >/dev/null
}
package "$work/chart"
package "$work/chart-again"
same "$work/chart/$name.tgz" "$work/chart-again/$name.tgz" "the chart"
cp "$work/chart/$name.tgz" "$chart"

port="$(free_port)"
fresh "$work/registry"
printf 'version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: "127.0.0.1:%s" }\n' \
    "$work/registry/data" "$port" >"$work/registry/config.yml"
docker-registry serve "$work/registry/config.yml" >"$work/registry/log" 2>&1 &
registry=$!
trap 'kill "$registry"' EXIT
until_true 30 curl --silent --fail "http://127.0.0.1:$port/v2/" || fail "no registry: $(cat "$work/registry/log")"

# helm and skopeo say what they did on standard error.
quiet() { "$@" >"$work/registry/said" 2>&1 || fail "$1 $2: $(cat "$work/registry/said")"; }
quiet helm push "$chart" "oci://127.0.0.1:$port/charts" --plain-http
quiet helm pull "oci://127.0.0.1:$port/charts/koreconcile" --version "$version" --plain-http --destination "$work/registry"
same "$chart" "$work/registry/$name.tgz" "the chart that was pulled"
digest="$(cat "$dist/$name-image.digest")"
quiet skopeo copy --dest-tls-verify=false "oci-archive:$dist/$name-image.tar" "docker://127.0.0.1:$port/koreconcile:$version"
pulled="$(skopeo inspect --tls-verify=false "docker://127.0.0.1:$port/koreconcile:$version" | jq --raw-output .Digest)"
[[ "$pulled" == "$digest" ]] || fail "the image has another digest in the registry: $pulled, not $digest"

kubectl create namespace kore-acme >/dev/null
from=("oci://127.0.0.1:$port/charts/koreconcile" --version "$version" --plain-http --namespace kore-system
    --set "image.repository=127.0.0.1:$port/koreconcile" --set "image.digest=$digest" --set "accountNamespaces={kore-acme}")
quiet helm install koreconcile "${from[@]}" --create-namespace
kubectl wait crd --all --for=condition=Established --timeout=60s >/dev/null
image="$(kubectl get deployment koreconcile --namespace kore-system --output jsonpath='{..image}')"
[[ "$image" == "127.0.0.1:$port/koreconcile@$digest" ]] || fail "the pods would run $image"
kubectl apply --namespace kore-acme --filename examples/gitops/account/account.yaml >/dev/null
quiet helm upgrade koreconcile "${from[@]}" --set replicaCount=3
quiet helm uninstall koreconcile --namespace kore-system
[[ -n "$(kubectl get koreaccounts --namespace kore-acme --output name)" ]] || fail "the objects went with the release"

say "pushed, pulled unchanged, installed by digest, upgraded and uninstalled; the objects stayed"
