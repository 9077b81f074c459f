#!/usr/bin/env bash
# Prints how well the whole search finds, beside its words and its vectors alone: benches/quality/whole.sh SHARED [MODEL]
# [SPLIT]. The shop's own attributes are asked for, so the figures say what those are worth and nothing of the model: each
# row stands once more for a shop that lacks three attributes of ten, and for one that calls its values otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."
shared=$1 model=${2:-models/default} split=${3:-test}
vitrine=target/release/vitrine
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
attributes=gender,masterCategory,subCategory,articleType,baseColour,usage,pattern

python3 benches/quality/whole.py "$shared" "$work" "$split" >&2
for shop in items fewer reworded; do
    # the journal of the first comes along, so that photos are encoded once
    [ "$shop" = items ] || cp -r "$work/catalog-items" "$work/catalog-$shop"
    "$vitrine" index "$work/photos" --meta "$work/$shop.csv" --attributes "$attributes" --model "$model" \
        --out "$work/catalog-$shop" >/dev/null 2>&1
done

# a figure: catalog, mode, query file, metric, further arguments of eval
figure() {
    "$vitrine" eval --catalog "$work/catalog-$1" --mode "$2" --queries "$work/$3.jsonl" --model "$model" --json "${@:5}" \
        2>/dev/null | python3 -c "import json, sys; print(f\"{json.load(sys.stdin)['metrics']['$4']:.3f}\")"
}

# how many queries without an answer, and how many with one, are told that nothing here is a good match: catalog, mode
refused() {
    "$vitrine" eval --catalog "$work/catalog-$1" --mode "$2" --queries "$work/refusal.jsonl" --model "$model" --json \
        2>/dev/null | python3 -c "import json, sys; r = json.load(sys.stdin)['refused']; print(*('{}/{}'.format(*r[kind]) for kind in ('without_target', 'with_target')), sep=', ')"
}

# a row: name, query file, metric, further arguments of eval
row() {
    local name=$1
    shift
    echo "| $name | $(figure items vector "$@") | $(figure items words "$@") | $(figure items hybrid "$@") |" \
        "$(figure fewer hybrid "$@") | $(figure reworded hybrid "$@") |"
}

echo "| query ($split, $model) | vectors | words | both | both, fewer attributes | both, other wording |"
echo "|---|---|---|---|---|---|"
row "exact title, R@1" title recall@1
row "two rare words of a title, R@1" rare recall@1
row "title in another order, R@5" order recall@5
row "title with a typo, R@5" typo recall@5
row "id, R@1" id recall@1
row "last four characters of an id, R@3" id-end recall@3 --k 3
row "brand, P@5" brand precision@5
row "brand kind, MAP@10" brand-kind map@10
row "brand colour kind, MAP@10" brand-colour-kind map@10
row "colour pattern kind for gender, P@10" phrase precision@10
# the same by the instant tier, where the model has one: words say the same, vectors almost
if grep -q instant.safetensors "$model/model.json"; then
    row "title in another order, R@5, instant tier" order recall@5 --tier instant
    row "brand colour kind, MAP@10, instant tier" brand-colour-kind map@10 --tier instant
    row "colour pattern kind for gender, P@10, instant tier" phrase precision@10 --tier instant
fi
for reference in product photo; do
    for metric in recall@1 recall@10; do
        row "composed from a $reference, $metric" composed "$metric" --reference-as "$reference"
    done
done
echo "| refused of unrelated phrases and emoji, of fitting phrases | $(refused items vector) | | $(refused items hybrid) |" \
    "$(refused fewer hybrid) | $(refused reworded hybrid) |"
