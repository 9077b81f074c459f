#!/usr/bin/env bash
# Makes the packages of one platform from programs that are built already:
#   packages/make.sh archive TARGET PROGRAMS   the release archive, with its sha256; PROGRAMS is the folder they are in
#   packages/make.sh npm TARGET                the npm packages, out of that archive
#   packages/make.sh wheel TARGET              the wheel for Python, out of that archive
# They lie in target/package/. TARGET is a target of packages/platforms.json.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$PWD/target/package
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
[ $# -ge 2 ] || { sed -n '2,6p' "$0" | sed 's/^# \?//'; exit 2; }
target=$2
name=vitrine-$version-$target

# Programs, page, model, licenses. Unpacked in any folder it needs nothing else.
archive() {
    local programs=$1 end=
    [[ $target != *-windows-* ]] || end=.exe
    rm -rf "${out:?}/$name" && mkdir -p "$out/$name/models"
    for program in vitrine vitrine-demo-catalog vitrine-train; do
        cp "$programs/$program$end" "$out/$name/"
    done
    cp LICENSE* README.md "$out/$name/"
    cp -r www "$out/$name/www"
    cp -r models/default "$out/$name/models/default"
    tar -czf "$out/$name.tar.gz" --owner=0 --group=0 --sort=name --mtime=@0 -C "$out" "$name"
    rm -rf "${out:?}/$name"
    (cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
}

# The archive's content in a folder for what is made of it.
unpack() {
    rm -rf "$out/stage" && mkdir -p "$out/stage"
    tar -xzf "$out/$name.tar.gz" -C "$out/stage"
}

npm_packages() {
    unpack
    node packages/npm/assemble.mjs "$out/stage/main"
    node packages/npm/assemble.mjs "$out/stage/platform" "$target" "$out/stage/$name"
    npm pack --silent --pack-destination "$out" "$out/stage/main" "$out/stage/platform"
    rm -rf "$out/stage"
}

# The version of glibc that a wheel for Linux says it needs is found by auditwheel, which looks at every symbol.
wheel() {
    local end= tools=$PWD/target/tools/wheel platform
    [[ $target != *-windows-* ]] || end=.exe
    platform=$(python3 -c 'import json, sys; print(next(p["wheel"] for p in json.load(open("packages/platforms.json")) if p["target"] == sys.argv[1]))' "$target")
    if ! cmp -s packages/pypi/requirements.txt "$tools/made-with"; then
        python3 -m venv --clear "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r packages/pypi/requirements.txt
        cp packages/pypi/requirements.txt "$tools/made-with"
    fi
    unpack
    local stage=$out/stage/pypi
    cp -r packages/pypi "$stage"
    cp Cargo.toml LICENSE* "$stage/"
    mkdir "$stage/src/vitrine/program"
    mv "$out/stage/$name/"{"vitrine$end","vitrine-demo-catalog$end",www,models} "$stage/src/vitrine/program/"
    (cd "$stage" && VITRINE_WHEEL_PLATFORM=$platform "$tools/bin/hatchling" build --target wheel >/dev/null)
    if [[ $platform = linux_* ]]; then
        PATH=$tools/bin:$PATH "$tools/bin/auditwheel" repair --wheel-dir "$out" "$stage/dist/"*.whl
    else
        mv "$stage/dist/"*.whl "$out/"
    fi
    rm -rf "$out/stage"
}

mkdir -p "$out"
case "$1" in
    archive) archive "$3" ;;
    npm) npm_packages ;;
    wheel) wheel ;;
    *) sed -n '2,6p' "$0" | sed 's/^# \?//'; exit 2 ;;
esac
