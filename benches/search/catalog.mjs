// A catalog of vectors alone, as src/catalog/format.rs describes it: what the scan is measured and tested on.

const shardRows = 15_000;

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A shard's file, as src/catalog/format.rs describes it. */
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

/** Vectors [n, d] → {manifest, shards: [{file, bytes}]}. */
export async function catalog(vectors, n, d) {
  const shards = [];
  for (let first = 0; first < n; first += shardRows) {
    const rows = Math.min(shardRows, n - first);
    const bytes = encode(vectors.subarray(first * d, (first + rows) * d), rows, d);
    const sha256 = hex(await crypto.subtle.digest('SHA-256', bytes));
    const items = { file: `items-${first}.json`, bytes: 0, sha256 };
    shards.push({ file: `shard-${first}.bin`, bytes, entry: { file: `shard-${first}.bin`, bytes: bytes.length, sha256, count: rows, items } });
  }
  const neighbours = { file: 'neighbours.bin', bytes: 0, sha256: shards[0].entry.sha256, k: 0 };
  const manifest = { format: 'vitrine-catalog', version: 1, title: '', model: { name: '', fingerprint: '' }, dimension: d, count: n, facets: [], shards: shards.map(({ entry }) => entry), neighbours, photos: 'photos/' };
  return { manifest, shards };
}
