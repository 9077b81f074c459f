// Shared by the page's tests and screenshots: one Chromium, one `vitrine serve`, both found through the environment.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';

function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return null;
}

export const chromiumPath =
  process.env.CHROMIUM ?? onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome');

/** Why the browser tests cannot run here, or null. */
export function missing() {
  if (!process.env.VITRINE_DIST)
    return 'VITRINE_DIST is not set: build a site with `vitrine site CATALOG --out DIST` and name it';
  if (!process.env.VITRINE_BIN) return 'VITRINE_BIN is not set: name the vitrine command that serves the site';
  if (!chromiumPath) return 'no Chromium: install it, or name it in CHROMIUM';
  return null;
}

/** Chromium, with more flags where a test needs them. */
export async function launch(flags = []) {
  return chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--no-first-run',
      '--disable-component-update',
      '--disable-sync',
      ...flags,
    ],
  });
}

/** Starts `vitrine serve` on a free port; {origin, stop}. */
export async function serve(dist = process.env.VITRINE_DIST) {
  const server = spawn(process.env.VITRINE_BIN, ['serve', dist, '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const origin = await new Promise((resolve, reject) => {
    let said = '';
    const read = (data) => {
      said += data;
      const found = said.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found) resolve(found[0]);
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.on('exit', (code) =>
      reject(new Error(`vitrine serve ended with ${code} before it named its address:\n${said}`)),
    );
  });
  const stop = () => new Promise((resolve) => (server.once('exit', resolve), server.kill()));
  return { origin, stop };
}

/** The catalog of a served site: its manifest, and its products in row order. */
export async function catalogOf(origin) {
  const json = async (file) => (await fetch(`${origin}/catalog/${file}`)).json();
  const manifest = await json('catalog.json');
  const lists = await Promise.all(manifest.shards.map((shard) => json(shard.items.file)));
  return { manifest, items: lists.flat() };
}

/** Waits until the page has drawn the answer to what it was asked last. */
export async function settled(page, { kind, by, words } = {}) {
  const parts = [`[data-part="results"][aria-busy="false"]`];
  if (kind) parts.push(`[data-kind="${kind}"]`);
  if (by) parts.push(`[data-by="${by}"]`);
  if (words !== undefined) parts.push(`[data-words="${words}"]`);
  await page.waitForSelector(parts.join(''), { timeout: 90_000 });
}

/** Loads an address anew; the page alone would take another fragment of its own address without a load. */
export async function load(page, address) {
  await page.goto('about:blank');
  await page.goto(address);
}

export const able = (page, kind) => page.waitForSelector(`[data-vitrine][data-can~="${kind}"]`, { timeout: 120_000 });

export const ids = (page, count) =>
  page.$$eval('[data-part="grid"] .card', (cards, n) => cards.slice(0, n).map((card) => card.dataset.id), count);

const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
  '.bin': 'application/octet-stream',
  '.safetensors': 'application/octet-stream',
};

/** Serves folders by the start of an address; `headers` go with every answer, `pages` are texts by address. */
export async function host({ folders, headers = {}, pages = {} }) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://host');
    const send = (status, type) => response.writeHead(status, { 'content-type': type, ...headers });
    const prefix = Object.keys(folders).find((start) => pathname.startsWith(start));
    const file = prefix && path.join(folders[prefix], decodeURIComponent(pathname.slice(prefix.length)));
    if (pathname in pages) send(200, types[path.extname(pathname)] ?? 'text/html').end(pages[pathname]);
    else if (!file || !types[path.extname(file)] || !existsSync(file)) send(404, 'text/plain').end();
    else createReadStream(file).pipe(send(200, types[path.extname(file)]));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))),
  };
}

/**
 * Lets pages run `file` as `change(text)` makes it, the first `times` that it is fetched. The signed page would refuse it,
 * so the page that is served lists its hash beside the true one. Gives a count of how often it was fetched.
 */
export async function rewrite(context, file, change, { times = Infinity } = {}) {
  let fetched = 0;
  const isPage = ({ pathname }) => /\/(index\.html)?$/.test(pathname);
  await context.route(isPage, async (route) => {
    const answer = await route.fetch();
    const html = await answer.text();
    const text = await (await context.request.get(new URL(file, route.request().url()).href)).text();
    const hash = `sha256-${createHash('sha256').update(change(text)).digest('base64')}`;
    await route.fulfill({
      response: answer,
      body: html.replace(`href="${file}" integrity="`, `href="${file}" integrity="${hash} `),
    });
  });
  await context.route(`**/${file}`, async (route) => {
    const answer = await route.fetch();
    const text = await answer.text();
    await route.fulfill({ response: answer, body: fetched++ < times ? change(text) : text });
  });
  return () => fetched;
}
