#!/usr/bin/env python3
"""Stores the token table of a model's instant text tier in 4 bits: tier4.py MODEL, which is rewritten in place.

Needs numpy. The format is quant.rs's Q4: two numbers a byte, one f16 scale for 32 of them. Rounding each number to the
nearest costs more than it must, since vectors point in few directions. So what rounding one column adds is taken back by
the columns that are still to be rounded, as their covariance says (GPTQ: Frantar et al., 2023). benches/quality/run.sh
shows what is lost.
"""
import hashlib
import json
import re
import struct
import sys
from pathlib import Path

import numpy as np

BLOCK = 32  # Q4_BLOCK in src/quant.rs
TABLE = "embeddings.weight"
MEAN = 0.1  # what the mean direction counts: an error along it moves all scores alike
RIDGE = 0.02  # of the mean variance
SHARES = np.linspace(0.7, 1.15, 46)  # of the scale at which nothing is cut off


def read(path):
    """The header of a safetensors file, and a function that gives a tensor's bytes."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return header, lambda name: data[8 + length :][slice(*header[name]["data_offsets"])]


def scaled(x, scales):
    """Numbers divided by their scales, a scale of zero giving zeros."""
    scales = scales.astype(np.float32)
    return x * np.where(scales != 0, 1 / np.where(scales != 0, scales, 1), 0)


def best_scales(x):
    """The f16 scale of each row [n, BLOCK] that loses least; a negative one lets -8 stand for the largest number."""
    largest = np.abs(x).max(1)
    least, scales = np.full(len(x), np.inf), np.zeros(len(x), np.float16)
    for share in [sign * share for sign in (1, -1) for share in SHARES]:
        tried = (largest / 8 * share).astype(np.float16)
        rounded = np.clip(np.rint(scaled(x, tried[:, None])), -8, 7) * tried[:, None].astype(np.float32)
        lost = ((rounded - x) ** 2).sum(1)
        better = lost < least
        least[better], scales[better] = lost[better], tried[better]
    return scales


def quantize(table):
    """Integers [tokens, d] and scales [tokens, d / BLOCK]."""
    tokens, d = table.shape
    used = table[np.linalg.norm(table, axis=1) > 0]
    mean = used.mean(0)
    weight = (used - mean).T @ (used - mean) / len(used) + MEAN * np.outer(mean, mean)
    weight += RIDGE * np.trace(weight) / d * np.eye(d)
    passed = np.linalg.cholesky(np.linalg.inv(weight)).T
    left, whole = table.copy(), np.zeros(table.shape, np.int8)
    scales = np.zeros((tokens, d // BLOCK), np.float16)
    for column in range(d):
        block = column // BLOCK
        if column % BLOCK == 0:
            scales[:, block] = best_scales(left[:, column : column + BLOCK])
        scale = scales[:, block]
        whole[:, column] = np.clip(np.rint(scaled(left[:, column], scale)), -8, 7)
        lost = (left[:, column] - whole[:, column] * scale.astype(np.float32)) / passed[column, column]
        left[:, column + 1 :] -= np.outer(lost, passed[column, column + 1 :])
    return whole, scales


def written(header, raw, whole, scales):
    """The file with this table: scales of 4 bytes first, then of 2, then bytes, each by name, as safetensors lays them."""
    nibbles = (whole + 8).astype(np.uint8)
    packed = nibbles[:, 0::2] | nibbles[:, 1::2] << 4
    tensors = {n: (t["dtype"], t["shape"], raw(n)) for n, t in header.items() if n != "__metadata__" and TABLE not in n}
    tensors[TABLE] = ("U8", list(packed.shape), packed.tobytes())
    tensors[f"{TABLE}.scale"] = ("F16", list(scales.shape), scales.tobytes())
    order = ["F32", "F16", "U8", "I8"]
    head, body = {"__metadata__": header["__metadata__"]}, b""
    for name in sorted(tensors, key=lambda name: (order.index(tensors[name][0]), name)):
        dtype, shape, data = tensors[name]
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def main():
    model = Path(sys.argv[1])
    described = (model / "model.json").read_text()
    entry = json.loads(described)["instant"]
    path = model / entry["file"]
    header, raw = read(path)
    if header[TABLE]["dtype"] != "I8":
        sys.exit(f"tier4.py: expected a table of int8 in {path}, got {header[TABLE]['dtype']}; make the tier anew")
    scales = np.frombuffer(raw(f"{TABLE}.scale"), np.float32)[:, None]
    table = np.frombuffer(raw(TABLE), np.int8).reshape(header[TABLE]["shape"]).astype(np.float32) * scales
    data = written(header, raw, *quantize(table))
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    described = described.replace(entry["sha256"], sha256)
    described = re.sub(rf'("bytes": ){entry["bytes"]}\b', rf"\g<1>{len(data)}", described)
    (model / "model.json").write_text(described)
    print(f"{path}: {entry['bytes']} bytes became {len(data)}")


main()
