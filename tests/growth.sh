#!/usr/bin/env bash
# What catalogs that grow meet outside this repository: a scheduler (Ray) that loses a worker, and a vector database
# (LanceDB). Both come from PyPI, half a gigabyte of them, so `./build.sh growth` runs this and `./build.sh test` does
# not. Needs target/release/vitrine, or the program that VITRINE_BIN names.
set -euo pipefail
cd "$(dirname "$0")/.."
vitrine=${VITRINE_BIN:-$PWD/target/release/vitrine}
work=target/growth
python=$work/venv/bin/python

mkdir -p "$work"
if ! [ -x "$python" ] && ! python3 -m venv "$work/venv"; then
    echo "skipped: python3 has no venv here"
    exit 0
fi
if ! "$python" -c 'import lancedb, pyarrow, ray' 2>/dev/null && ! "$work/venv/bin/pip" install -q --require-hashes -r benches/growth/requirements.txt; then
    echo "skipped: ray, lancedb and pyarrow cannot be installed here"
    exit 0
fi

rm -rf "$work/once" "$work/ray" "$work/ray.parts"
[ -e "$work/photos/items.csv" ] || "$vitrine" demo-catalog --out "$work/photos" --count 300
arguments=(--title Growth --meta "$PWD/$work/photos/items.csv" --model "$PWD/models/default" --jobs 1)
"$vitrine" index "$work/photos" --out "$work/once" "${arguments[@]}"

echo "== Ray: three parts, one worker killed"
"$python" benches/growth/ray_index.py "$work/photos" --out "$work/ray" --parts 3 --vitrine "$vitrine" --kill-one \
    -- "${arguments[@]}" 2>&1 | tee "$work/ray.log"
grep -q 'a worker was killed: True' "$work/ray.log"
diff -r --exclude=.index-journal --exclude=.index-options "$work/once" "$work/ray"
echo "the catalog is the one of a single run"

echo "== LanceDB: the first ten"
"$python" benches/growth/vector_database.py "$work/once" --vitrine "$vitrine"
