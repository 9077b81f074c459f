// What this page keeps on the device, and the service worker that serves it without a network.
import { cacheName } from './data.js';

const supported = typeof caches !== 'undefined';

async function ours(base) {
  const prefix = cacheName(base, '');
  return (await caches.keys()).filter((name) => name.startsWith(prefix));
}

/** Bytes kept, from the responses' own lengths (the browser's estimate is rounded, and counts other sites under this origin). */
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

/** Drops files of earlier catalogs and models. */
export async function prune(base, hashes, photos) {
  if (!supported) return;
  const files = await caches.open(cacheName(base, 'files'));
  for (const request of await files.keys()) if (!hashes.has(request.url.split('/').pop())) await files.delete(request);
  const seen = await caches.open(cacheName(base, 'seen'));
  for (const request of await seen.keys()) if (/\.(jpe?g|png|webp)$/.test(request.url) && !photos.has(request.url)) await seen.delete(request);
}

export async function remove(base) {
  navigator.serviceWorker?.controller?.postMessage({ type: 'forget' });
  const registration = await navigator.serviceWorker?.getRegistration(base);
  await registration?.unregister();
  if (supported) for (const name of await ours(base)) await caches.delete(name);
}

export async function keepPhotos(base, urls, onProgress) {
  await navigator.storage?.persist?.();
  const cache = await caches.open(cacheName(base, 'seen'));
  let done = 0;
  const queue = [...urls];
  const work = async () => {
    for (let url = queue.pop(); url; url = queue.pop()) {
      if (!(await cache.match(url))) await cache.add(url);
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: 6 }, work));
}

/**
 * Registers the service worker of this build; `onUpdate(apply)` when a newer one waits. `seen()` lists what was
 * fetched before it took over: those files are in the browser's own cache and go into ours from there.
 */
export async function serve(base, version, { onUpdate, seen }) {
  const container = navigator.serviceWorker;
  if (!container) return;
  const controlled = Boolean(container.controller);
  const tell = () => container.controller?.postMessage({ type: 'keep', urls: seen() });
  let reloading = false;
  container.addEventListener('controllerchange', () => {
    if (reloading) location.reload();
    else tell();
  });
  const registration = await container.register(new URL(`sw.js?v=${encodeURIComponent(version)}`, base), { scope: base, updateViaCache: 'none' }).catch(() => null);
  if (!registration) return;
  const offer = (worker) => {
    onUpdate(() => {
      reloading = true;
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
