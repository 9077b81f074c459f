#!/usr/bin/env bash
# Builds every recipe of docs/recipes.md and searches in it with Chromium: tests/recipes.sh [NAME…]. It needs what
# `./build.sh package` made, and npm's registry. Not part of ./build.sh test: it installs what builds them.
set -euo pipefail
cd "$(dirname "$0")/.."

CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || { echo "recipes.sh: expected Chromium, got none; install it, or name it in CHROMIUM" >&2; exit 1; }
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
main=$PWD/target/package/vitrine-$version.tgz
[ -f "$main" ] || { echo "recipes.sh: expected $main, got none; run ./build.sh package" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/shop"
cp tests/recipes/package.json tests/recipes/package-lock.json "$work/shop/"
(
    cd "$work/shop"
    npm ci --silent --ignore-scripts --no-audit --no-fund
    # unpacked, since npm would take away what is optional of the others (tests/packages.sh installs it)
    mkdir node_modules/vitrine && tar -xzf "$main" --strip-components 1 -C node_modules/vitrine
)
target/release/vitrine demo-catalog --out "$work/photos" --count 60
target/release/vitrine index "$work/photos" --out "$work/catalog"
target/release/vitrine site "$work/catalog" --out "$work/search"
CHROMIUM=$CHROMIUM VITRINE_SHOP=$work/shop VITRINE_SEARCH=$work/search VITRINE_RECIPES="$*" node --test tests/recipes/*.test.mjs
