// The shipped program: the vectors as shards of a catalog, asked for the neighbours of a row.
import { answer } from './answer.js';

const shardRows = 15_000;
let engine, k;

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A shard's file, as src/shard.rs describes it. */
function encode(vectors, rows, d) {
  const ids = new TextEncoder().encode('0'.repeat(rows));
  const bytes = new Uint8Array(24 + 4 * rows + 4 * (rows + 1) + rows + rows * d);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('VITRSHRD'));
  [1, rows, d, rows].forEach((value, i) => view.setUint32(8 + 4 * i, value, true));
  const [scales, offsets] = [24, 24 + 4 * rows];
  const numbers = new Int8Array(bytes.buffer, offsets + 4 * (rows + 1) + rows);
  bytes.set(ids, offsets + 4 * (rows + 1));
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let i = 0; i < d; i++) largest = Math.max(largest, Math.abs(vectors[row * d + i]));
    view.setFloat32(scales + 4 * row, largest / 127, true);
    view.setUint32(offsets + 4 * (row + 1), row + 1, true);
    for (let i = 0; i < d; i++) numbers[row * d + i] = Math.round((vectors[row * d + i] * 127) / largest);
  }
  return bytes;
}

async function start({ build, threads }) {
  const script = `/site/pkg/${build}/vitrine.js`;
  const program = await import(script);
  const module = await WebAssembly.compileStreaming(fetch(`/site/pkg/${build}/vitrine_bg.wasm`));
  const { memory } = await program.default({ module_or_path: module });
  for (let index = 0; index + 1 < threads; index++) {
    new Worker('/site/pool.js', { type: 'module' }).postMessage({ bindings: script, module, memory, index });
  }
  while (program.threads() < threads) await new Promise((resolve) => setTimeout(resolve, 5));
  return program;
}

answer({
  async prepare(job, vectors) {
    const program = await start(job);
    const shards = [];
    for (let first = 0; first < job.n; first += shardRows) {
      const rows = Math.min(shardRows, job.n - first);
      const bytes = encode(vectors.subarray(first * job.d, (first + rows) * job.d), rows, job.d);
      const sha256 = hex(await crypto.subtle.digest('SHA-256', bytes));
      const items = { file: `items-${first}.json`, bytes: 0, sha256 };
      shards.push({ bytes, entry: { file: `shard-${first}.bin`, bytes: bytes.length, sha256, count: rows, items } });
    }
    const file = { file: 'neighbours.bin', bytes: 0, sha256: shards[0].entry.sha256, k: 0 };
    const manifest = { format: 'vitrine-catalog', version: 1, title: '', model: { name: '', fingerprint: '' }, dimension: job.d, count: job.n, facets: [], shards: shards.map(({ entry }) => entry), neighbours: file, photos: 'photos/' };
    engine = new program.Vitrine();
    engine.open_catalog(JSON.stringify(manifest));
    for (const { bytes, entry } of shards) engine.add_shard(entry.file, bytes);
    while (!engine.prepare(2000));
    k = job.k;
  },
  query: (row) => engine.neighbours(row, k, undefined).map((hit) => hit.row),
});
