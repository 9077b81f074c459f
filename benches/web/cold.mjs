// A first visit on a slow line: when each way of answering is there, and what has come over the line until then.
//
//   node benches/web/cold.mjs SITE [--mbit 9] [--delay 170] [--slower 4] [--query "red dress"] [--film FOLDER]
//
// The host sends what static hosts compress with brotli, and holds the whole line to --mbit; each answer waits --delay
// milliseconds. The page's own thread is made --slower times slower; workers are not, as Chromium slows pages alone.
// --film writes a screenshot every half second.
import { readFileSync, mkdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import { launch } from './harness.mjs';

const types = { html: 'text/html', js: 'text/javascript', json: 'application/json', webmanifest: 'application/manifest+json', css: 'text/css', wasm: 'application/wasm', svg: 'image/svg+xml', jpg: 'image/jpeg', webp: 'image/webp', png: 'image/png', txt: 'text/plain' };
const compressed = ['html', 'js', 'json', 'webmanifest', 'css', 'wasm', 'svg', 'txt'];

/** A file as a host sends it: {body, type, encoding}. */
function packed(file) {
  const ending = file.split('.').pop();
  const body = readFileSync(file);
  const type = types[ending] ?? 'application/octet-stream';
  if (!compressed.includes(ending)) return { body, type };
  return { body: brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }), type, encoding: 'br' };
}

/** Serves a site over a line of so many bytes a second, shared by all that is asked; `sent` is bytes by path. */
async function slowHost(site, { bytesPerSecond, delay }) {
  const [kept, sent] = [new Map(), new Map()];
  let free = 0; // when the line has sent what was put on it
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://host').pathname);
    const file = path.join(site, name.endsWith('/') ? `${name}index.html` : name);
    if (!kept.has(file)) kept.set(file, statSync(file, { throwIfNoEntry: false })?.isFile() ? packed(file) : null);
    const found = kept.get(file);
    await sleep(delay);
    if (!found) return response.writeHead(404).end();
    const { body, type, encoding } = found;
    const headers = { 'content-type': type, 'content-length': body.length, 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
    response.writeHead(200, encoding ? { ...headers, 'content-encoding': encoding } : headers);
    for (let at = 0; at < body.length && !response.destroyed; at += 8192) {
      const part = body.subarray(at, at + 8192);
      free = Math.max(free, performance.now()) + (1000 * part.length) / bytesPerSecond;
      await sleep(free - performance.now());
      response.write(part);
      sent.set(name, (sent.get(name) ?? 0) + part.length);
    }
    response.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, sent, stop: () => (server.closeAllConnections(), server.close()) };
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

function sums(sent) {
  const by = {};
  for (const [name, bytes] of sent) by[kind(name)] = (by[kind(name)] ?? 0) + bytes;
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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { mbit: { type: 'string', default: '9' }, delay: { type: 'string', default: '170' }, slower: { type: 'string', default: '4' }, query: { type: 'string', default: 'red dress' }, film: { type: 'string' } },
});
if (positionals.length !== 1) {
  console.error('cold.mjs: expected the folder of a site, got none; make one with `./build.sh demo`');
  process.exit(2);
}
const host = await slowHost(path.resolve(positionals[0]), { bytesPerSecond: (Number(values.mbit) * 1e6) / 8, delay: Number(values.delay) });
const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: Number(values.slower) });
  const start = performance.now();
  let over = false;
  const filming = film(page, values.film, start, () => over);
  await page.goto(`${host.origin}/#${new URLSearchParams({ q: values.query })}`, { timeout: 600_000 });
  const rows = [];
  for (const by of ['words', 'instant', 'engine']) {
    // a later way may be there before this one was drawn
    const later = ['words', 'instant', 'engine'].slice(['words', 'instant', 'engine'].indexOf(by));
    const drawn = later.map((one) => `[data-part="results"][aria-busy="false"][data-by="${one}"]`).join(', ');
    await page.waitForSelector(drawn, { timeout: 600_000 });
    rows.push({ by, seconds: (performance.now() - start) / 1000, bytes: sums(host.sent) });
  }
  over = true;
  await filming;
  const full = rows.at(-1);
  const total = ({ photos, ...rest }) => Object.values(rest).reduce((sum, bytes) => sum + bytes, 0) / 1e6;
  console.log(`${values.mbit} Mbit/s, ${values.delay} ms, ${values.slower}× slower; "${values.query}"; bytes in MB, photos apart\n`);
  console.log('| answered by | seconds | × the text encoder | bytes | photos | page | wasm build | catalog | instant tier | encoders |');
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  const names = { words: 'words', instant: 'instant tier', engine: 'text encoder' };
  for (const { by, seconds, bytes } of rows) {
    const part = (name) => ((bytes[name] ?? 0) / 1e6).toFixed(2);
    const parts = ['photos', 'page', 'wasm build', 'catalog', 'instant tier', 'encoders'].map(part).join(' | ');
    console.log(`| ${names[by]} | ${seconds.toFixed(1)} | ${(seconds / full.seconds).toFixed(2)} | ${total(bytes).toFixed(2)} | ${parts} |`);
  }
} finally {
  await browser.close();
  host.stop();
}
