#!/usr/bin/env bash
# Installs each package of this machine's kind from target/package/ into an empty folder, with the package's own client and
# no network, and uses it once: makes a shop of twelve drawn photos and searches it. `./build.sh package` makes them.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
made=$root/target/package
target=$(rustc -vV | sed -n 's/^host: //p')
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
archive=$made/vitrine-$version-$target.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf '\n-- %s\n' "$*"; }
fail() { echo "packages.sh: $*" >&2; exit 1; }

# The two hits of a search for what is drawn first: every package finds the same.
same_hits() {
    local found
    found=$(node -e 'console.log(JSON.parse(require("fs").readFileSync(0, "utf8")).hits.map((hit) => hit.id).join(" "))')
    [ "$found" = "$expected" ] || fail "expected the hits $expected of every package, got $found from $1"
    echo "$1 finds $found"
}

try_archive() {
    (cd "$made" && sha256sum --check --quiet "$(basename "$archive").sha256")
    mkdir "$work/archive" && tar -xzf "$archive" -C "$work/archive" --strip-components 1
    cd "$work"
    archive/vitrine --version
    archive/vitrine demo-catalog --out photos --count 12
    archive/vitrine index photos --out catalog --title "A shop"
    archive/vitrine site catalog --out site
    expected=$(archive/vitrine search catalog --text "red dress" -k 2 --json | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).hits.map((hit) => hit.id).join(" ")')
    [ "$(wc -w <<<"$expected")" = 2 ] || fail "expected two hits, got \"$expected\""
    echo "the archive finds $expected"
}

# npm resolves what is optional through a registry, so the platform's package is named beside the main one.
try_npm() {
    mkdir "$work/npm" && cd "$work/npm"
    echo '{"name": "shop", "private": true, "type": "module"}' >package.json
    local main=$made/vitrine-$version.tgz platform
    platform=$made/vitrine-$(node -p '`${process.platform}-${process.arch}`')-$version.tgz
    # without the platform's package first: the error must say what is missing
    npm install --no-save --silent --offline --no-audit --no-fund --omit=optional "$main"
    if npx --offline "vitrine@$version" --version 2>said; then fail "expected an error where no program is installed"; fi
    grep -q "expected the package vitrine-.*got none; install again" said || fail "expected what to do, got $(cat said)"
    npm install --no-save --silent --offline --no-audit --no-fund --omit=optional --force "$main" "$platform"
    npx --offline "vitrine@$version" --version
    npx --offline "vitrine@$version" index "$work/photos" --out catalog
    npx --offline "vitrine@$version" search catalog --text "red dress" -k 2 --json | same_hits npx
    VITRINE_PHOTOS=$work/photos VITRINE_SITE=$work/site VITRINE_EXPECTED=$expected VITRINE_SHOP=$PWD \
        node --test "$root"/tests/packages/*.test.mjs
}

try_wheel() {
    mkdir "$work/pypi" && cd "$work/pypi"
    python3 -m venv shop
    # pip chooses the wheel of this platform among all that were made
    {
        printf 'vitrine==%s' "$version"
        sha256sum "$made"/vitrine-"$version"-*.whl | sed 's/ .*//; s/^/ --hash=sha256:/' | tr -d '\n'
    } >wheels.txt
    shop/bin/pip install --quiet --disable-pip-version-check --no-index --find-links "$made" --require-hashes -r wheels.txt
    shop/bin/vitrine --version
    shop/bin/vitrine index "$work/photos" --out catalog
    shop/bin/python -m vitrine search catalog --text "red dress" -k 2 --json | same_hits "python -m vitrine"
    shop/bin/python "$root/tests/packages/module.py" "$work" "$expected"
}

# What the GitHub action runs, with this machine's archive in the place of a release.
try_action() {
    mkdir "$work/action" && cd "$work/action"
    local run=("$root/packages/action.sh" "$work/photos" dist)
    export VITRINE_RELEASE=file://$made VITRINE_VERSION=$version RUNNER_TEMP=$PWD/temp
    VITRINE_TITLE="A shop" VITRINE_ISOLATE=true "${run[@]}"
    diff <(grep -o '<title>[^<]*' dist/index.html) <(echo "<title>A shop") || fail "expected the title that was given"
    [ -f dist/sw.js ] && [ -f catalog/catalog.json ] || fail "expected a site and a catalog to keep"
    if VITRINE_SHA256=$(printf '0%.0s' {1..64}) "${run[@]}" 2>said; then fail "expected an error for another archive"; fi
    grep -q "expected an archive with sha256 0000" said || fail "expected which hash was wrong, got $(cat said)"
}

[ -f "$archive" ] || fail "expected $archive, got none; run ./build.sh package"
have node || { echo "skipped: trying the packages, which needs node"; exit 0; }
say "the release archive" && try_archive
say "the GitHub action's program" && (try_action)
if have npm; then say "the npm packages" && (try_npm); else echo "skipped: the npm packages; npm is not installed"; fi
if ls "$made"/vitrine-"$version"-*.whl >/dev/null 2>&1; then
    say "the wheel" && (try_wheel)
else
    echo "skipped: the wheel; it was not made, since python3 or pip is missing"
fi
