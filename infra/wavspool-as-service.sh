#!/bin/sh
# The command line as the services see it: their user, their secrets, their settings. Run it as root, from anywhere;
# docs/production.md installs it as /usr/local/sbin/wavspool.
set -eu
set -a
# shellcheck source=/dev/null
. /etc/wavspool/wavspool.env
set +a
export WAVSPOOL_CONFIG=/etc/wavspool/wavspool.yaml
umask 0077
exec setpriv --reuid=wavspool --regid=wavspool --init-groups --no-new-privs -- \
  /opt/wavspool/node_modules/.bin/node /opt/wavspool/bin/wavspool.js "$@"
