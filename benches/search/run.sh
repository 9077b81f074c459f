#!/usr/bin/env bash
# Times the catalog scan beside other ways to find the nearest and prints a table; makes what that needs first, in
# target/bench/. Arguments are those of bench.mjs.
set -euo pipefail
cd "$(dirname "$0")/../.."

./build.sh demo >&2
[ -d benches/web/node_modules ] || npm --prefix benches/web ci --no-audit --no-fund --ignore-scripts --silent
if [ ! -x target/bench/faiss/bin/python ]; then
    python3 -m venv target/bench/faiss
    target/bench/faiss/bin/pip install --quiet --require-hashes -r benches/search/requirements.txt
fi
exec node benches/search/bench.mjs --python target/bench/faiss/bin/python "$@"
