// What the benchmarks in a browser share: a server of folders, a Chromium, medians.
import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
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
    const inside = prefix && name.slice(prefix.length);
    const file = prefix && path.join(folders[prefix], inside === '' || inside.endsWith('/') ? `${inside}index.html` : inside);
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

/** Milliseconds that the threads of processes have run so far. */
export function processorTime(pids) {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
      } catch {
        // the thread has ended meanwhile
      }
    }
  }
  return nanoseconds / 1e6;
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
