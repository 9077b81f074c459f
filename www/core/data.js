// Files named by a manifest: fetched as a stream, checked against their sha256 before anything sees or keeps them,
// and kept by hash so that the next visit needs no network. Used by the page and by the worker.

import { badName } from './names.js';

/** @typedef {{file: string, bytes: number, sha256: string, priority?: RequestPriority}} Part   a file as a manifest names it; `priority`: for the browser */
/** @typedef {Part & {count: number, items: Part, neighbours: Part}} Shard */
/** @typedef {{name: string, values: {value: string, count: number}[]}} FacetEntry */
/**
 * @typedef {object} Manifest   catalog.json
 * @property {number} count   of photos
 * @property {number} [products]   which earlier versions did not count
 * @property {string} [title]
 * @property {string} [photos]   their folder
 * @property {Shard[]} shards
 * @property {FacetEntry[]} facets
 * @property {Part & {k: number}} neighbours   the file itself only where the catalog is a whole one
 * @property {{centres: Part, facets: Part, window: Part}} [cells]   of a clustered catalog
 * @property {Part & {folder: string}} [packs]   the list of the packs that hold its photos, and their folder
 */
/** @typedef {{name: string, fingerprint: string, note?: string, parts: (Part & {part: string})[], instant?: Part & {part: string}, preprocess?: {fit: string}, clip?: object}} Model   model.json */
/** @typedef {Part & {name: string, needs: string[]}} Build   of the wasm, in site.json */
/** @typedef {{title?: string, catalog: string, model: string, version: string, wasm: Build[], relevance?: import('./relevance.js').Relevance | null, logo?: string, accent?: string, isolate?: boolean}} Site   site.json */
/** @typedef {{bytes: Uint8Array<ArrayBuffer>, length: number}} Partial */

export class DataError extends Error {
  /** @param {string} code @param {Record<string, string>} details */
  constructor(code, details) {
    super(`${code}: ${details.file}`);
    this.code = code;
    this.details = details;
  }
}

/** The longest file that is fetched: far more than a weight file has. */
const mostBytes = 1 << 30;

/** @param {ArrayBuffer} buffer */
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Cache names carry the site's path: two sites under one origin keep their files apart. @param {string} base @param {string} kind */
export const cacheName = (base, kind) => `vitrine ${new URL(base).pathname} ${kind}`;

/**
 * Runs `work` while no other tab of this site runs any of that name. It is told whether that holds: where the browser
 * has no locks, it runs at once.
 * @template T
 * @param {string} base
 * @param {string} name
 * @param {(alone: boolean) => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export function exclusive(base, name, work) {
  const { locks } = globalThis.navigator ?? {};
  if (!locks) return Promise.resolve(work(false));
  let begun = false;
  const held = /** @type {Promise<T>} */ (locks.request(cacheName(base, name), () => ((begun = true), work(true))));
  return held.catch((error) => {
    if (begun) throw error;
    return work(false); // a page that may have no locks has its reasons, and may still search
  });
}

/** Verified files on this device, or nothing where the browser keeps nothing (private windows, plain http). */
export class Store {
  /** @param {string} base */
  constructor(base) {
    this.base = base;
    this.full = false;
    /** @type {boolean | undefined} */
    this.off = false;
  }

  async cache() {
    if (this.off || typeof caches === 'undefined') return null;
    return caches.open(cacheName(this.base, 'files')).catch(() => null);
  }

  /** @param {Part} part */
  key(part) {
    return new URL(`_kept/${part.sha256}`, this.base).href;
  }

  /** @param {Part} part */
  async get(part) {
    const kept = await (await this.cache())?.match(this.key(part)).catch(() => null);
    return kept ? new Uint8Array(await kept.arrayBuffer()) : null;
  }

  /** @param {Part} part */
  async has(part) {
    return Boolean(await (await this.cache())?.match(this.key(part)).catch(() => null));
  }

  /** @param {Part} part @param {Uint8Array<ArrayBuffer>} bytes */
  async put(part, bytes) {
    const cache = await this.cache();
    if (!cache) return;
    const headers = { 'content-length': String(bytes.length), 'content-type': 'application/octet-stream' };
    await cache.put(this.key(part), new Response(bytes, { headers })).catch(() => {
      // No room: this visit goes on from memory.
      this.full = true;
    });
  }

  /** @param {Part} part */
  async drop(part) {
    await (await this.cache())?.delete(this.key(part)).catch(() => null);
  }
}

/** crypto.subtle exists only where the connection is trusted; elsewhere the engine's own check is the one that counts. @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  return globalThis.crypto?.subtle ? hex(await crypto.subtle.digest('SHA-256', bytes)) : null;
}

/** @param {Part} part @param {string} file @param {Uint8Array<ArrayBuffer>} bytes */
async function check(part, file, bytes) {
  if (bytes.length !== part.bytes)
    throw new DataError('mismatch', { file, expected: `${part.bytes} bytes`, got: `${bytes.length} bytes` });
  const got = await sha256(bytes);
  if (got !== null && got !== part.sha256) {
    throw new DataError('mismatch', {
      file,
      expected: `sha256 ${part.sha256.slice(0, 12)}…`,
      got: `${got.slice(0, 12)}…`,
    });
  }
}

/** What answered must be a file and not an error, or a page that a host sends for whatever it does not have. @param {Response} response @param {string} file */
function expectFile(response, file) {
  if (!response.ok) throw new DataError('status', { file, status: String(response.status) });
  if (/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) throw new DataError('page', { file });
}

/**
 * Runs `work` with a signal that also fires when it has not called its argument for `patience` ms.
 * @template T
 * @param {AbortSignal | null | undefined} signal
 * @param {number} patience
 * @param {(signal: AbortSignal, alive: () => void) => Promise<T>} work
 */
async function whileAlive(signal, patience, work) {
  const both = new AbortController(); // AbortSignal.any() is younger than the browsers that can run the search
  const stop = () => both.abort();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(stop, patience);
  };
  alive();
  signal?.addEventListener('abort', stop);
  try {
    return await work(both.signal, alive);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

// What came of files whose download broke or was paused: sha256 → {bytes, length}. A host that knows ranges sends the
// rest; any other sends the whole file again. Nothing of it is used before the whole file has been checked.
/** @type {Map<string, Partial>} */
const partials = new Map();

/**
 * The answer that goes on where `partial` ends, or one that starts over.
 * @param {string} url
 * @param {string} file
 * @param {Partial} partial
 * @param {{signal: AbortSignal, pastCache: boolean, priority?: RequestPriority}} options
 */
async function request(url, file, partial, { signal, pastCache, priority }) {
  if (partial.length && !pastCache) {
    const rest = await fetch(url, { signal, cache: 'no-store', headers: { range: `bytes=${partial.length}-` } });
    if (rest.status === 206 && rest.headers.get('content-range')?.startsWith(`bytes ${partial.length}-`)) return rest;
    if (![206, 416].includes(rest.status)) {
      // a host that knows no ranges has just sent the whole file
      expectFile(rest, file);
      partial.length = 0;
      return rest;
    }
    await rest.body?.cancel();
  }
  partial.length = 0;
  const whole = await fetch(url, { signal, priority, cache: pastCache ? 'reload' : 'default' });
  expectFile(whole, file);
  return whole;
}

/**
 * @param {string} url
 * @param {Part} part
 * @param {{signal: AbortSignal, pastCache: boolean, onBytes: (received: number) => void, onChunk: (chunk: Uint8Array<ArrayBuffer>, offset: number) => void, alive: () => void}} options
 */
async function download(url, part, { signal, pastCache, onBytes, onChunk, alive }) {
  const file = part.file;
  // A manifest may say anything, and what it says is allocated.
  if (!(part.bytes >= 0 && part.bytes <= mostBytes)) {
    throw new DataError('mismatch', {
      file,
      expected: `${mostBytes} bytes at most`,
      got: `${part.bytes} in its manifest`,
    });
  }
  const partial = partials.get(part.sha256) ?? { bytes: new Uint8Array(part.bytes), length: 0 };
  partials.set(part.sha256, partial);
  const { bytes } = partial;
  const response = await request(url, file, partial, { signal, pastCache, priority: part.priority });
  if (partial.length) onChunk(bytes.subarray(0, partial.length), 0);
  const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      alive();
      // A body longer than promised is not collected: its length alone shows that it is another file.
      if (partial.length + value.length <= bytes.length) bytes.set(value, partial.length);
      onChunk(value, partial.length);
      partial.length += value.length;
      if (partial.length > bytes.length) {
        const got = `${partial.length} bytes or more`;
        partials.delete(part.sha256);
        reader.cancel().catch(() => {});
        throw new DataError('mismatch', { file, expected: `${part.bytes} bytes`, got });
      }
      onBytes(partial.length);
    }
  } finally {
    reader.releaseLock();
  }
  partials.delete(part.sha256);
  const received = partial.length === bytes.length ? bytes : bytes.subarray(0, partial.length);
  await check(part, file, received);
  return received;
}

/** @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
const pauseFor = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

/** Faults that a later attempt may not meet: the network's, and a server's that is overloaded or being replaced. @param {DataError} error */
const mayPass = ({ code, details }) =>
  code === 'network' || (code === 'status' && /^(429|5\d\d)$/.test(details.status));

/**
 * The bytes of `part` ({file, bytes, sha256}) at `url`. `onBytes(received)` follows the download and may fall back
 * when one starts over; `onChunk(bytes, offset)` sees the bytes themselves, before they are checked, from offset 0 anew
 * for every attempt. A broken or stalled connection is taken up where it broke and a server in trouble asked again a few
 * times; a wrong hash is fetched once more, past every cache.
 * @param {string} url
 * @param {Part} part
 * @param {{store?: Store | null, signal?: AbortSignal, onBytes?: (received: number) => void, onChunk?: (chunk: Uint8Array<ArrayBuffer>, offset: number) => void, patience?: number, pause?: number}} [options]
 */
export async function fetchPart(
  url,
  part,
  { store, signal, onBytes = () => {}, onChunk = () => {}, patience = 30_000, pause = 400 } = {},
) {
  const kept = await store?.get(part);
  if (kept) {
    try {
      await check(part, part.file, kept);
      onBytes(kept.length);
      onChunk(kept, 0);
      return kept;
    } catch {
      await store?.drop(part);
    }
  }
  let damaged = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      signal?.throwIfAborted();
      const bytes = await whileAlive(signal, patience, (both, alive) =>
        download(url, part, { signal: both, onBytes, onChunk, alive, pastCache: damaged > 0 }),
      );
      await store?.put(part, bytes);
      return bytes;
    } catch (thrown) {
      onBytes(partials.get(part.sha256)?.length ?? 0);
      signal?.throwIfAborted();
      // Whatever is not ours came from the network: no connection, a cut one, or one that stalled.
      const error = thrown instanceof DataError ? thrown : new DataError('network', { file: part.file });
      if (['mismatch', 'page'].includes(error.code) && ++damaged < 2) continue;
      if (mayPass(error) && attempt < 3 && globalThis.navigator?.onLine !== false) {
        await pauseFor(pause * 4 ** attempt, signal);
        continue;
      }
      throw error;
    }
  }
}

/** The bytes of a photo of the catalog, or of an address that the page around an element gives. @param {string} url */
export async function fetchPhoto(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok)
    throw new DataError(response ? 'status' : 'network', {
      file: String(url).split('/').pop() ?? '',
      status: String(response?.status),
    });
  return new Uint8Array(await response.arrayBuffer());
}

/** The versions that this page reads, by the format that a manifest names. */
/** @type {Record<string, number[]>} */
const versions = { 'vitrine-catalog': [1, 2], 'vitrine-model': [1, 2] };

/** A manifest has no hash of its own to check: it is asked for anew, and must be what it says it is. @param {string} url @param {string} [format] @param {{patience?: number, pause?: number}} [options] */
export async function fetchManifest(url, format, { patience = 30_000, pause = 400 } = {}) {
  const file = new URL(url).pathname.split('/').pop() ?? '';
  for (let attempt = 0; ; attempt++) {
    try {
      const text = await whileAlive(null, patience, async (signal) => {
        const response = await fetch(url, { cache: 'no-cache', signal });
        expectFile(response, file);
        return response.text();
      });
      return { manifest: readManifest(text, file, format), text };
    } catch (thrown) {
      const error = thrown instanceof DataError ? thrown : new DataError('network', { file });
      const again = mayPass(error) ? 2 : ['mismatch', 'page'].includes(error.code) ? 1 : 0;
      if (attempt >= again || globalThis.navigator?.onLine === false) throw error;
      await pauseFor(pause * 4 ** attempt);
    }
  }
}

/** @param {string} text @param {string} file @param {string} [format] */
function readManifest(text, file, format) {
  let manifest;
  try {
    manifest = JSON.parse(text);
  } catch {
    throw new DataError('mismatch', { file, expected: 'JSON', got: `${text.slice(0, 20)}…` });
  }
  if (format) checkFormat(manifest, file, format);
  const isSite = file === 'site.json';
  const bad = format || isSite ? badName(manifest, isSite) : null; // any other is compared, not followed
  if (bad !== null)
    throw new DataError('mismatch', { file, expected: 'names of files beside it', got: JSON.stringify(bad) });
  return manifest;
}

/** @param {any} manifest @param {string} file @param {string} format */
function checkFormat(manifest, file, format) {
  if (manifest?.format !== format)
    throw new DataError('mismatch', { file, expected: format, got: String(manifest?.format) });
  if (!versions[format].includes(manifest.version)) {
    throw new DataError('version', { file, expected: versions[format].join(', '), got: String(manifest.version) });
  }
}
