#!/usr/bin/env bash
# Prints the quality table of a model on the shared test split: benches/quality/run.sh SHARED [MODEL] [SPLIT]
set -euo pipefail
cd "$(dirname "$0")/../.."
shared=$1 model=${2:-models/default} split=${3:-test}
vitrine=target/release/vitrine
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
products=$shared/data/products

python3 benches/quality/queries.py "$shared" "$work" "$split" >&2
"$vitrine" demo-catalog --out "$work/drawn" --count 1200 2>/dev/null
awk -F, -v wanted="$split" 'NR > 1 && $2 == wanted { print $1 }' "$work/drawn/items.csv" >"$work/drawn.txt"

# a row: name, metric, query file, gallery file, further arguments of eval
row() {
    local name=$1 metrics=$2 queries=$3 gallery=$4
    shift 4
    "$vitrine" eval --queries "$queries" --gallery "$work/$gallery.txt" --model "$model" --json "$@" 2>/dev/null |
        python3 benches/quality/row.py "$name" "$metrics" ${groups:+groups}
}

echo "| task ($split, $model) | queries | gallery | figures |"
echo "|---|---|---|---|"
for mode in fusion mean image text; do
    groups=$([ "$mode" = fusion ] && echo yes || true)
    row "composed products, $mode" "recall@1 recall@10 recall@50" "$products/composed.$split.jsonl" products \
        --images "$products/images-60x80.zip" --mode "$mode"
done
groups=
# by the text encoder, and by the instant tier, where the model has one
tiers=full
grep -q instant.safetensors "$model/model.json" && tiers="full instant"
for tier in $tiers; do
    by=$([ "$tier" = full ] || echo ", $tier tier")
    row "title → photo, products$by" "recall@10 recall@50" "$work/titles.jsonl" products \
        --images "$products/images-60x80.zip" --tier "$tier"
    row "phrase → photos, products$by" "precision@10" "$work/phrases.jsonl" products \
        --images "$products/images-60x80.zip" --tier "$tier"
    row "title → photo, tops$by" "recall@10 recall@50" "$work/tops.jsonl" tops \
        --images "$shared/data/tops/images-160.zip" --tier "$tier"
done
row "wardrobe photo → same type" "precision@10" "$work/wardrobe.jsonl" products \
    --images "$products/images-60x80.zip" --images "$shared/data/wardrobe/images-192.zip"
for mode in fusion image text; do
    row "drawn, composed, held-out combinations, $mode" "recall@1 recall@10" "$work/drawn/composed.$split.jsonl" drawn \
        --images "$work/drawn" --mode "$mode"
done
