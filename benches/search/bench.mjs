// The catalog scan beside plain JavaScript, hnswlib-wasm and native faiss (SQ8): milliseconds of the nearest fifty and
// their recall, for the same vectors.
//
//   benches/search/run.sh            makes what this needs, then runs it: 10,000 and 100,000 vectors
//   benches/search/run.sh --sizes 10000,100000,500000 --dimensions 384,256
//   benches/search/run.sh --spectrum even
//
// The vectors are unit vectors around one centre a hundred, as photos of alike garments are, and fill their directions
// as unevenly as those of the shipped model do; with `even` they fill all of them alike, which no model's do, and the
// first pass of vitrine's search rules nothing out. Recall is the share of the
// exact fifty, by float32, that was found. hnswlib builds for minutes beyond 20,000 vectors and is left out there.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launch, median, serve } from '../web/harness.mjs';

const { values: args } = parseArgs({
  options: {
    site: { type: 'string', default: 'dist' },
    out: { type: 'string', default: 'target/bench/vectors' },
    python: { type: 'string', default: 'python3' },
    sizes: { type: 'string', default: '10000,100000' },
    dimensions: { type: 'string', default: '384' },
    spectrum: { type: 'string', default: 'products' },
    runs: { type: 'string', default: '20' },
    json: { type: 'boolean' },
  },
});
const here = fileURLToPath(new URL('.', import.meta.url));
const runs = Number(args.runs);
const k = 50;
const hnswLimit = 20_000;

/**
 * Shares of the squares that the principal directions hold, by their number: read once off vectors of 256 numbers that
 * the model made of 10,740 product photos, one stage of training before the shipped weights.
 */
const held = [[0, 0], [1, 0.186], [4, 0.418], [8, 0.589], [16, 0.791], [32, 0.939], [48, 0.972], [64, 0.983], [96, 0.993], [128, 0.998], [256, 1]];

/** How far vectors of d numbers reach in each direction. */
function spread(d) {
  if (args.spectrum === 'even') return new Float32Array(d).fill(1);
  const upTo = (count) => {
    const i = held.findIndex(([n]) => n >= count);
    if (i <= 0) return 0;
    const [[a, from], [b, to]] = [held[i - 1], held[i]];
    return from + ((to - from) * (count - a)) / (b - a);
  };
  return Float32Array.from({ length: d }, (_, i) => Math.sqrt(upTo(((i + 1) * 256) / d) - upTo((i * 256) / d)));
}

/** Unit vectors [n, d] around n / 100 centres, from a generator that gives the same ones everywhere. */
function vectors(n, d) {
  let state = 7;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const normal = () => uniform() + uniform() + uniform() + uniform() - 2;
  const out = new Float32Array(n * d);
  const reach = spread(d);
  // a reflection, so that no direction is one of the axes
  const mirror = Float32Array.from({ length: d }, normal);
  const size = mirror.reduce((sum, m) => sum + m * m, 0);
  let centre;
  for (let row = 0; row < n; row++) {
    if (row % 100 === 0) centre = Float32Array.from({ length: d }, normal);
    const vector = out.subarray(row * d, (row + 1) * d);
    let [sum, along] = [0, 0];
    for (let i = 0; i < d; i++) {
      vector[i] = reach[i] * (centre[i] + 0.7 * normal());
      sum += vector[i] ** 2;
      along += vector[i] * mirror[i];
    }
    const inverse = 1 / Math.sqrt(sum);
    for (let i = 0; i < d; i++) vector[i] = (vector[i] - ((2 * along) / size) * mirror[i]) * inverse;
  }
  return out;
}

function exact(all, n, d, query) {
  const scores = new Float32Array(n);
  for (let row = 0; row < n; row++) {
    let score = 0;
    for (let i = 0; i < d; i++) score += all[row * d + i] * all[query * d + i];
    scores[row] = score;
  }
  scores[query] = -2;
  return [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, k);
}

const recall = (found, wanted) => wanted.reduce((sum, rows, i) => sum + rows.filter((row) => found[i].includes(row)).length, 0) / (wanted.length * k);

mkdirSync(args.out, { recursive: true });
const folder = path.resolve(args.out);
const server = await serve({ '/vectors/': folder, '/site/': path.resolve(args.site), '/bench/': here, '/web/': path.join(here, '../web'), '/hnsw/': path.join(here, '../web/node_modules/hnswlib-wasm/dist') });
const rows = [];
for (const d of args.dimensions.split(',').map(Number)) {
  for (const n of args.sizes.split(',').map(Number)) {
    const file = `${n}x${d}-${args.spectrum}.f32`;
    const all = vectors(n, d);
    if (!existsSync(path.join(folder, file))) writeFileSync(path.join(folder, file), all);
    const queries = Array.from({ length: runs }, (_, i) => Math.floor(((i + 0.5) / runs) * n));
    const wanted = queries.map((query) => exact(all, n, d, query));
    const browser = await launch();
    const page = await browser.newPage();
    await page.goto(`${server.origin}/bench/page.html`);
    const sides = [{ side: 'vitrine', build: 'threads', threads: 2 }, { side: 'vitrine', build: 'relaxed', threads: 1 }, { side: 'vitrine', build: 'baseline', threads: 1 }, { side: 'plain' }];
    if (n <= hnswLimit) sides.push({ side: 'hnsw' });
    const prepared = [];
    for (const side of sides) prepared.push(await page.evaluate((job) => globalThis.prepare(job), { ...side, file, n, d, k }));
    const results = sides.map(() => ({ ms: [], found: [] }));
    for (const query of queries) {
      for (const [i] of sides.entries()) {
        const { ms, found } = await page.evaluate(([i, query]) => globalThis.ask(i, query), [i, query]);
        results[i].ms.push(ms);
        results[i].found.push(found);
      }
    }
    for (const [i, { side, build = '', threads = 1 }] of sides.entries()) rows.push({ n, d, side: `${side} ${build}`.trim(), threads, ms: median(results[i].ms), recall: recall(results[i].found, wanted), prepare: prepared[i] });
    await browser.close();
    const native = JSON.parse(execFileSync(args.python, [path.join(here, 'faiss_sq8.py'), path.join(folder, file), String(d), String(k), queries.join(',')], { encoding: 'utf8' }));
    rows.push({ n, d, side: 'faiss SQ8, native', threads: 1, ms: median(native.ms), recall: recall(native.found, wanted), prepare: native.prepare });
  }
}
server.stop();
if (args.json) {
  console.log(JSON.stringify({ machine: cpus()[0].model, k, runs, rows }));
} else {
  console.log(`${cpus()[0].model}, ${cpus().length} cores; the nearest ${k}, median of ${runs} queries\n`);
  console.log('| vectors | | threads | ms | recall | built in |\n|---|---|---|---|---|---|');
  for (const { n, d, side, threads, ms, recall, prepare } of rows) {
    console.log(`| ${n.toLocaleString('en')} × ${d} | ${side} | ${threads} | ${ms.toFixed(2)} | ${recall.toFixed(3)} | ${(prepare / 1000).toFixed(1)} s |`);
  }
}
