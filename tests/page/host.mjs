// A static host that sends no headers of its own, as GitHub Pages does, and that tests can make misbehave.
import { createReadStream, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.wasm': 'application/wasm',
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
 * {origin, stop, asked, log}: `asked` lists every request as {file, range}; `log` holds all that a host gets to know of
 * each: the line, the headers and the body, as {url, text}. `pages` are texts by address; `headers` go with every answer. `ranges: false` sends whole files only;
 * `breaks(file, nth)` names after how many bytes the connection ends for the nth request of a file, or nothing.
 */
export async function plainHost(dist, { ranges = true, breaks = () => undefined, pages = {}, headers: all = {} } = {}) {
  const asked = [];
  const log = [];
  const note = (request) => {
    const entry = { url: request.url, text: [`${request.method} ${request.url}`, ...request.rawHeaders].join('\n') };
    log.push(entry);
    request.on('data', (data) => (entry.text += `\n${data}`));
  };
  const server = http.createServer((request, response) => {
    note(request);
    const { pathname } = new URL(request.url, 'http://x');
    if (pathname in pages)
      return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...all }).end(pages[pathname]);
    const file = find(path.resolve(dist), request.url);
    if (!file) return response.writeHead(404).end();
    const name = path.basename(file);
    const [, from] = (ranges && request.headers.range?.match(/^bytes=(\d+)-$/)) || [];
    asked.push({ file: name, range: request.headers.range ?? null });
    const { size } = statSync(file);
    const start = from ? Number(from) : 0;
    const headers = {
      'content-type': types[path.extname(file)] ?? 'application/octet-stream',
      'content-length': size - start,
      ...all,
    };
    if (from) headers['content-range'] = `bytes ${start}-${size - 1}/${size}`;
    response.writeHead(from ? 206 : 200, headers);
    const end = breaks(name, asked.filter((one) => one.file === name).length);
    if (end === undefined) return createReadStream(file, { start }).pipe(response);
    // The connection ends behind what was written, so that all of that arrives.
    createReadStream(file, { start, end: end - 1 })
      .on('end', () => response.socket?.end())
      .pipe(response, { end: false });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return { origin: `http://127.0.0.1:${server.address().port}`, asked, log, stop };
}
