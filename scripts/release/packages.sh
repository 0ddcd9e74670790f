#!/usr/bin/env bash
# Installs what a release is made and tried with, and what a node needs, from Debian. Does nothing for what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/packages.sh buildah:buildah runc:runc skopeo:skopeo docker-registry:docker-registry lintian:lintian \
    dpkg-deb:dpkg man:man-db file:file strings:binutils openssl:openssl jq:jq python3:python3 git:git curl:curl tar:tar
