"""Counts in what a wrong first photo differs from the right one: python3 confused.py PHOTOS [MODEL] [QUERIES]

PHOTOS is a folder that `vitrine demo-catalog` wrote. Of its composed test queries, QUERIES (300) drawn ones are asked in
the photos of the test split. Where a query has several answers, the one that differs least counts.
"""

import collections
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

photos = pathlib.Path(sys.argv[1])
model = sys.argv[2] if len(sys.argv) > 2 else "models/default"
count = int(sys.argv[3]) if len(sys.argv) > 3 else 300
vitrine = pathlib.Path(__file__).parents[2] / "target/release/vitrine"
SKIPPED = {"id", "title", "split", "department", "gender"}

with open(photos / "items.csv", newline="", encoding="utf-8") as file:
    items = {row["id"]: row for row in csv.DictReader(file)}
attributes = [name for name in next(iter(items.values())) if name not in SKIPPED]
queries = [json.loads(line) for line in open(photos / "composed.test.jsonl", encoding="utf-8")]
random.Random(5).shuffle(queries)


def first(catalog, query):
    """The id of the photo that comes first, the reference left out."""
    command = [vitrine, "search", catalog, "--model", model, "--json", "--mode", "vector", "-k", "2", "--text", ", ".join(query["captions"])]
    answer = subprocess.run(
        [*command, "--image", photos / f"{query['reference']}.jpg"], check=True, stdout=subprocess.PIPE
    ).stdout
    ids = [hit["id"] for hit in json.loads(answer)["hits"]]
    return next(id for id in ids if id != query["reference"])


def differences(one, other):
    return [name for name in attributes if items[one][name] != items[other][name]]


with tempfile.TemporaryDirectory() as work:
    shelf, catalog = pathlib.Path(work, "photos"), pathlib.Path(work, "catalog")
    shelf.mkdir()
    for id, item in items.items():
        if item["split"] == "test":
            (shelf / f"{id}.jpg").symlink_to((photos / f"{id}.jpg").resolve())
    subprocess.run([vitrine, "index", shelf, "--out", catalog, "--model", model], check=True, stderr=subprocess.DEVNULL)
    asked, wrong, tally = queries[:count], 0, collections.Counter()
    for query in asked:
        found = first(catalog, query)
        if found not in query["targets"]:
            wrong += 1
            tally.update(min((differences(found, target) for target in query["targets"]), key=len))

print(f"{len(asked)} queries, {wrong} with a wrong photo first, which differs in:")
for name, times in tally.most_common():
    print(f"{name} {times}")
