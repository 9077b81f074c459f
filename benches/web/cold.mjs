// A first visit on a slow line: when each way of answering is there, and what has come over the line until then.
//
//   node benches/web/cold.mjs SITE… [--mbit 9] [--delay 170] [--slower 4] [--query "red dress"] [--runs 1]
//                             [--until engine|instant] [--timeline] [--film FOLDER]
//
// The host sends what static hosts compress with brotli, and holds the whole line to --mbit; each answer waits --delay
// milliseconds. It answers a browser that has a file with 304, and lets it keep files that are named by their hash. The
// page's own thread is made --slower times slower; workers are not, as Chromium slows pages alone.
// Several sites are visited in turn, and each row is the median of --runs visits.
// --until instant leaves before the text encoder is here.
// --timeline prints what happened when in the last visit; --film writes a screenshot every half second.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import { launch, median } from './harness.mjs';

const types = { html: 'text/html', js: 'text/javascript', json: 'application/json', webmanifest: 'application/manifest+json', css: 'text/css', wasm: 'application/wasm', svg: 'image/svg+xml', jpg: 'image/jpeg', webp: 'image/webp', png: 'image/png', txt: 'text/plain' };
const compressed = ['html', 'js', 'json', 'webmanifest', 'css', 'wasm', 'svg', 'txt'];

/** A file as a host sends it: {body, type, encoding}. */
function packed(file) {
  const ending = file.split('.').pop();
  const body = readFileSync(file);
  const type = types[ending] ?? 'application/octet-stream';
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
  if (!compressed.includes(ending)) return { body, type, etag };
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
  return { body: brotliCompressSync(body, { params }), type, etag, encoding: 'br' };
}

/** Every file of a site, packed ahead, so that nobody waits for a compressor. */
function packAll(site) {
  const entries = readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(entries.map(({ parentPath, name }) => path.join(parentPath, name)).map((file) => [file, packed(file)]));
}

/** A host of packed files over a line of so many bytes a second, shared by all that is asked; `parts` is what was sent when, `log` when what was asked. */
async function slowHost(site, files, { bytesPerSecond, delay }) {
  const [parts, log] = [[], []];
  let free = 0; // when the line has sent what was put on it
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://host').pathname);
    const found = files.get(path.join(site, name.endsWith('/') ? `${name}index.html` : name));
    const entry = { name, asked: performance.now(), first: 0, ended: 0, bytes: 0 };
    log.push(entry);
    await sleep(delay);
    if (!found) return response.writeHead(404).end();
    const { body, type, encoding, etag } = found;
    const caching = /-[0-9a-f]{16}\.\w+$|\/photos\//.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache';
    const headers = { etag, 'cache-control': caching, 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, headers).end();
    Object.assign(headers, { 'content-type': type, 'content-length': body.length }, encoding && { 'content-encoding': encoding });
    response.writeHead(200, headers);
    for (let at = 0; at < body.length && !response.destroyed; at += 8192) {
      const part = body.subarray(at, at + 8192);
      // a timer that is late must not make the line slower
      free = Math.max(free, performance.now() - 50) + (1000 * part.length) / bytesPerSecond;
      await sleep(free - performance.now());
      response.write(part);
      entry.first ||= performance.now();
      entry.bytes += part.length;
      parts.push([performance.now(), name, part.length]);
    }
    response.end();
    entry.ended = performance.now();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, parts, log, stop: () => (server.closeAllConnections(), server.close()) };
}

/** What of a site a path is. */
function kind(name) {
  if (/\/photos\//.test(name)) return 'photos';
  if (/_bg\.wasm$/.test(name)) return 'wasm build';
  if (/\/instant\./.test(name)) return 'instant tier';
  if (/^\/model\/.*\.safetensors$|tokenizer/.test(name)) return 'encoders';
  if (/^\/catalog\//.test(name)) return 'catalog';
  return 'page';
}

/** Bytes by kind that had been sent at a time. */
function sums(parts, time) {
  const by = {};
  for (const [, name, bytes] of parts.filter(([at]) => at <= time)) by[kind(name)] = (by[kind(name)] ?? 0) + bytes;
  return by;
}

/** Screenshots until `done` says so. */
async function film(page, folder, start, done) {
  if (folder) mkdirSync(folder, { recursive: true });
  while (folder && !done()) {
    const at = ((performance.now() - start) / 1000).toFixed(1).padStart(5, '0');
    await page.screenshot({ path: path.join(folder, `${at}.png`) }).catch(() => {});
    await sleep(500);
  }
}

/** Runs in the page before anything of it: keeps when the worker told that a part was here, and when responses were drawn. */
function observe() {
  const seen = (globalThis.seen = []);
  const note = (what) => seen.push([performance.timeOrigin + performance.now(), what]);
  const before = {};
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      note('worker is started');
      this.addEventListener('message', ({ data }) => {
        for (const [name, state] of data.event === 'state' ? Object.entries(data.state) : []) {
          if (typeof state !== 'string' || name === 'build' || before[name] === state) continue;
          before[name] = state;
          note(`${name} ${state}`);
        }
      });
    }
  };
  new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries()) seen.push([performance.timeOrigin + startTime, name]);
  }).observe({ type: 'paint', buffered: true });
  let last = '';
  new MutationObserver(() => {
    const by = document.querySelector('[data-part="results"]')?.dataset.by;
    const cards = document.querySelectorAll('.card').length;
    const now = `${by ?? ''} ${cards}`;
    if (now !== last && by) note(`drawn by ${by}: ${cards} cards`);
    last = now;
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-by'] });
}

/** What happened when, as lines. */
function timeline(start, log, seen) {
  const at = (ms) => ((ms - start) / 1000).toFixed(2).padStart(6);
  const few = (name) => (/photos/.test(name) ? 'photo' : name);
  const requests = log.filter(({ name }) => !/photos\//.test(name)).map(({ name, asked, first, ended, bytes }) => [asked, `  asked ${few(name)}: ${first ? at(first) : ' –'} to ${ended ? at(ended) : ' –'}, ${(bytes / 1000).toFixed(1)} kB`]);
  const photos = log.filter(({ name }) => /photos\//.test(name));
  if (photos.length) requests.push([photos[0].asked, `  asked photos, ${photos.length} until ${at(photos.at(-1).asked)}`]);
  return [...requests, ...seen].sort(([a], [b]) => a - b).map(([ms, what]) => `${at(ms)}  ${what}`);
}

/** One visit by an empty browser: rows of when each way had answered, and the timeline until the last. */
async function visit(site, files, { mbit, delay, slower, query, film: folder }) {
  const host = await slowHost(site, files, { bytesPerSecond: (Number(mbit) * 1e6) / 8, delay: Number(delay) });
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    await page.addInitScript(observe);
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', { rate: Number(slower) });
    const start = performance.now();
    let over = false;
    const filming = film(page, folder, start, () => over);
    await page.goto(`${host.origin}/#${new URLSearchParams({ q: query })}`, { timeout: 600_000, waitUntil: 'commit' });
    const drawn = (one) => `[data-part="results"][aria-busy="false"][data-by="${one}"]`;
    await page.waitForSelector(values.until === 'instant' ? `${drawn('instant')}, ${drawn('engine')}` : drawn('engine'), { timeout: 600_000 });
    over = true;
    await filming;
    // the page's own clock, which is this machine's: who watches the page may be late
    const seen = (await page.evaluate(() => globalThis.seen)).map(([ms, what]) => [ms - performance.timeOrigin, what]);
    const rows = ways.map((by) => {
      // a later way may be there before this one was drawn
      const [time] = seen.find(([, what]) => ways.slice(ways.indexOf(by)).some((one) => what.startsWith(`drawn by ${one}:`))) ?? [Infinity];
      return { by, seconds: (time - start) / 1000, bytes: sums(host.parts, time) };
    });
    return { rows, lines: timeline(start, host.log, seen) };
  } finally {
    await browser.close();
    host.stop();
  }
}

const ways = ['words', 'instant', 'engine'];
const names = { words: 'words', instant: 'instant tier', engine: 'text encoder' };
const kinds = ['photos', 'page', 'wasm build', 'catalog', 'instant tier', 'encoders'];

/** A table's row: medians over visits. */
function row(site, by, visits) {
  const of = (read) => median(visits.map(({ rows }) => read(rows.find((one) => one.by === by))));
  const part = (name) => of(({ bytes }) => bytes[name] ?? 0) / 1e6;
  const total = kinds.slice(1).reduce((sum, name) => sum + part(name), 0);
  const all = visits.map(({ rows }) => rows.find((one) => one.by === by).seconds.toFixed(1));
  return `| ${site} | ${names[by]} | ${of(({ seconds }) => seconds).toFixed(1)} | ${all.join(', ')} | ${total.toFixed(2)} | ${kinds.map((name) => part(name).toFixed(2)).join(' | ')} |`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mbit: { type: 'string', default: '9' },
    delay: { type: 'string', default: '170' },
    slower: { type: 'string', default: '4' },
    query: { type: 'string', default: 'red dress' },
    runs: { type: 'string', default: '1' },
    until: { type: 'string', default: 'engine' },
    timeline: { type: 'boolean', default: false },
    film: { type: 'string' },
  },
});
if (positionals.length < 1) {
  console.error('cold.mjs: expected the folder of a site, got none; make one with `./build.sh demo`');
  process.exit(2);
}
const sites = positionals.map((name) => ({ name, folder: path.resolve(name), visits: [] }));
for (const site of sites) site.files = packAll(site.folder);
for (let run = 0; run < Number(values.runs); run++) {
  // to and fro, so that a load that grows or falls is nobody's
  for (const site of run % 2 ? sites.toReversed() : sites) site.visits.push(await visit(site.folder, site.files, values));
}
console.log(`${values.mbit} Mbit/s, ${values.delay} ms, ${values.slower}× slower; "${values.query}"; medians of ${values.runs}; bytes in MB, photos apart\n`);
console.log(`| site | answered by | seconds | each | bytes | ${kinds.join(' | ')} |`);
console.log(`|---|---|---|---|---|${'---|'.repeat(kinds.length)}`);
for (const by of values.until === 'instant' ? ways.slice(0, 2) : ways) for (const { name, visits } of sites) console.log(row(name, by, visits));
for (const { name, visits } of values.timeline ? sites : []) console.log(`\n${name}\n${visits.at(-1).lines.join('\n')}`);
