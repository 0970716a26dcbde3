#!/bin/sh
# Makes the host key once (it stays in its volume), takes the authorized keys over, and becomes sshd.
set -eu
host_key=/etc/ssh/keys/ssh_host_ed25519_key
given=/run/secrets/authorized_keys

[ -s "$given" ] || {
  echo "no authorized keys: SFTP_AUTHORIZED_KEYS_FILE must name a file with at least one public key" >&2
  exit 1
}
mkdir -p /run/sshd
chmod 755 /run/sshd
# a copy, because the mounted file has the owner and mode that it has on the host, and sshd is strict about both
install -m 0644 "$given" /run/sshd/authorized_keys
[ -s "$host_key" ] || ssh-keygen -q -t ed25519 -N '' -f "$host_key"
ssh-keygen -l -f "$host_key.pub"
exec /usr/sbin/sshd -D -e
