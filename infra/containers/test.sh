#!/usr/bin/env bash
# The tests of what ships, each in a container: docker-compose.yml end to end, docs/production.md on a Debian that systemd boots, and
# the service tests with their Redis and S3 server started by testcontainers.
#
#   test.sh [compose] [guide] [deb] [testcontainers]     all of them without a name
#
# Environment: WAVSPOOL_CONTAINERS (/tmp/wavspool-containers) keeps the engine's data and its images between runs;
# WAVSPOOL_PREVIOUS (HEAD~1) is the commit whose image is upgraded from.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${WAVSPOOL_CONTAINERS:-/tmp/wavspool-containers}
previous=${WAVSPOOL_PREVIOUS:-HEAD~1}
parts=("$@")
[[ $# -gt 0 ]] || parts=(compose guide deb testcontainers)
export DOCKER_BUILDKIT=0

infra/install.sh containers
DOCKER_HOST=$(infra/containers/engine.sh start "$dir")
export DOCKER_HOST
trap 'infra/containers/engine.sh stop "$dir"' EXIT
infra/containers/engine.sh images "$dir"

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
vitest() { node_modules/.bin/node node_modules/vitest/vitest.mjs run "$@"; }

build_image() { # build_image DIRECTORY TAG REVISION
  docker build --quiet --network host --build-arg "REVISION=$3" -f "$1/infra/Dockerfile" -t "$2" "$1" >/dev/null
  say "image $2: $(($(docker image inspect --format '{{.Size}}' "$2") / 1000000)) MB with its base"
}

compose() {
  local old
  old=$(mktemp -d)
  git archive "$previous" | tar -x -C "$old"
  build_image "$old" wavspool:previous "$(git rev-parse "$previous")"
  rm -rf "$old"
  build_image . wavspool:candidate "$(git rev-parse HEAD)"
  docker build --quiet --network host -t wavspool-sftp:0.1.0 infra/containers/sftp >/dev/null
  vitest --config vitest.containers.config.ts compose
}

guide() {
  docker build --quiet --network host -f infra/containers/systemd.Dockerfile -t wavspool-systemd infra/containers >/dev/null
  vitest --config vitest.containers.config.ts guide
}

deb() {
  infra/deb/build.sh >&2
  docker build --quiet --network host -f infra/containers/systemd.Dockerfile -t wavspool-systemd infra/containers >/dev/null
  vitest --config vitest.containers.config.ts deb
}

# One file of each kind of test; the container that removes what is left over comes from a registry too.
testcontainers() {
  docker image inspect testcontainers/ryuk >/dev/null 2>&1 || export TESTCONTAINERS_RYUK_DISABLED=true
  env -u WAVSPOOL_TEST_REDIS -u WAVSPOOL_TEST_S3 node_modules/.bin/node node_modules/vitest/vitest.mjs run --project service \
    test/contract/object-store.test.ts test/service/upload-keys.test.ts test/fault/P2.test.ts test/e2e/sftp-to-bucket.test.ts
}

red=()
for part in "${parts[@]}"; do
  say "$part"
  set +e # a red part hides nothing of the others
  (set -e; "$part")
  (($? == 0)) || red+=("$part")
  set -e
done
say "done: ${parts[*]}"
((${#red[@]} == 0)) || { say "red: ${red[*]}"; exit 1; }
