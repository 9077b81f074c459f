"""Loads `vitrine export --format parquet` into LanceDB and asks it what `vitrine search` is asked.

    python benches/growth/vector_database.py CATALOG --vitrine target/release/vitrine [--model models/default]

Prints a line a query and ends with 1 where the first ten differ. Scores are inner products of the query's vector with
the stored ones, so the database is asked for the dot product and its distance is 1 less the score.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import lancedb
import pyarrow
import pyarrow.parquet

QUERIES = ["red dress", "blue shirt", "striped top", "black shoes", "white trousers", "green jacket with a hood"]
CLOSE = 2e-3  # `search` rounds a query to 12 bits: photos whose scores are nearer than this may change places


def run(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog")
    parser.add_argument("--vitrine", default="vitrine")
    parser.add_argument("--model", default="models/default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "catalog.parquet"
        run([options.vitrine, "export", options.catalog, "--out", str(file)])
        products = pyarrow.parquet.read_table(file)
        dimension = len(products["vector"][0])
        fixed = products["vector"].combine_chunks().cast(pyarrow.list_(pyarrow.float32(), dimension))
        products = products.set_column(products.schema.get_field_index("vector"), "vector", fixed)
        table = lancedb.connect(folder).create_table("catalog", products)
        wrong = sum(not same(options, table, text) for text in QUERIES)
    print(f"{len(QUERIES) - wrong} of {len(QUERIES)} queries gave the same ten of {products.num_rows} products")
    sys.exit(1 if wrong else 0)


def same(options, table, text):
    model = ["--text", text, "--model", options.model, "--json"]
    vector = json.loads(run([options.vitrine, "embed", *model]))["vector"]
    hits = json.loads(run([options.vitrine, "search", options.catalog, "--mode", "vector", "-k", "10", *model]))["hits"]
    rows = table.search(vector).distance_type("dot").limit(10).to_list()
    ours = [(hit["id"], hit["score"]) for hit in hits]
    theirs = [(row["id"], 1 - row["_distance"]) for row in rows]
    scores_agree = all(abs(a[1] - b[1]) < CLOSE for a, b in zip(ours, theirs))
    last = ours[-1][1]
    differing = {id for id, _ in ours} ^ {id for id, _ in theirs}
    at_the_edge = all(abs(dict(ours + theirs)[id] - last) < CLOSE for id in differing)
    verdict = len(theirs) == len(ours) and scores_agree and at_the_edge
    print(f"{'same' if verdict else 'DIFFERENT'}: {text}: {[id for id, _ in ours][:3]} … {[id for id, _ in theirs][:3]} …")
    return verdict


if __name__ == "__main__":
    main()
