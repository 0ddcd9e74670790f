#!/usr/bin/env bash
# The image, FROM scratch, as an OCI archive: built twice to one digest, then run as a cluster would run it: read-only, without
# capabilities, as a user without a name.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source scripts/release/cluster.sh

if [[ "$(id -u)" != 0 ]]; then fail "buildah and runc are run as root here: sudo make release-check"; fi
store=(--root "$work/buildah/root" --runroot "$work/buildah/run")
image="localhost/koreconcile:$version"
archive="$dist/$name-image.tar"
roots="$(scripts/release/roots.sh)"

# build FOLDER FILE: an image from a context of its own.
build() {
    fresh "$1"
    install --mode=755 "$binary" "$1/koreconcile"
    install --mode=644 "$roots" "$1/ca-certificates.crt"
    cp scripts/release/Containerfile "$1/Containerfile"
    # buildah takes times from --timestamp, and not from the environment.
    buildah "${store[@]}" bud --quiet --no-cache --timestamp "$SOURCE_DATE_EPOCH" --file "$1/Containerfile" --tag "$image" \
        --label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$commit" \
        --label org.opencontainers.image.licenses=Apache-2.0 "$1" >/dev/null
    rm -f "$2"
    buildah "${store[@]}" push --quiet "$image" "oci-archive:$2:$image"
}
digest_of() { skopeo inspect "oci-archive:$1" | jq --raw-output .Digest; }

build "$work/image" "$archive"
build "$work/image-again" "$work/again.tar"
[[ "$(digest_of "$archive")" == "$(digest_of "$work/again.tar")" ]] || fail "two builds have two digests"
digest_of "$archive" >"$dist/$name-image.digest"

# --- Run ---------------------------------------------------------------------------------------------------------------

bundle="$work/bundle"
fresh "$bundle"
mounted="$(buildah "${store[@]}" from --pull-never "$image")"
cp -R "$(buildah "${store[@]}" mount "$mounted")" "$bundle/rootfs"
buildah "${store[@]}" rm "$mounted" >/dev/null
[[ "$(find "$bundle/rootfs" -type f | wc -l)" == 2 ]] || fail "there is more in the image than two files"
running=""
trap '[[ -z "$running" ]] || { runc kill "$running" KILL; sleep 1; runc delete --force "$running"; } 2>/dev/null' EXIT

# container NAME MOUNT ARGUMENT...: starts it in the background, in the network of this machine, with one folder to write to.
container() {
    local id="$1" folder="$2"
    shift 2
    (cd "$bundle" && rm -f config.json && runc spec)
    # Not by --args: jq would take --version for itself.
    jq --arg folder "$folder" --argjson arguments "$(printf '%s\n' "$@" | jq --raw-input . | jq --slurp .)" '
        .process.args = ["/usr/local/bin/koreconcile"] + $arguments
        | .process.terminal = false | .process.user = { uid: 65532, gid: 65532 } | .process.noNewPrivileges = true
        | .process.capabilities = {} | .process.env = ["POD_NAME=pod", "KUBECONFIG=/data/kubeconfig"] | .process.cwd = "/"
        | .root.readonly = true
        | .linux.namespaces |= map(select(.type != "network" and .type != "cgroup"))
        | .mounts += [{ destination: "/data", type: "bind", source: $folder, options: ["bind", "rw", "nosuid", "nodev"] }]
        ' <"$bundle/config.json" >"$bundle/new.json"
    mv "$bundle/new.json" "$bundle/config.json"
    running="$id"
    runc run --bundle "$bundle" "$id" </dev/null >"$bundle/$id.log" 2>&1 &
    runner=$!
}
# ended CODE: the container that runs ends by itself, or by TERM, with this code.
ended() {
    local code=0
    wait "$runner" || code=$?
    [[ "$code" == "$1" ]] || fail "$running ended with $code: $(tail -n 5 "$bundle/$running.log")"
    running=""
}
# The names of containers are the machine's.
mark="$$"
data="$work/data"
fresh "$data"
# runc makes the place of the mount in the image's folder: it is read-only later.
mkdir "$bundle/rootfs/data"
chown 65532:65532 "$data"

container "koreconcile-version-$mark" "$data" --version
ended 0
grep --quiet --fixed-strings "$version" "$bundle/koreconcile-version-$mark.log" || fail "the image does not say its version"

port="$(free_port)"
container "koreconcile-sandbox-$mark" "$data" sandbox serve --data /data/account --listen "127.0.0.1:$port"
until_true 30 curl --silent --fail "http://127.0.0.1:$port/" || fail "no sandbox: $(cat "$bundle/$running.log")"
runc kill "$running" TERM
ended 0

cluster
kubectl apply --server-side -f crds >/dev/null
kubectl wait crd --all --for=condition=Established --timeout=60s >/dev/null
install --owner=65532 --mode=600 "$KUBECONFIG" "$data/kubeconfig"
port="$(free_port)"
container "koreconcile-controller-$mark" "$data" controller --namespace default --health-listen "127.0.0.1:$port"
until_true 60 curl --silent --fail "http://127.0.0.1:$port/healthz" || fail "not healthy: $(cat "$bundle/$running.log")"
until_true 60 curl --silent --fail "http://127.0.0.1:$port/readyz" || fail "not ready: $(cat "$bundle/$running.log")"
kubectl get lease koreconcile --namespace default >/dev/null || fail "it leads nothing"
runc kill "$running" TERM
ended 0

say "$(cat "$dist/$name-image.digest"), two files, run read-only as 65532 without capabilities: version, sandbox, controller"
