#!/usr/bin/env bash
# Prints how well the whole search answers the same queries in several languages, as a share of English:
# benches/quality/languages.sh SHARED CATALOG [MODEL] [SPLIT] [MODE]. CATALOG is one that whole.sh makes of the split's shop.
set -euo pipefail
cd "$(dirname "$0")/../.."
shared=$1 catalog=$2 model=${3:-models/default} split=${4:-test} mode=${5:-hybrid}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 benches/quality/languages.py "$shared" "$work" "$split" >&2

# a figure: query file, metric, further arguments of eval
figure() {
    target/release/vitrine eval --catalog "$catalog" --mode "$mode" --queries "$work/$1.jsonl" --model "$model" --json \
        "${@:3}" 2>/dev/null | python3 -c "import json, sys; print(json.load(sys.stdin)['metrics']['$2'])"
}

echo "| language ($split, $mode) | phrases P@10 | in English | share | composed R@10 | in English | share |"
echo "|---|---|---|---|---|---|---|"
for language in de fr es it pt nl; do
    figures=$(figure "phrase-$language" precision@10 && figure "phrase-english-of-$language" precision@10 &&
        figure "composed-$language" recall@10 --reference-as product &&
        figure "composed-english-of-$language" recall@10 --reference-as product)
    python3 -c 'import sys
a, b, c, d = map(float, sys.argv[2:])
print(f"| {sys.argv[1]} | {a:.3f} | {b:.3f} | {a / b:.3f} | {c:.3f} | {d:.3f} | {c / d:.3f} |")' "$language" $figures
done
