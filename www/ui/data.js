// Files named by a manifest: fetched as a stream, checked against their sha256 before anything sees or keeps them,
// and kept by hash so that the next visit needs no network. Used by the page and by the worker.

export class DataError extends Error {
  constructor(code, details) {
    super(`${code}: ${details.file}`);
    this.code = code;
    this.details = details;
  }
}

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Cache names carry the site's path: two sites under one origin keep their files apart. */
export const cacheName = (base, kind) => `vitrine ${new URL(base).pathname} ${kind}`;

/** Verified files on this device, or nothing where the browser keeps nothing (private windows, plain http). */
export class Store {
  constructor(base) {
    this.base = base;
    this.full = false;
    this.off = false;
  }

  async cache() {
    if (this.off || typeof caches === 'undefined') return null;
    return caches.open(cacheName(this.base, 'files')).catch(() => null);
  }

  key(part) {
    return new URL(`_kept/${part.sha256}`, this.base).href;
  }

  async get(part) {
    const kept = await (await this.cache())?.match(this.key(part)).catch(() => null);
    return kept ? new Uint8Array(await kept.arrayBuffer()) : null;
  }

  async put(part, bytes) {
    const cache = await this.cache();
    if (!cache) return;
    const headers = { 'content-length': String(bytes.length), 'content-type': 'application/octet-stream' };
    await cache.put(this.key(part), new Response(bytes, { headers })).catch(() => {
      // No room: this visit goes on from memory.
      this.full = true;
    });
  }

  async drop(part) {
    await (await this.cache())?.delete(this.key(part)).catch(() => null);
  }
}

/** crypto.subtle exists only where the connection is trusted; elsewhere the engine's own check is the one that counts. */
async function sha256(bytes) {
  return globalThis.crypto?.subtle ? hex(await crypto.subtle.digest('SHA-256', bytes)) : null;
}

async function check(part, file, bytes) {
  if (bytes.length !== part.bytes) throw new DataError('mismatch', { file, expected: `${part.bytes} bytes`, got: `${bytes.length} bytes` });
  const got = await sha256(bytes);
  if (got !== null && got !== part.sha256) {
    throw new DataError('mismatch', { file, expected: `sha256 ${part.sha256.slice(0, 12)}…`, got: `${got.slice(0, 12)}…` });
  }
}

async function download(url, part, { signal, pastCache, onBytes }) {
  const file = part.file;
  const response = await fetch(url, { signal, cache: pastCache ? 'reload' : 'default' }).catch((error) => {
    throw error.name === 'AbortError' ? error : new DataError('network', { file });
  });
  if (!response.ok) throw new DataError('status', { file, status: String(response.status) });
  const bytes = new Uint8Array(part.bytes);
  let length = 0;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      // A body longer than promised is not collected: its length alone shows that it is another file.
      if (length + value.length <= bytes.length) bytes.set(value, length);
      length += value.length;
      if (length > bytes.length) {
        await reader.cancel();
        throw new DataError('mismatch', { file, expected: `${part.bytes} bytes`, got: `${length} bytes or more` });
      }
      onBytes(length);
    }
  } catch (error) {
    throw error instanceof DataError || error.name === 'AbortError' ? error : new DataError('network', { file });
  }
  const received = length === bytes.length ? bytes : bytes.subarray(0, length);
  await check(part, file, received);
  return received;
}

const pauseFor = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

/**
 * The bytes of `part` ({file, bytes, sha256}) at `url`. `onBytes(received)` follows the download and may fall back
 * to 0 when one starts over. A broken connection is tried again a few times, a wrong hash once, past every cache.
 */
export async function fetchPart(url, part, { store, signal, onBytes = () => {} } = {}) {
  const kept = await store?.get(part);
  if (kept) {
    try {
      await check(part, part.file, kept);
      onBytes(kept.length);
      return kept;
    } catch {
      await store.drop(part);
    }
  }
  let damaged = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      const bytes = await download(url, part, { signal, onBytes, pastCache: damaged > 0 });
      await store?.put(part, bytes);
      return bytes;
    } catch (error) {
      onBytes(0);
      if (error.code === 'mismatch' && ++damaged < 2) continue;
      if (error.code === 'network' && attempt < 3 && globalThis.navigator?.onLine !== false) {
        await pauseFor(400 * 4 ** attempt, signal);
        continue;
      }
      throw error;
    }
  }
}

/** A manifest has no hash of its own to check: it is asked for anew, and must be what it says it is. */
export async function fetchManifest(url, format) {
  const file = new URL(url).pathname.split('/').pop();
  const response = await fetch(url, { cache: 'no-cache' }).catch(() => {
    throw new DataError('network', { file });
  });
  if (!response.ok) throw new DataError('status', { file, status: String(response.status) });
  const text = await response.text();
  let manifest;
  try {
    manifest = JSON.parse(text);
  } catch {
    throw new DataError('mismatch', { file, expected: 'JSON', got: `${text.slice(0, 20)}…` });
  }
  if (format && (manifest.format !== format || manifest.version !== 1)) {
    throw new DataError('mismatch', { file, expected: `${format} version 1`, got: `${manifest.format} version ${manifest.version}` });
  }
  return { manifest, text };
}
