// hnswlib-wasm with the settings of its own documentation.
import { loadHnswlib } from '/hnsw/hnswlib.js';
import { answer } from './answer.js';

let index, all, d, k;

answer({
  async prepare(job, vectors) {
    const library = await loadHnswlib();
    [all, d, k] = [vectors, job.d, job.k];
    index = new library.HierarchicalNSW('ip', d, '');
    index.initIndex(job.n, 16, 200, 100);
    index.setEfSearch(100);
    for (let row = 0; row < job.n; row++) index.addPoint(vectors.slice(row * d, (row + 1) * d), row, false);
  },
  query(row) {
    const { neighbors } = index.searchKnn(all.subarray(row * d, (row + 1) * d), k + 1, undefined);
    return neighbors.filter((found) => found !== row).slice(0, k);
  },
});
