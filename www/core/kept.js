// What is kept on the device: how much, what of it is old, photos that are kept before they are seen, and the service worker
// that serves the page without a network.
import { cacheName } from './data.js';
import { controller, end, isEnded, ours, supported } from './storage.js';

/** Bytes kept, from the responses' own lengths (the browser's estimate is rounded, and counts other sites under this origin). @param {string} base */
export async function used(base) {
  if (!supported) return null;
  let bytes = 0;
  for (const name of await ours(base)) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const response = await cache.match(request);
      if (!response) continue;
      const stated = Number(response.headers.get('content-length'));
      // A compressed file's stated length is that of the wire, close enough to what a browser keeps.
      bytes += stated || (await response.blob()).size;
    }
  }
  return bytes;
}

/** Drops files of earlier catalogs and models. @param {string} base @param {Set<string>} hashes @param {{has(url: string): boolean}} photos */
export async function prune(base, hashes, photos) {
  if (!supported) return;
  const files = await caches.open(cacheName(base, 'files'));
  for (const request of await files.keys())
    if (!hashes.has(request.url.split('/').pop() ?? '')) await files.delete(request);
  const seen = await caches.open(cacheName(base, 'seen'));
  for (const request of await seen.keys())
    if (/\.(jpe?g|png|webp)$/.test(request.url) && !photos.has(request.url)) await seen.delete(request);
}

const modest = 24e6; // bytes of photos that are kept without being asked for

/** Whether all photos together are few enough bytes to be kept unasked, judged by those that were seen. @param {number} count */
export function isModest(count) {
  const sizes = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('resource')).flatMap(
    ({ initiatorType, encodedBodySize }) => (initiatorType === 'img' && encodedBodySize ? [encodedBodySize] : []),
  );
  const mean = sizes.reduce((sum, bytes) => sum + bytes, 0) / sizes.length;
  return count * mean <= modest; // with none seen yet this is false
}

/** Keeps a photo, and nothing that a host sends in its place; one that cannot be had now is asked for when it is seen. @param {Cache} cache @param {string} url */
async function keepPhoto(cache, url) {
  const response = await fetch(url).catch(() => null);
  const fits =
    response?.status === 200 &&
    !response.redirected &&
    response.type === 'basic' &&
    /^image\//i.test(response.headers.get('content-type') ?? '');
  if (response && fits) await cache.put(url, response);
}

/** @param {string} base @param {string[]} urls @param {(done: number) => void} [onProgress] @param {{workers?: number}} [options] */
export async function keepPhotos(base, urls, onProgress = () => {}, { workers = 6 } = {}) {
  const cache = await caches.open(cacheName(base, 'seen'));
  let done = 0;
  const queue = [...urls];
  const work = async () => {
    for (let url = queue.pop(); url && !isEnded(); url = queue.pop()) {
      if (!(await cache.match(url))) await keepPhoto(cache, url);
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
}

/**
 * Reloads the page once, for a host that sends no headers, so that the service worker can give it isolation. Never
 * twice in a tab, whatever comes of it, and never where the browser remembers nothing to tell the second time by.
 * @param {string} base
 */
function isolateOnce(base) {
  if (globalThis.crossOriginIsolated) return;
  const key = `vitrine isolated ${new URL(base).pathname}`;
  try {
    if (sessionStorage.getItem(key)) return;
    sessionStorage.setItem(key, '1');
    if (sessionStorage.getItem(key) !== '1') return;
  } catch {
    return;
  }
  location.reload();
}

/**
 * Registers the service worker of this build and language; `onUpdate(apply)` when a newer one waits. `seen()` lists what was
 * fetched before it took over: those files are in the browser's own cache and go into ours from there. `mayReload()`
 * says whether a page that the host sends without isolation may be loaded again to get it.
 * @param {string} base
 * @param {{version: string, shown: string, language: string}} build
 * @param {{onUpdate: (apply: () => void) => void, seen: () => string[], mayReload: () => boolean}} options
 */
export async function serve(base, { version, shown, language }, { onUpdate, seen, mayReload }) {
  const container = navigator.serviceWorker;
  if (!container) return;
  const controlled = Boolean(controller(base));
  const tell = () => controller(base)?.postMessage({ type: 'keep', urls: seen() });
  let reloading = false;
  container.addEventListener('controllerchange', () => {
    if (!controller(base)) return;
    if (reloading) location.reload();
    else if (mayReload()) isolateOnce(base);
    else tell();
  });
  const address = new URL(`sw.js?${new URLSearchParams({ v: version, l: language })}`, base);
  const registration = await container.register(address, { scope: base, updateViaCache: 'none' }).catch(() => null);
  if (!registration) return;
  const build = (/** @type {ServiceWorker | null} */ worker) =>
    worker && new URL(worker.scriptURL).searchParams.get('v');
  const offer = (/** @type {ServiceWorker} */ worker) => {
    // The same build in another language changes nothing that is open, and this page may be of the newer one already.
    if ([build(controller(base)), shown].includes(build(worker))) return worker.postMessage({ type: 'take over' });
    onUpdate(() => {
      reloading = true;
      end();
      worker.postMessage({ type: 'take over' });
    });
  };
  if (registration.waiting && controlled) offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => worker.state === 'installed' && controlled && offer(worker));
  });
  tell();
  // Photos still under way when the worker took over are not in the first list.
  setTimeout(tell, 4000);
}
