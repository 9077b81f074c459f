"""The same queries in several languages: python3 languages.py SHARED OUT [SPLIT]

Renders attribute phrases and changes of a split with ../shared's render.py, once in each language with the very same
attributes, to OUT/phrase-LANG.jsonl and OUT/composed-LANG.jsonl, which `vitrine eval --catalog` reads. The English file
holds the same queries in English.
"""

import collections
import csv
import json
import pathlib
import random
import sys

shared, out = map(pathlib.Path, sys.argv[1:3])
split = sys.argv[3] if len(sys.argv) > 3 else "test"
sys.path.insert(0, str(shared / "data/languages"))
import render  # noqa: E402

LANGUAGES = ["de", "fr", "es", "it", "pt", "nl"]
MOST = 300  # queries a language
LEAST = 10  # products that a phrase means
out.mkdir(parents=True, exist_ok=True)
with open(shared / "data/products/products.csv", newline="", encoding="utf-8") as file:
    products = [row for row in csv.DictReader(file) if row["split"] == split]
by_id = {row["id"]: row for row in products}
renderer = render.Renderer()


def write(kind, lang, queries):
    text = "".join(json.dumps(query, ensure_ascii=False) + "\n" for query in queries)
    (out / f"{kind}-{lang}.jsonl").write_text(text, encoding="utf-8")
    print(f"{kind}-{lang}: {len(queries)} queries")


def phrases():
    groups = collections.defaultdict(list)
    for row in products:
        for columns in (("gender", "baseColour", "articleType"), ("gender", "baseColour", "pattern", "articleType"),
                        ("baseColour", "articleType"), ("gender", "articleType"), ("usage", "gender", "articleType")):
            if all(row[column] for column in columns):
                groups[tuple((column, row[column]) for column in columns)].append(row["id"])
    chosen = sorted(key for key, ids in groups.items() if len(ids) >= LEAST)
    random.Random(5).shuffle(chosen)
    for lang in LANGUAGES:
        chance, queries, english = random.Random(11), [], []
        for key in chosen[:MOST]:
            asked = rendered(dict(key), lang, chance, "phrase")
            if asked:
                # a template may leave attributes out: what the text says is what is wanted
                text, said = asked
                ids = [row["id"] for row in products if all(row[column] == value for column, value in said.items())]
                queries.append({"captions": [render.typed(text[2], lang, chance)], "targets": ids})
                english.append({"captions": [text[0]], "targets": ids})
        write("phrase", lang, queries)
        write("phrase-english-of", lang, english)


def rendered(attributes, lang, chance, kind):
    for _ in range(20):
        text = renderer.render(attributes, lang, chance, kind)
        if text is None:
            return None
        slots = {name for name, _ in render.SLOT.findall(text[3])}
        said = {column: value for column, value in attributes.items() if slot(column) in slots}
        if "type" in slots and len(said) >= min(2, len(attributes)):
            return text, said
    return None


def slot(column):
    return {"articleType": "type", "baseColour": "colour"}.get(column, column)


def changes():
    """The composed queries of the split whose change is one value, in each language."""
    lines = (shared / f"data/products/composed.{split}.jsonl").read_text(encoding="utf-8").splitlines()
    for lang in LANGUAGES:
        chance, queries, english = random.Random(12), [], []
        for query in map(json.loads, lines):
            if len(queries) >= MOST or query["reference"] not in by_id or query["targets"][0] not in by_id:
                continue
            before, after = by_id[query["reference"]], by_id[query["targets"][0]]
            text = change(before, after, lang, chance)
            if text:
                base = {key: query[key] for key in ("reference", "targets")}
                queries.append({**base, "captions": [render.typed(text[2], lang, chance)]})
                english.append({**base, "captions": [text[0]]})
        write("composed", lang, queries)
        write("composed-english-of", lang, english)


def change(before, after, lang, chance):
    differing = [column for column in ("articleType", "baseColour", "gender", "usage", "pattern")
                 if before[column] and after[column] and before[column] != after[column]]
    if len(differing) != 1:
        return None
    column = differing[0]
    attributes = {column: after[column], column + "2": before[column]}
    for _ in range(20):
        text = renderer.render(attributes, lang, chance, "change")
        if text is None:
            return None
        slots = {name.replace("_more", "") for name, _ in render.SLOT.findall(text[3])}
        if slot(column) in slots:
            return text
    return None


phrases()
changes()
