#!/bin/bash
# A release of VERSION: the changes that CHANGELOG.md names as unreleased get that version, package.json too; both are committed and tagged.
# Refuses, and changes nothing, with changes that are not committed, with no unreleased entries, with a version that is there or is
# none, and with a red test. Pushes nothing.
#   infra/release.sh VERSION
# RELEASE_TEST is what has to succeed first; "make check test" unless given.
set -euo pipefail
cd "$(git rev-parse --show-toplevel)"

refuse() {
  echo "no release: $1" >&2
  exit 1
}

version=${1:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || refuse "say which version, e.g. make release VERSION=1.2.3"
[[ -z $(git status --porcelain) ]] || refuse "there are changes that are not committed"
git rev-parse -q --verify "refs/tags/v$version" >/dev/null && refuse "v$version is there already"
entries=$(awk '/^## /{on = $2 == "Unreleased"; next} on && /^- /{n++} END{print n + 0}' CHANGELOG.md)
((entries > 0)) || refuse "CHANGELOG.md names nothing below \"Unreleased\""
${RELEASE_TEST:-make check test} || refuse "a test is red"

sed -i "s/^## Unreleased\$/## Unreleased\n\n## $version – $(date -u +%F)/" CHANGELOG.md
sed -i "0,/^  \"version\": \".*\",\$/s//  \"version\": \"$version\",/" package.json
# the lock file has it twice: at its top, and for the package itself
sed -i "1,12s/^\( *\)\"version\": \".*\",\$/\1\"version\": \"$version\",/" package-lock.json
git commit -qam "release $version"
git tag -a "v$version" -m "wavspool $version"
echo "v$version: $entries changes; git push --follow-tags publishes it"
