#!/bin/sh
# The command line as the services see it: their user, their secrets, their settings. Run it as root, from anywhere;
# docs/production.md installs it as /usr/local/sbin/wavspool.
set -eu
# settings that name no secret need no such file
if [ -e /etc/wavspool/wavspool.env ]; then
  set -a
  # shellcheck source=/dev/null
  . /etc/wavspool/wavspool.env
  set +a
fi
# a secret that has a file of its own, which the services get by LoadCredential=
for secret in /etc/wavspool/secrets/*; do
  case ${secret##*/} in
    [0-9]* | *[!A-Za-z0-9_]*) continue ;; # no variable: an editor's copy, or nothing at all
  esac
  [ -f "$secret" ] || continue
  export "${secret##*/}=$(cat "$secret")"
done
export WAVSPOOL_CONFIG=/etc/wavspool/wavspool.yaml
umask 0077
# what Node has made of the code, as the services keep it: a command starts in half the time
cache=/var/cache/wavspool
[ -d "$cache" ] || install -d -o wavspool -g wavspool -m 0755 "$cache"
export NODE_COMPILE_CACHE="$cache"
exec setpriv --reuid=wavspool --regid=wavspool --init-groups --no-new-privs -- \
  /opt/wavspool/node_modules/.bin/node /opt/wavspool/bin/wavspool.js "$@"
