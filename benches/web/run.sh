#!/usr/bin/env bash
# Times the page's program beside onnxruntime-web and prints the tables of docs/speed.md. Everything that it needs is made
# first, in target/bench/: packages from npm and PyPI, models of random weights, a site. About three minutes once that
# is there.
#   benches/web/run.sh [--runs 20] [--json]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/target/bench

./build.sh demo >&2
[ -d benches/web/node_modules ] || npm --prefix benches/web ci --no-audit --no-fund --ignore-scripts --silent
if [ ! -f "$out/models/small/model.json" ]; then
    python3 -m venv "$out/python"
    "$out/python/bin/pip" install --quiet --require-hashes -r benches/web/requirements.txt
    "$out/python/bin/python" benches/web/models.py "$out/models" models/default/tokenizer.json
    for size in tiny small; do
        target/release/vitrine convert "$out/models/vit-$size" "$out/models/minilm" --format q8 --out "$out/models/$size" >&2
    done
fi
exec node benches/web/bench.mjs --site dist --models "$out/models" "$@"
