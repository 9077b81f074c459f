"""What a new price costs in a catalog of 20,001 products: seconds of `update` and of `site`, and the files that change.

    python3 benches/growth/update.py [--vitrine target/release/vitrine] [--count 20001] [--www www] [--work target/update]

The catalog is made of drawn vectors and small photos of noise, so that nothing is encoded. Needs no package.
"""
import argparse
import hashlib
import json
import math
import os
import random
import resource
import shutil
import struct
import subprocess
import time
import zlib
from pathlib import Path


def png(seed, side=56):
    """A photo of noise, of about 10 kB, as photos in a catalog are."""
    pixels = random.Random(seed).randbytes(3 * side * side)
    rows = b"".join(b"\0" + pixels[i * 3 * side:(i + 1) * 3 * side] for i in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def entry(folder, stem, ending, data):
    digest = hashlib.sha256(data).hexdigest()
    name = f"{stem}-{digest[:16]}.{ending}"
    (folder / name).write_bytes(data)
    return {"file": name, "bytes": len(data), "sha256": digest}


def write_part(folder, count, model, dimension):
    """A part of a catalog, as `index --part` writes it."""
    (folder / "photos").mkdir(parents=True)
    ids, items, scales, vectors, draw = [], [], [], bytearray(), random.Random(1)
    for i in range(count):
        values = [draw.randrange(-90, 91) for _ in range(dimension)]
        scales.append(1 / math.sqrt(sum(v * v for v in values)))
        vectors += struct.pack(f"{dimension}b", *values)
        ids.append(f"sku-{i:05}")
        photo = png(i)
        name = hashlib.sha256(photo).hexdigest()[:16] + ".png"
        (folder / "photos" / name).write_bytes(photo)
        items.append({"id": ids[-1], "title": f"Garment {i}", "attributes": {}, "photo": name, "width": 56, "height": 56,
                      "tone": "#808080", "link": None, "price": None})
    text = "".join(ids).encode()
    ends = [0]
    for one in ids:
        ends.append(ends[-1] + len(one))
    shard = b"VITRSHRD" + struct.pack("<4I", 1, count, dimension, len(text)) + struct.pack(f"<{count}f", *scales)
    shard += struct.pack(f"<{count + 1}I", *ends) + text + bytes(vectors)
    lines = "".join(json.dumps(item) + "\n" for item in items).encode()
    whole = {"parts": 1, "title": "Growth", "model": model, "dimension": dimension, "photos": count, "ids": "",
             "metadata": None}
    (folder / "part.json").write_text(json.dumps({
        "format": "vitrine-part", "version": 1, "part": 1, "whole": whole, "count": count, "skipped": [],
        "vectors": entry(folder, "shard", "bin", shard), "items": entry(folder, "items", "jsonl", lines)}))


def write_feed(path, count, price):
    """A Google feed in which the product in the middle costs `price`."""
    colors = ["red", "blue", "green", "black", "white"]
    kinds = ["dress", "shirt", "coat", "skirt", "trousers", "hat", "bag"]
    rows = ["id\ttitle\tdescription\tlink\tprice\tavailability\timage_link\tcolor\tproduct_type\tbrand"]
    for i in range(count):
        cost = price if i == count // 2 else f"{10 + i % 90}.00 EUR"
        rows.append(f"sku-{i:05}\tGarment {i}\tA garment of which {i} is said.\thttps://shop.example/p/{i}\t{cost}\tin_stock\t"
                    f"https://cdn.shop.example/{i}.jpg\t{colors[i % 5]}\tClothing > {kinds[i % 7]}\tBrand {i % 40}")
    path.write_text("\n".join(rows) + "\n")


def stamps(folder):
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in folder.rglob("*") if path.is_file()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vitrine", default="target/release/vitrine")
    parser.add_argument("--count", type=int, default=20_001)
    parser.add_argument("--www", default="www")
    parser.add_argument("--model", default="models/default")
    parser.add_argument("--work", default="target/update")
    args = parser.parse_args()
    work = Path(args.work)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)

    def run(*command):
        """Seconds on the clock, and of processor time, which a busy machine does not change."""
        def spent():
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            return usage.ru_utime + usage.ru_stime
        start, before = time.monotonic(), spent()
        subprocess.run([args.vitrine, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start, spent() - before

    def update(price):
        write_feed(work / "feed.tsv", args.count, price)
        return run("update", work / "catalog", "--meta", work / "feed.tsv", "--feed", "google")

    def site():
        return run("site", work / "catalog", "--out", work / "dist", "--www", args.www, "--model", args.model)

    one = work / "one"
    one.mkdir()
    (one / "a.png").write_bytes(png(0))
    run("index", one, "--out", work / "small", "--model", args.model)
    small = json.loads((work / "small" / "catalog.json").read_text())
    write_part(work / "part", args.count, small["model"], small["dimension"])
    seconds = {"merge": run("merge", work / "part", "--out", work / "catalog", "--cells", "none")}
    # the first feed gives every product its attributes
    (work / "catalog" / ".index-options").write_text(json.dumps({"of_feed": True}))
    seconds["update, everything"] = update("50.00 EUR")
    seconds["site, everything"] = site()
    before = {name: stamps(work / name) for name in ["catalog", "dist"]}
    seconds["update, one price"] = update("45.00 EUR")
    seconds["site, one price"] = site()
    after = {name: stamps(work / name) for name in before}
    write_feed(work / "feed.tsv", args.count - 1, "45.00 EUR")
    seconds["update, one product less"] = run("update", work / "catalog", "--meta", work / "feed.tsv")
    print(f"{args.count} products on {os.cpu_count()} processors")
    print("\n".join(f"{what}: {clock:.1f} s, {processor:.1f} s of processor time" for what, (clock, processor) in seconds.items()))
    for name in before:
        changed = sorted(file for file in after[name] if before[name].get(file) != after[name][file])
        gone = sorted(file for file in before[name] if file not in after[name])
        print(f"{name}: {len(after[name])} files; a price changes {len(changed)} ({', '.join(changed)}) and removes "
              f"{len(gone)} ({', '.join(gone)})")


main()
