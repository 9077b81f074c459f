"""Writes the query files of the quality table from the shared attributes: python3 queries.py SHARED OUT [SPLIT]

Only attributes are read, no photos. Every file has the format of `vitrine eval --queries`.
"""

import collections
import csv
import hashlib
import json
import pathlib
import sys

shared, out = map(pathlib.Path, sys.argv[1:3])
split = sys.argv[3] if len(sys.argv) > 3 else "test"
out.mkdir(parents=True, exist_ok=True)


def rows(name):
    with open(shared / "data" / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(name, queries):
    text = "".join(json.dumps(query, ensure_ascii=False) + "\n" for query in queries)
    (out / f"{name}.jsonl").write_text(text, encoding="utf-8")
    print(f"{name}: {len(queries)} queries")


def gallery(name, ids):
    (out / f"{name}.txt").write_text("\n".join(ids), encoding="utf-8")


def titles(items, key, title):
    """Each title once; every item of that title is a hit."""
    same = collections.defaultdict(list)
    for item in items:
        if item[title].strip():
            same[item[title].strip()].append(item[key])
    return [{"captions": [words], "targets": ids} for words, ids in same.items()]


products = [row for row in rows("products/products.csv") if row["split"] == split]
gallery("products", [row["id"] for row in products])
write("titles", titles(products, "id", "productDisplayName"))

tops = [row for row in rows("tops/tops.csv") if row["split"] == split]
gallery("tops", [row["asin"] for row in tops])
write("tops", titles(tops, "asin", "title"))

# "navy blue striped shirts for men": phrases that at least ten photos satisfy, since P@10 counts ten
SINGULAR = {"Tshirts": "t-shirt", "Shorts": "shorts", "Jeans": "jeans", "Sunglasses": "sunglasses", "Trousers": "trousers"}
matching = collections.defaultdict(list)
for row in products:
    if not (row["articleType"] and row["baseColour"] and row["gender"]):
        continue
    for pattern in {"", row["pattern"]}:
        matching[row["gender"], row["baseColour"], pattern, row["articleType"]].append(row["id"])


def phrase(gender, colour, pattern, kind):
    kind = SINGULAR.get(kind) or (kind[:-1] if kind.endswith("s") and not kind.endswith("ss") else kind)
    words = f"{colour} {pattern} {kind} for {gender}".lower()
    return " ".join(words.split())


write("phrases", [{"captions": [phrase(*key)], "targets": ids} for key, ids in matching.items() if len(ids) >= 10])

# A phone photo of a garment finds products of its type.
TYPES = {
    "Pants": ["Trousers", "Jeans", "Track Pants", "Leggings", "Jeggings", "Capris", "Tights", "Lounge Pants"],
    "T-Shirt": ["Tshirts"],
    "Longsleeve": ["Tshirts", "Sweatshirts", "Sweaters", "Tops"],
    "Shorts": ["Shorts", "Lounge Shorts"],
    "Outwear": ["Jackets", "Rain Jacket", "Nehru Jackets", "Waistcoat", "Blazers", "Sweaters", "Sweatshirts"],
    "Dress": ["Dresses"],
    "Hat": ["Caps", "Hat"],
    "Shirt": ["Shirts"],
    "Skirt": ["Skirts"],
    "Undershirt": ["Innerwear Vests", "Camisoles"],
    "Blazer": ["Blazers", "Suits"],
    "Hoodie": ["Sweatshirts", "Jackets"],
    "Polo": ["Tshirts", "Tops", "Tunics"],
    "Top": ["Tshirts", "Tops", "Tunics"],
    "Blouse": ["Tshirts", "Tops", "Tunics"],
}
SHOES = {"Shoes", "Sandal", "Flip Flops"}


def held_out(name):
    """The split of a wardrobe photo, as the trainer has it: test for a fifth, val for a tenth."""
    return {0: "test", 1: "test", 2: "val"}.get(hashlib.sha256(name.encode()).digest()[0] % 10, "train")


wardrobe = []
for row in rows("wardrobe/wardrobe.csv"):
    if held_out(row["image"]) != split:
        continue
    if row["label"] == "Shoes":
        targets = [p["id"] for p in products if p["subCategory"] in SHOES]
    else:
        targets = [p["id"] for p in products if p["articleType"] in TYPES.get(row["label"], [])]
    if targets:
        wardrobe.append({"reference": row["image"], "targets": targets})
write("wardrobe", wardrobe)
