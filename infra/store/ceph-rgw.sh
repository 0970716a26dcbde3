#!/usr/bin/env bash
# A real S3 server where no container runs: one Ceph monitor, one OSD and the S3 gateway, on loopback, below one
# directory. For the demo and the tests, NOT for production: one copy of each object, no authentication between the
# daemons, no supervision, and the keys stand in a command line while the user is made. Runs as root; needs no systemd.
#
#   ceph-rgw.sh up DIR      start, or go on with the data in DIR (also after kill -9); makes the user and the bucket;
#                           prints the endpoint. Safe to repeat.
#   ceph-rgw.sh down DIR    stop what `up` started; the data stays
#   ceph-rgw.sh status DIR  print the endpoint and exit 0 if it serves, else exit 1
#
# Environment:
#   S3_PORT               the gateway's port (7480)
#   S3_HOST               where the gateway listens (127.0.0.1)
#   S3_MON_PORT           the monitor's port (S3_PORT + 1); fixed when DIR is created
#   S3_ACCESS_KEY_ID      (wavspool-demo)
#   S3_SECRET_ACCESS_KEY  (wavspool-demo-secret)
#   S3_BUCKET             (recordings; empty: no bucket is made)
#   S3_MAX_GIB            most that the store can hold, in a sparse file (20); fixed when DIR is created
#   S3_KEEP               disk, or memory: half the CPU, and what it holds ends with its processes (disk); fixed when DIR is created
#
# Exit codes: 0 done, 1 not serving (status) or a daemon failed, 2 usage, 3 a program is missing.
set -euo pipefail

say() { printf 'ceph-rgw: %s\n' "$*" >&2; }
die() {
  local code=$1
  shift
  say "$@"
  exit "$code"
}
usage() { die 2 'usage: ceph-rgw.sh up|down|status DIR'; }

[[ $# -eq 2 ]] || usage
verb=$1
dir=$(realpath -m -- "$2")
# the daemons' sockets lie in it, and the path of a socket has at most 107 characters
[[ ${#dir} -le 85 ]] || die 2 "the path of the directory is too long (85 characters at most): $dir"
port=${S3_PORT:-7480}
host=${S3_HOST:-127.0.0.1}
mon_port=${S3_MON_PORT:-$((port + 1))}
access_key=${S3_ACCESS_KEY_ID:-wavspool-demo}
secret_key=${S3_SECRET_ACCESS_KEY:-wavspool-demo-secret}
bucket=${S3_BUCKET-recordings}
max_gib=${S3_MAX_GIB:-20}
case ${S3_KEEP:-disk} in
  disk) object_store=bluestore ;;
  memory) object_store=memstore ;;
  *) die 2 "S3_KEEP is disk or memory, not $S3_KEEP" ;;
esac
endpoint="http://127.0.0.1:$port"
export CEPH_CONF="$dir/ceph.conf"

# The daemon's pid, if it runs. A pid file can outlive its daemon and its pid can go to another program, and a zombie
# that is not reaped yet does not run.
pid_of() {
  local daemon=$1 program=$2 pid comm stat
  [[ -s $dir/$daemon.pid ]] || return 1
  pid=$(<"$dir/$daemon.pid")
  read -r comm stat < <(ps -o comm=,stat= -p "$pid") || return 1
  [[ $comm == "$program" && $stat != Z* ]] || return 1
  printf '%s\n' "$pid"
}

# What happened last, for a daemon that does not come up.
fail_with_log() {
  local daemon=$1
  tail -n 15 "$dir/log/ceph-$daemon.log" "$dir/start.log" >&2 2>/dev/null || say "no log in $dir"
  stop_all
  die 1 "$daemon does not start; its log is in $dir/log"
}

run_daemon() {
  local daemon=$1 program=$2
  shift 2
  pid_of "$daemon" "$program" >/dev/null && return
  # an OSD that speaks before its client has the monitor's map is refused ("wrong fsid") and ends; a later start succeeds,
  # on a busy machine the fourth or fifth
  for _ in {1..10}; do
    "$program" "$@" >"$dir/start.log" 2>&1 && return
    sleep 1
  done
  fail_with_log "$daemon"
}

stop_daemon() {
  local daemon=$1 program=$2 pid
  pid=$(pid_of "$daemon" "$program") || return 0
  kill "$pid"
  for _ in $(seq 100); do
    pid_of "$daemon" "$program" >/dev/null || return 0
    sleep 0.1
  done
  say "$daemon (pid $pid) ignores SIGTERM: killing it"
  kill -9 "$pid"
}

stop_all() {
  stop_daemon client.rgw radosgw
  stop_daemon osd.0 ceph-osd
  stop_daemon mon.a ceph-mon
}

# Any HTTP answer of the gateway counts; a name that is taken by another program would answer too, so its pid must be ours.
serves() {
  pid_of client.rgw radosgw >/dev/null && curl -s -o /dev/null --max-time 5 "$endpoint"
}

require_programs() {
  local program
  for program in ceph ceph-mon ceph-osd radosgw radosgw-admin monmaptool curl ps; do
    command -v "$program" >/dev/null ||
      die 3 "$program is not installed: apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common curl procps"
  done
}

setting() { # one value out of ceph.conf
  sed -n "s/^$1 = //p" "$CEPH_CONF"
}

# Without it each answer with a body takes 40 ms: tcp_nodelay. Nor does a person read the lines that daemons keep in memory for
# a crash, which cost a third of their CPU: quiet. Errors are logged all the same.
quiet() {
  printf 'debug %s = 0/0\n' "$@"
}

write_settings() {
  local fsid=$1 mon=$2 bytes=$3 kind=$4
  cat >"$CEPH_CONF.tmp" <<CONF
[global]
fsid = $fsid
mon initial members = a
mon host = v1:127.0.0.1:$mon
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
osd objectstore = $kind
bluestore block size = $bytes
memstore device bytes = $bytes
bluestore fsck on mount = false
osd client watch timeout = 5
osd default notify timeout = 5
run dir = $dir
admin socket = $dir/\$name.asok
log file = $dir/log/ceph-\$name.log
pid file = $dir/\$name.pid
mon data = $dir/mon
osd data = $dir/osd
rgw data = $dir/rgw
rgw frontends = beast endpoint=$host:$port tcp_nodelay=1
rgw enable ops log = false
rgw enable usage log = false
$(quiet rgw ms osd objecter bluestore bluefs bdev rocksdb mon paxos auth)
CONF
  mv "$CEPH_CONF.tmp" "$CEPH_CONF"
}

# Only what `up` made itself is ever removed: a directory with anything else in it is refused.
create() {
  local fsid osd
  if [[ -e $CEPH_CONF ]]; then
    say "$dir was not finished, or in memory: creating it again"
    stop_all
    rm -rf -- "$dir"/{mon,osd,rgw,log,monmap,start.log} "$dir"/*.{pid,asok}
  elif [[ -n $(ls -A -- "$dir" 2>/dev/null) ]]; then
    die 2 "$dir is not empty and not a store of this script"
  fi
  mkdir -p -- "$dir"/{mon,osd,rgw,log}
  fsid=$(</proc/sys/kernel/random/uuid)
  osd=$(</proc/sys/kernel/random/uuid)
  write_settings "$fsid" "$mon_port" $((max_gib * 1024 ** 3)) "$object_store"
  {
    monmaptool --create --clobber --fsid "$fsid" --addv a "v1:127.0.0.1:$mon_port" "$dir/monmap"
    ceph-mon --mkfs -i a --monmap "$dir/monmap"
  } >"$dir/start.log" 2>&1 || fail_with_log mon.a
  run_daemon mon.a ceph-mon -i a
  {
    timeout 60 ceph osd create "$osd" 0
    timeout 60 ceph osd crush add osd.0 1 root=default
    ceph-osd -i 0 --mkfs --osd-uuid "$osd"
  } >"$dir/start.log" 2>&1 || fail_with_log osd.0
  run_daemon osd.0 ceph-osd -i 0
  timeout 120 radosgw-admin user create --uid=wavspool --display-name=wavspool \
    --access-key="$access_key" --secret="$secret_key" >"$dir/start.log" 2>&1 || fail_with_log client.rgw
  keys_hash >"$dir/created"
}

# An OSD that keeps all in memory does not come back with what the monitor and the gateway know of it.
is_forgotten() {
  [[ $(setting 'osd objectstore') == memstore ]] && ! pid_of osd.0 ceph-osd >/dev/null
}

keys_hash() {
  printf '%s:%s' "$access_key" "$secret_key" | sha256sum
}

# The settings of this run may name other keys or another gateway port than the last one's.
resume() {
  if pid_of client.rgw radosgw >/dev/null && ! grep -Eq "endpoint=$host:$port( |\$)" "$CEPH_CONF"; then
    die 1 "it runs on another port ($(setting 'rgw frontends')): stop it first"
  fi
  write_settings "$(setting fsid)" "$(setting 'mon host' | sed 's/.*://')" "$(setting 'bluestore block size')" \
    "$(setting 'osd objectstore')"
  run_daemon mon.a ceph-mon -i a
  run_daemon osd.0 ceph-osd -i 0
  [[ $(keys_hash) != "$(<"$dir/created")" ]] || return 0 # a look is cheap, a change waits for gateways that died
  timeout 120 radosgw-admin key create --uid=wavspool --key-type=s3 \
    --access-key="$access_key" --secret="$secret_key" >"$dir/start.log" 2>&1 || fail_with_log client.rgw
  keys_hash >"$dir/created"
}

# Through S3 itself, for radosgw-admin cannot. The keys go in on stdin, so that `ps` does not show them.
make_bucket() {
  local status
  status=$(curl -s -o "$dir/start.log" -w '%{http_code}' --max-time 30 -X PUT --aws-sigv4 aws:amz:us-east-1:s3 \
    -H 'x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' \
    -K - "$endpoint/$bucket" <<<"user = \"$access_key:$secret_key\"") || die 1 "cannot reach $endpoint"
  [[ $status == 200 || $status == 409 ]] || die 1 "cannot make the bucket $bucket: $status $(<"$dir/start.log")"
}

up() {
  local attempt
  require_programs
  mkdir -p -- "$dir"
  if [[ -e $dir/created ]] && ! is_forgotten; then resume; else create; fi
  run_daemon client.rgw radosgw -n client.rgw
  for attempt in $(seq 300); do
    serves && break
    # it may take a moment to write its pid, but one that is gone after 5 s does not come back: its port is taken, say
    [[ $attempt -lt 25 ]] || pid_of client.rgw radosgw >/dev/null || break
    sleep 0.2
  done
  serves || fail_with_log client.rgw
  [[ -z $bucket ]] || make_bucket
  printf '%s\n' "$endpoint"
}

case $verb in
  up) up ;;
  down) stop_all ;;
  status) if serves; then printf '%s\n' "$endpoint"; else exit 1; fi ;;
  *) usage ;;
esac
