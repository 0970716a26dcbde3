#!/bin/bash
# Installs what is missing on a Debian machine that has git, Node >= 18 and npm. Says nothing when nothing is missing.
#
#   infra/install.sh check   the npm packages
#   infra/install.sh run     … and redis-server, for "wavspool up"
#   infra/install.sh demo    … and an S3 server: a usable Docker engine, else Ceph's gateway
#   infra/install.sh fleet   redis-server, Ceph's gateway, PostgreSQL, sshd, sftp, sqlite3, openssl: for "make demo-fleet"
#   infra/install.sh containers   … and a Docker engine, docker-compose and debootstrap: for "make test-containers"
#   infra/install.sh test    what the demos need, and what the tests drive: rsync, setfattr, setfacl, python3, zstd, chromium,
#                           logrotate, faketime, make, promtool, systemd-notify, groff, kubectl, ip
set -euo pipefail
cd "$(dirname "$0")/.."
# a plain user's PATH lacks sshd's directory; the tests replace both of these
export PATH="$PATH${WAVSPOOL_SYSTEM_PATH-:/usr/local/sbin:/usr/sbin:/sbin}"
readonly POLICY=${WAVSPOOL_POLICY_FILE:-/usr/sbin/policy-rc.d}

fail() {
  printf 'infra/install.sh: %s\n' "$1" >&2
  exit 3
}

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

missing=()
# need PROGRAM PACKAGE: the package is missing when its program is.
need() {
  has "$1" || missing+=("$2")
}

need_s3() {
  has radosgw && has ceph-mon && has ceph-osd && has ceph && return
  has docker && docker info >/dev/null 2>&1 && return # asked last: an engine that is down takes its time to say so
  need_ceph
}

need_ceph() {
  need radosgw radosgw
  need ceph-mon ceph-mon
  need ceph-osd ceph-osd
  need ceph ceph-common
}

need_for() {
  case $1 in
    check) ;;
    run) need redis-server redis-server ;;
    demo)
      need_for run
      need_s3
      ;;
    containers)
      need_for run
      need dockerd docker.io
      need docker-compose docker-compose
      need debootstrap debootstrap
      need iptables iptables
      need sftp openssh-client
      ;;
    fleet)
      need_for run
      need_ceph
      need sshd openssh-server
      need sftp openssh-client
      need sqlite3 sqlite3
      need openssl openssl
      # its servers are on no PATH: /usr/lib/postgresql/<version>/bin
      compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
      ;;
    test)
      need_for fleet
      need python3 python3
      need rsync rsync
      need setfattr attr
      need setfacl acl
      need zstd zstd
      need chromium chromium
      need logrotate logrotate
      need faketime faketime
      need make make
      need promtool prometheus
      need systemd-notify systemd
      need groff groff-base
      need kubectl kubernetes-client
      need ip iproute2
      ;;
    *) fail "unknown mode \"$1\": check, run, demo, fleet, containers or test" ;;
  esac
}

enabled_units() {
  systemctl list-unit-files --state=enabled --no-legend --plain | cut -d' ' -f1 | sort
}

# Debian's packages start and enable their services. wavspool starts a Redis, a gateway and an sshd of its own on other
# ports, so a system service would only hold a port, memory and, for sshd, a door that was not asked for. policy-rc.d is
# what deb-systemd-invoke and invoke-rc.d ask before they start anything (RUNLEVEL=1 stops only the latter); a
# machine that has one already keeps it.
hold_services_back() {
  [[ -e $POLICY ]] && return
  policy_is_ours=yes
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
  as_root chmod 755 "$POLICY"
}

clean_up() {
  if [[ -n $policy_is_ours ]]; then as_root rm -f "$POLICY"; fi
  policy_is_ours=''
  rm -f "$log"
}

install_packages() {
  local before='' added
  policy_is_ours=''
  log=$(mktemp)
  trap clean_up EXIT
  hold_services_back
  if [[ -d /run/systemd/system ]]; then before=$(enabled_units); fi

  printf 'installing %s\n' "${missing[@]}"
  if ! as_root apt-get update >"$log" 2>&1 ||
    ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt-get could not install ${missing[*]} (its last lines are above): check the network and the sources in /etc/apt, then run this again"
  fi

  if [[ -d /run/systemd/system ]]; then
    mapfile -t added < <(comm -13 <(printf '%s\n' "$before") <(enabled_units))
    if ((${#added[@]} > 0)); then as_root systemctl disable --quiet "${added[@]}"; fi
  fi
  clean_up
}

# npm writes node_modules/.package-lock.json when it has installed everything, so its age says whether that is up to date.
install_npm_packages() {
  # a linked node_modules belongs to another checkout (a git worktree shares one so): npm ci would empty it under that one
  [[ -L node_modules ]] && return
  [[ node_modules/.package-lock.json -nt package-lock.json && -x node_modules/.bin/node ]] && return
  { has node && has npm; } || fail 'node and npm are needed: install Node 18 or newer, e.g. from https://nodejs.org'
  (($(node -p 'process.versions.node.split(".")[0]') >= 18)) || fail "Node 18 or newer is needed, this is $(node --version)"
  echo 'installing the npm packages'
  # no package needs its install script, and npm 10, which knows no allowScripts, would compile better-sqlite3 with one
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || fail 'npm ci failed: its messages are above'
  link_node
}

# Node 26 itself is an optional dependency. npm 9 and 10, which Node 18 and 20 bring, install it without its link in .bin.
link_node() {
  [[ -x node_modules/.bin/node ]] && return
  local package
  for package in node_modules/node-linux-*; do
    [[ -d $package ]] || fail 'npm left out the optional dependencies, and Node 26 is one: remove "omit=optional" from the npm settings (npm config get omit)'
    npm rebuild --ignore-scripts --loglevel=error "${package#node_modules/}" >/dev/null || fail "npm could not link Node 26 from $package"
  done
  [[ -x node_modules/.bin/node ]] || fail 'node_modules/.bin/node is missing after npm ci: remove node_modules and run this again'
}

need_for "${1:?check, run, demo, fleet, containers or test}"
if ((${#missing[@]} > 0)); then
  has apt-get || fail "missing: ${missing[*]}. This script knows Debian and its relatives only: install them with this system's package manager"
  [[ $(id -u) == 0 ]] || has sudo || fail "missing: ${missing[*]}. Run this as root, or install sudo"
  install_packages
fi
install_npm_packages
