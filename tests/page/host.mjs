// A static host that sends no headers of its own, as GitHub Pages does, and that tests can make misbehave.
import { createReadStream, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.json': 'application/json',
  '.webmanifest': 'application/manifest+json', '.svg': 'image/svg+xml', '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp', '.wasm': 'application/wasm',
};

function find(dist, url) {
  const file = path.join(dist, decodeURIComponent(new URL(url, 'http://x').pathname));
  if (!file.startsWith(dist)) return null;
  try {
    return statSync(file).isDirectory() ? path.join(file, 'index.html') : file;
  } catch {
    return null;
  }
}

/**
 * {origin, stop, asked}: `asked` lists every request as {file, range}. `ranges: false` sends whole files only;
 * `breaks(file, nth)` names after how many bytes the connection ends for the nth request of a file, or nothing.
 */
export async function plainHost(dist, { ranges = true, breaks = () => undefined } = {}) {
  const asked = [];
  const server = http.createServer((request, response) => {
    const file = find(path.resolve(dist), request.url);
    if (!file) return response.writeHead(404).end();
    const name = path.basename(file);
    const [, from] = (ranges && request.headers.range?.match(/^bytes=(\d+)-$/)) || [];
    asked.push({ file: name, range: request.headers.range ?? null });
    const { size } = statSync(file);
    const start = from ? Number(from) : 0;
    const headers = { 'content-type': types[path.extname(file)] ?? 'application/octet-stream', 'content-length': size - start };
    if (from) headers['content-range'] = `bytes ${start}-${size - 1}/${size}`;
    response.writeHead(from ? 206 : 200, headers);
    const end = breaks(name, asked.filter((one) => one.file === name).length);
    if (end === undefined) return createReadStream(file, { start }).pipe(response);
    // The connection ends behind what was written, so that all of that arrives.
    createReadStream(file, { start, end: end - 1 }).on('end', () => response.socket?.end()).pipe(response, { end: false });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return { origin: `http://127.0.0.1:${server.address().port}`, asked, stop };
}
