#!/usr/bin/env bash
# What the GitHub action (action.yml) runs: fetches a release, checks it, and makes a site:
#   packages/action.sh SOURCE OUT
# Environment: VITRINE_RELEASE (address of the release's files), VITRINE_VERSION, VITRINE_SHA256 (of the archive; else the
# file beside it says), VITRINE_CATALOG (folder to keep), VITRINE_TITLE, VITRINE_ISOLATE, VITRINE_INDEX_OPTIONS,
# VITRINE_SITE_OPTIONS (one option a line), RUNNER_TEMP.
set -euo pipefail

fail() { echo "vitrine: $*" >&2; exit 1; }

target() {
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) echo x86_64-unknown-linux-gnu ;;
        Linux-aarch64) echo aarch64-unknown-linux-gnu ;;
        Darwin-arm64) echo aarch64-apple-darwin ;;
        Darwin-x86_64) echo x86_64-apple-darwin ;;
        MINGW*-x86_64 | MSYS*-x86_64) echo x86_64-pc-windows-msvc ;;
        *) fail "finding the release: expected x86-64 or AArch64 of Linux or macOS, or x86-64 of Windows, got $(uname -sm)" ;;
    esac
}

hash_of() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# One option a line, so that values may have spaces.
options() {
    local line
    while IFS= read -r line; do
        [ -z "$line" ] || echo "$line"
    done <<<"$1"
}

[ $# = 2 ] || fail "running: expected SOURCE and OUT, got $# arguments"
name=vitrine-$VITRINE_VERSION-$(target)
archive=$name.tar.gz
mkdir -p "$RUNNER_TEMP"
home=$RUNNER_TEMP/$name
fetch() { curl --fail --silent --show-error --location --retry 3 --output "$RUNNER_TEMP/$1" "$VITRINE_RELEASE/$1"; }
fetch "$archive" || fail "fetching $VITRINE_RELEASE/$archive: expected a release, got none; name one that exists in version"
expected=${VITRINE_SHA256:-}
if [ -z "$expected" ]; then
    fetch "$archive.sha256" || fail "fetching $archive.sha256: expected the archive's hash, got none; give sha256"
    expected=$(cut -d ' ' -f 1 "$RUNNER_TEMP/$archive.sha256")
fi
got=$(hash_of "$RUNNER_TEMP/$archive")
[ "$got" = "$expected" ] || fail "checking $archive: expected an archive with sha256 $expected, got $got; do not use it"
rm -rf "$home" && tar -xzf "$RUNNER_TEMP/$archive" -C "$RUNNER_TEMP"

catalog=${VITRINE_CATALOG:-catalog}
index=() site=()
[ -z "${VITRINE_TITLE:-}" ] || index+=("--title=$VITRINE_TITLE")
[ "${VITRINE_ISOLATE:-}" != true ] || site+=(--isolate)
while IFS= read -r line; do index+=("$line"); done < <(options "${VITRINE_INDEX_OPTIONS:-}")
while IFS= read -r line; do site+=("$line"); done < <(options "${VITRINE_SITE_OPTIONS:-}")
"$home/vitrine" index "$1" --out "$catalog" ${index[@]+"${index[@]}"}
"$home/vitrine" site "$catalog" --out "$2" ${site[@]+"${site[@]}"}
