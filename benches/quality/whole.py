"""A shop of the shared products and what its visitors type: python3 whole.py SHARED OUT [SPLIT]

Writes OUT/photos, OUT/items.csv with three variants of it (items, fewer: three attributes of ten are missing, reworded:
the shop calls its values otherwise), and one query file a row of the table that whole.sh prints.
"""

import collections
import csv
import json
import pathlib
import random
import re
import sys
import zipfile

shared, out = map(pathlib.Path, sys.argv[1:3])
split = sys.argv[3] if len(sys.argv) > 3 else "test"
source = shared / "data/products"
COLUMNS = ["gender", "masterCategory", "subCategory", "articleType", "baseColour", "usage", "pattern"]
MOST = 400  # queries a row
REWORDED = {
    "Tshirts": "Tees", "Casual Shoes": "Sneakers", "Sports Shoes": "Trainers", "Trousers": "Pants", "Handbags": "Purses",
    "Sweatshirts": "Hoodies", "Navy Blue": "Navy", "Grey": "Gray", "Maroon": "Wine", "Beige": "Sand", "Men": "Gents",
    "Women": "Ladies", "Casual": "Everyday", "Formal": "Office", "Sports": "Active", "printed": "print", "solid": "plain",
}

# What a shop of clothes has no answer to, and what it has one to: none of these is among the phrases that limits are measured with.
UNRELATED = [
    "submarine periscope", "income statement", "boiled potatoes", "a glass of milk", "moon landing", "tractor tyre",
    "nuclear reactor", "pizza with mushrooms", "the history of rome", "credit card debt", "a barking dog",
    "swimming pool filter", "windows update", "grand piano", "quantum physics", "plumber near me", "sushi menu",
    "lawn mower", "passport renewal", "a map of france", "stock market crash", "ice cream cone", "toothbrush",
    "dishwasher repair", "train to berlin", "football results", "a red sports car", "spicy chicken curry",
    "tax advisor", "computer keyboard", "smoke detector", "a tall building", "blue whale", "climate change",
    "hotel booking", "knitting needles shop opening hours", "vacuum cleaner bags", "pencil sharpener",
    "grey elephant", "green tea", "chocolate bar", "rusty anchor", "asphalt road", "cardboard box",
    "a bunch of bananas", "solar panel", "blood pressure", "wedding cake", "fishing rod", "rocket engine",
    "yellow submarine", "legal advice", "mortgage rates", "sunflower seeds", "drum kit", "camping stove",
    "sand castle", "microscope slide", "a loaf of bread", "thunderstorm", "🔥", "🚗 🚗", "🍅", "🐘", "👍", "🏠", "тест",
    "☂️ 🚀", "asdfgh", "qwertz uiop", "tomato soup", "!!!",
]
FITTING = [
    "red dress", "striped shirt", "blue jeans", "black skirt", "a warm coat for winter", "white t-shirt",
    "green jacket", "floral summer dress", "long sleeve blouse", "leather bag", "brown shoes", "knitted sweater",
    "navy trousers", "sleeveless top", "polka dot dress", "checked shirt", "grey hoodie", "pink skirt",
    "yellow dress", "short black dress", "maxi skirt", "v-neck sweater", "denim jacket", "orange top", "purple shirt",
    "something to wear at the beach", "plain white shirt", "mini dress with short sleeves", "beige coat",
    "wide leg trousers", "a handbag", "sneakers", "boots", "cardigan", "blazer", "shorts",
    "dark blue shirt with buttons", "dress with flowers", "turtleneck", "striped t-shirt", "hat", "scarf",
    "black trousers", "casual cotton shirt", "office outfit", "party dress", "red shoes", "green bag",
    "blue skirt with pleats", "light blue shirt", "long coat", "crew neck top", "white sneakers", "burgundy sweater",
    "cream blouse", "khaki shorts", "patterned skirt", "jumper with stripes", "slim fit jeans", "evening gown",
]

with open(source / "products.csv", newline="", encoding="utf-8") as file:
    products = [row for row in csv.DictReader(file) if row["split"] == split]
chance = random.Random(7)


def shop():
    (out / "photos").mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(source / "images-60x80.zip") as archive:
        names = {pathlib.PurePath(name).stem: name for name in archive.namelist()}
        for row in products:
            name = names[row["id"]]
            (out / "photos" / pathlib.PurePath(name).name).write_bytes(archive.read(name))
    gone = random.Random(3)
    items("items", lambda value: value)
    items("fewer", lambda value: "" if gone.random() < 0.3 else value)
    items("reworded", lambda value: REWORDED.get(value, value))


def items(name, change):
    with open(out / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", *COLUMNS])
        for row in products:
            writer.writerow([row["id"], row["productDisplayName"], *(change(row[column]) for column in COLUMNS)])


def write(name, queries):
    chance.shuffle(queries)
    lines = [json.dumps({"captions": [text], "targets": ids}, ensure_ascii=False) + "\n" for text, ids in queries[:MOST]]
    (out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def ids(rows):
    return [row["id"] for row in rows]


def with_typo(word):
    at = chance.randrange(1, len(word) - 1)
    other = chance.choice("aeioustrn")
    return chance.choice([
        word[:at] + word[at + 1:], word[:at] + other + word[at:], word[:at] + other + word[at + 1:],
        word[:at] + word[at + 1] + word[at] + word[at + 2:],
    ])


def titles():
    same = collections.defaultdict(list)
    holding = collections.defaultdict(set)
    for row in products:
        same[" ".join(words(row["productDisplayName"]))].append(row["id"])
        for word in words(row["productDisplayName"]):
            holding[word].add(row["id"])
    exact, rare, order, typo = [], [], [], []
    for row in chance.sample(products, min(600, len(products))):
        title = row["productDisplayName"]
        targets, said = same[" ".join(words(title))], words(title)
        exact.append((title, targets))
        two = sorted({word for word in said if len(word) > 2}, key=lambda word: len(holding[word]))[:2]
        if len(two) == 2:
            rare.append((" ".join(two), sorted(holding[two[0]] & holding[two[1]])))
        if len(said) > 2:
            order.append((" ".join(chance.sample(said, len(said))), targets))
        parts = title.split()
        long = [i for i, part in enumerate(parts) if len(part) >= 4 and part.isalpha()]
        if long:
            at = chance.choice(long)
            typo.append((" ".join([*parts[:at], with_typo(parts[at]), *parts[at + 1:]]), targets))
    write("title", exact), write("rare", rare), write("order", order), write("typo", typo)


def identifiers():
    ends = collections.Counter(row["id"][-4:] for row in products)
    write("id", [(row["id"], [row["id"]]) for row in products])
    unique = [row for row in products if ends[row["id"][-4:]] == 1 and len(row["id"]) > 4]
    write("id-end", [(row["id"][-4:], [row["id"]]) for row in unique])


def brands():
    first = collections.Counter(row["productDisplayName"].split()[0] for row in products if row["productDisplayName"])
    two = collections.Counter(" ".join(row["productDisplayName"].split()[:2]) for row in products)
    persons = {"men", "women", "mens", "womens", "men's", "women's", "kids", "boys", "girls", "unisex"}
    makes = collections.defaultdict(list)
    for row in products:
        parts = row["productDisplayName"].split()
        if parts:
            pair = " ".join(parts[:2])
            both = len(parts) > 1 and parts[1].lower() not in persons and two[pair] >= max(5, 0.8 * first[parts[0]])
            makes[pair if both else parts[0]].append(row)
    makes = {make: rows for make, rows in makes.items() if len(rows) >= 8 and len(make) > 2}
    write("brand", [(make, ids(rows)) for make, rows in makes.items()])
    kinds, colours = [], []
    for make, rows in makes.items():
        for kind, of_kind in grouped(rows, "articleType", 3):
            said = chance.choice([kind, singular(kind), kind.lower(), singular(kind).lower()])
            kinds.append((f"{make} {said}", ids(of_kind)))
            for colour, alike in grouped(of_kind, "baseColour", 2):
                text = chance.choice([f"{make} {colour} {said}", f"{colour} {make} {said}".lower()])
                colours.append((text, ids(alike)))
    write("brand-kind", kinds), write("brand-colour-kind", colours)


def grouped(rows, column, least):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return [(value, alike) for value, alike in groups.items() if value and len(alike) >= least]


def singular(kind):
    if kind in ("Jeans", "Shorts", "Sunglasses", "Trousers"):
        return kind
    if kind.endswith(("ches", "shes", "sses", "xes")):
        return kind[:-2]
    return {"Tshirts": "t-shirt"}.get(kind, kind[:-1] if kind.endswith("s") and not kind.endswith("ss") else kind)


def phrases():
    matching = collections.defaultdict(list)
    for row in products:
        if row["articleType"] and row["baseColour"] and row["gender"]:
            for pattern in {"", row["pattern"]}:
                matching[row["gender"], row["baseColour"], pattern, row["articleType"]].append(row["id"])
    text = lambda gender, colour, pattern, kind: " ".join(f"{colour} {pattern} {singular(kind)} for {gender}".lower().split())
    write("phrase", [(text(*key), found) for key, found in matching.items() if len(found) >= 10])


def refusals():
    every = ids(products[:1])
    write("refusal", [(text, []) for text in UNRELATED] + [(text, every) for text in FITTING])


shop(), refusals(), titles(), identifiers(), brands(), phrases()
lines = (source / f"composed.{split}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
(out / "composed.jsonl").write_text("".join(lines), encoding="utf-8")
