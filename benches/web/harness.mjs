// What the benchmarks in a browser share: a server of folders, a Chromium, medians.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumPath } from '../../tests/page/browser.mjs';

const types = { html: 'text/html', js: 'text/javascript', mjs: 'text/javascript', json: 'application/json', css: 'text/css', wasm: 'application/wasm', jpg: 'image/jpeg', png: 'image/png', svg: 'image/svg+xml' };

/** Serves folders under prefixes, uncompressed and isolated, so that neither side waits for a compressor. */
export async function serve(folders) {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://host').pathname);
    const prefix = Object.keys(folders).find((prefix) => name.startsWith(prefix));
    let file = prefix && path.join(folders[prefix], name.slice(prefix.length));
    if (file?.endsWith('/')) file += 'index.html';
    if (!file || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    const type = types[file.split('.').pop()] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': statSync(file).size, 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

export function launch() {
  if (!chromiumPath) throw new Error('expected Chromium, got none; install it, or name it in CHROMIUM');
  const args = ['--no-sandbox', '--disable-background-networking', '--no-first-run', '--disable-component-update', '--disable-sync'];
  return chromium.launch({ executablePath: chromiumPath, headless: true, args });
}

/** Process ids of a browser's renderers. */
export async function renderers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
