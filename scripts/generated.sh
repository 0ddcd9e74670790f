#!/usr/bin/env bash
# Writes the generated files into place, and fails when one of them was stale or is not committed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# One line a file: where it stands, and the arguments of koreconcile that print it.
outputs=(
    "docs/reference/plan.schema.json schema plan"
    "docs/reference/report.schema.json schema report"
    "docs/reference/manifests.schema.json schema manifests"
    "docs/reference/policy-test.schema.json schema policy-test"
    "docs/reference/cli.md reference cli"
    "docs/reference/manifests.md reference manifests"
    "docs/reference/findings.md reference findings"
)
# The definitions stand three times, because neither Helm nor kustomize reads outside of its folder.
for kind in KoreAccount KoreUser KoreTeam KoreGroupMembership KoreRole KoreRoleBinding KoreBotAssignment KorePolicy \
    KorePolicyException KoreBaseline KoreArea KorePlan KorePlanApproval; do
    for folder in crds charts/koreconcile/files/crds charts/kustomize/crds; do
        plural="${kind,,}s"
        outputs+=("$folder/${plural/policys/policies}.yaml crds $kind")
    done
done

cargo build --quiet --locked --bin koreconcile
koreconcile="${CARGO_TARGET_DIR:-target}/debug/koreconcile"
fresh="$(mktemp)"
trap 'rm -f "$fresh"' EXIT

stale=0

# store FILE WHAT: puts what is in $fresh into place; an empty one says that nothing can be printed yet.
store() {
    local file="$1" what="$2" is_tracked=0
    if git ls-files --error-unmatch "$file" >/dev/null 2>&1; then is_tracked=1; fi

    if [[ ! -s "$fresh" ]]; then
        if ((is_tracked)); then
            echo "generated: \`$what\` printed nothing, and $file is committed" >&2
            stale=1
        else
            echo "generated: waits for \`$what\` ($file)"
        fi
        return
    fi

    mkdir -p "$(dirname "$file")"
    cat "$fresh" >"$file"
    if ((!is_tracked)); then
        echo "generated: $file is new: look at it and commit it" >&2
        stale=1
    elif ! git diff --exit-code --stat -- "$file" >&2; then
        echo "generated: $file was stale and is written anew: look at it and commit it" >&2
        stale=1
    else
        echo "generated: $file is fresh"
    fi
}

for output in "${outputs[@]}"; do
    read -r file arguments <<<"$output"
    read -ra words <<<"$arguments"
    "$koreconcile" "${words[@]}" >"$fresh" </dev/null || : >"$fresh"
    store "$file" "koreconcile $arguments"
done

# The base for kustomize is the chart with its defaults, less what only Helm reads.
helm=target/envtest/helm
if [[ -x "$helm" ]]; then
    "$helm" template koreconcile charts/koreconcile --skip-tests --namespace koreconcile-system --set crds.install=false,image.repository=koreconcile |
        sed -e '/^# Source: /d' -e '/^ *helm.sh\/chart: /d' -e '/managed-by: Helm$/d' >"$fresh" || : >"$fresh"
    store charts/kustomize/controller.yaml "helm template"
else
    echo "generated: charts/kustomize/controller.yaml is left alone: scripts/envtest.sh builds helm"
fi
exit "$stale"
