#!/usr/bin/env bash
# A Docker engine for the tests of the containers, and the images that they stand on.
#
#   engine.sh start DIR    uses the engine that answers, else installs Debian's and starts one of its own below DIR;
#                          prints the address for DOCKER_HOST
#   engine.sh images DIR   has every base image there: from a registry where one can be reached, else made from Debian's packages
#                          under the same name, which it says
#   engine.sh stop DIR     ends the engine that it started below DIR, and no other
#
# Environment: WAVSPOOL_PULL_SECONDS (60) is how long a registry may take, 0 asks none.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOCKER_BUILDKIT=0

verb=${1:-} dir=${2:-}
[[ $verb =~ ^(start|images|stop)$ && -n $dir ]] || { echo 'usage: engine.sh start|images|stop DIR' >&2; exit 2; }
mkdir -p "$dir"
dir=$(realpath "$dir")
readonly NODE=node:26.10.0-slim DEBIAN=debian:12.12-slim
readonly OWN="unix://$dir/sock"
[[ -S $dir/sock ]] && export DOCKER_HOST=$OWN

say() { printf 'engine: %s\n' "$*" >&2; }
answers() { docker version >/dev/null 2>&1; }

start() {
  answers && { printf '%s\n' "${DOCKER_HOST:-unix:///var/run/docker.sock}"; return; }
  infra/install.sh containers >&2
  # in a session of its own: what ends this script's terminal leaves it alone
  setsid nohup dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "$OWN" >"$dir/log" 2>&1 </dev/null 3>&- 8>&- 9>&- & # and without the locks that the caller may hold
  export DOCKER_HOST=$OWN
  for _ in $(seq 120); do
    answers && { say "started one in $dir"; printf '%s\n' "$OWN"; return; }
    sleep 0.5
  done
  tail -n 20 "$dir/log" >&2
  exit 1
}

# A small Debian, and the same with the Node that this checkout runs on.
make_base() {
  local root="$dir/root" node
  node=$(node_modules/.bin/node -p process.execPath)
  if [[ ! -e $dir/root.done ]]; then
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates,libatomic1 bookworm "$root" >"$dir/debootstrap.log"
    cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" && rm -f "$root/etc/apt/sources.list"
    # this host's own certificate authorities: it may reach the registries through one
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/*
    touch "$dir/root.done"
  fi
  tar -C "$root" -c . | docker import - "$DEBIAN" >/dev/null
  install -D -m 0755 "$node" "$dir/node/usr/local/bin/node"
  mkdir -p "$dir/node/usr/local/lib/node_modules" "$dir/node/root"
  cp -r "$(npm root -g)/npm" "$dir/node/usr/local/lib/node_modules/"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$dir/node/usr/local/bin/npm"
  echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$dir/node/root/.npmrc"
  docker build --quiet --tag "$NODE" -f - "$dir/node" >/dev/null <<DOCKERFILE
FROM $DEBIAN
COPY . /
DOCKERFILE
}

# image NAME: whether it is there, or a registry gives it
has_image() {
  docker image inspect "$1" >/dev/null 2>&1 && return
  local seconds=${WAVSPOOL_PULL_SECONDS:-60}
  [[ $seconds != 0 ]] && timeout "$seconds" docker pull --quiet "$1" >/dev/null 2>&1
}

stand_in() { # stand_in KIND NAME…
  local kind=$1 name
  shift
  for name; do
    has_image "$name" && continue
    docker build --quiet --network host --tag "$name" -f "infra/containers/stand-ins/$kind.Dockerfile" . >/dev/null
    say "$name: no registry gives it, so $(sed -n '1s/^# \([^,]*\) under.*/\1/p' "infra/containers/stand-ins/$kind.Dockerfile") stands in for it"
  done
}

# The images that the compose file and the tests name, by the beginning of the name.
named() {
  grep -hoE "$1:[a-z0-9.-]+" docker-compose.yml test/support/services.ts | sort -u
}

images() {
  local redis s3
  if ! has_image "$NODE" || ! has_image "$DEBIAN"; then
    make_base
    say "$NODE and $DEBIAN: no registry gives them, so Debian's packages and this checkout's Node stand in for them"
  fi
  mapfile -t redis < <(named valkey/valkey)
  mapfile -t s3 < <(named chrislusf/seaweedfs)
  stand_in redis "${redis[@]}"
  stand_in s3 "${s3[@]}"
}

stop() {
  [[ -s $dir/pid ]] || return 0
  local pid
  pid=$(<"$dir/pid")
  kill "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
}

"$verb"
