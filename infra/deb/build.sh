#!/usr/bin/env bash
# Builds build/wavspool_VERSION_ARCH.deb of this checkout: everything below /usr/lib/wavspool, its Node 26 included, with units, completions
# and the man page. The version is package.json's unless VERSION says another.
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/install.sh check
node=$(node_modules/.bin/node -p process.execPath)
version=${VERSION:-$("$node" -p 'JSON.parse(fs.readFileSync("package.json")).version')}
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
umask 022
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
lib="$tree/usr/lib/wavspool"

put() { install -D -m "$1" "$2" "$tree/$3"; }

program() {
  mkdir -p "$lib"
  cp -r bin workers src package.json package-lock.json "$lib/"
  git rev-parse HEAD >"$lib/REVISION"
  (cd "$lib" && npm ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund --silent)
  # what is never run: sources and binaries of other systems, types, the package's Node, which lies beside instead
  (cd "$lib/node_modules" && rm -rf node-linux-* .bin typescript @typescript better-sqlite3/{deps,src} better-sqlite3/prebuilds/{darwin,win32,linuxmusl}-* &&
    find . -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '.npmignore' -o -name '.package-lock.json' \) -delete &&
    find . \( -name '.eslintrc*' -o -name '.gitattributes' -o -name '*.sh' -o -name '*musl*.node' \) -delete &&
    find better-sqlite3/prebuilds -type f ! -name "linux-$([[ $arch == amd64 ]] && echo x64 || echo "$arch").node" -delete &&
    find . -name '*.node' -exec chmod 644 {} + -exec strip --strip-unneeded {} + &&
    find . -type d \( -name test -o -name tests -o -name .github \) -prune -exec rm -rf {} +)
  rm "$lib/package-lock.json"
  install -m 755 "$node" "$lib/node"
  find "$lib" -type f -name '*.js' -path '*/node_modules/*' -exec chmod 644 {} +
  chmod 755 "$lib"/bin/*.js "$lib"/workers/*.js
}

# The checkout's own paths as those of the package.
packaged() {
  sed -e 's|/opt/wavspool/node_modules/.bin/node|/usr/lib/wavspool/node|g' -e 's|file:///opt/wavspool/docs/production.md|man:wavspool(1)|' \
    -e 's|/opt/wavspool|/usr/lib/wavspool|g' "$1"
}

surroundings() {
  local unit shell to
  mkdir -p "$tree/lib/systemd/system" "$tree/usr/bin" "$tree/usr/share/man/man1" "$tree/usr/share/doc/wavspool"
  for unit in wavspool@.service wavspool.target; do packaged "infra/systemd/$unit" >"$tree/lib/systemd/system/$unit"; done
  packaged infra/wavspool-as-service.sh >"$tree/usr/bin/wavspool"
  chmod 755 "$tree/usr/bin/wavspool"
  for shell in bash:bash-completion/completions/wavspool zsh:zsh/vendor-completions/_wavspool fish:fish/vendor_completions.d/wavspool.fish; do
    to="$tree/usr/share/${shell#*:}"
    mkdir -p "$(dirname "$to")"
    "$node" bin/wavspool.js completion "${shell%%:*}" >"$to"
  done
  "$node" infra/man-page.ts | gzip -9n >"$tree/usr/share/man/man1/wavspool.1.gz"
  put 644 infra/sshd/wavspool-sftp.conf usr/share/doc/wavspool/examples/wavspool-sftp.conf
  put 644 infra/monitoring/wavspool.rules.yml usr/share/doc/wavspool/examples/wavspool.rules.yml
  put 644 infra/monitoring/grafana-dashboard.json usr/share/doc/wavspool/examples/grafana-dashboard.json
  put 644 infra/deb/copyright usr/share/doc/wavspool/copyright
  put 644 infra/deb/lintian-overrides usr/share/lintian/overrides/wavspool
  gzip -9n <CHANGELOG.md >"$tree/usr/share/doc/wavspool/NEWS.gz"
  printf 'wavspool (%s) stable; urgency=medium\n\n  * NEWS.gz says what users notice.\n\n -- wavspool <wavspool@localhost>  %s\n' "$version" \
    "$(date -Ru -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$tree/usr/share/doc/wavspool/changelog.gz"
}

control() {
  local script
  mkdir -p "$tree/DEBIAN"
  cat >"$tree/DEBIAN/control" <<CONTROL
Package: wavspool
Version: $version
Architecture: $arch
Maintainer: wavspool <wavspool@localhost>
Installed-Size: $(du -sk "$tree/usr" | cut -f1)
Depends: adduser, ca-certificates, libatomic1, libc6, libgcc-s1, libstdc++6
Recommends: redis-server, openssh-server
Suggests: rsync
Section: utils
Priority: optional
Description: call recordings from landed tars to S3-compatible storage
 wavspool takes every recording in the tars that land on an SFTP host to
 S3-compatible storage, and can say of each one where it is, what its SHA-256
 is, and what went wrong if it is not there yet. It also keeps the host:
 snapshots of SQLite databases, mirrors, exports, log rotation.
 .
 It brings the Node.js that it runs on.
CONTROL
  for script in postinst prerm postrm; do install -m 755 "infra/deb/$script" "$tree/DEBIAN/$script"; done
  (cd "$tree" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
}

program
surroundings
control
mkdir -p build
find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0 touch --no-dereference -d "@$SOURCE_DATE_EPOCH"
dpkg-deb --root-owner-group -Zxz -z1 --build "$tree" "build/wavspool_${version}_$arch.deb" >/dev/null
echo "build/wavspool_${version}_$arch.deb"
