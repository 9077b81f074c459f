#!/usr/bin/env python3
"""Native faiss over eight-bit scalars, on one thread: faiss_sq8.py VECTORS.f32 D K ROW,ROW,… → one JSON object."""

import json
import sys
import time

import faiss
import numpy as np

path, d, k, queries = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), [int(row) for row in sys.argv[4].split(",")]
faiss.omp_set_num_threads(1)
vectors = np.fromfile(path, np.float32).reshape(-1, d)
start = time.perf_counter()
index = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
index.train(vectors[:20000])
index.add(vectors)
prepare = (time.perf_counter() - start) * 1e3
index.search(vectors[:1], k + 1)
ms, found = [], []
for row in queries:
    start = time.perf_counter()
    rows = index.search(vectors[row : row + 1], k + 1)[1][0]
    ms.append((time.perf_counter() - start) * 1e3)
    found.append([int(r) for r in rows if r != row][:k])
print(json.dumps({"ms": ms, "found": found, "prepare": prepare}))
