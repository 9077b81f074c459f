// What this page keeps on the device, and the service worker that serves it without a network.
import { cacheName } from './data.js';

export const supported = typeof caches !== 'undefined';

/** The registration of this site alone: a site in a folder above has one too that covers these addresses. @param {string} base */
async function registered(base) {
  const registration = await navigator.serviceWorker?.getRegistration(base);
  return registration?.scope === base ? registration : null;
}

/** The service worker that serves this page, if it is this site's own. @param {string} base */
export function controller(base) {
  const worker = navigator.serviceWorker?.controller;
  return worker && new URL('./', worker.scriptURL).href === base ? worker : null;
}

/** The names of this site's caches. @param {string} base */
export async function ours(base) {
  const prefix = cacheName(base, '');
  return (await caches.keys()).filter((name) => name.startsWith(prefix));
}

/** Where own photos are kept (own/keep.js), and whether any are, told without the code that reads them. */
export const ownPlace = (/** @type {string} */ base) => `vitrine own ${encodeURIComponent(new URL(base).pathname)}`;

/** @param {string} base */
export async function hasOwn(base) {
  const name = ownPlace(base);
  const folder = await navigator.storage
    ?.getDirectory?.()
    .then((root) => root.getDirectoryHandle(name))
    .catch(() => null);
  if (folder) return true;
  if (!globalThis.indexedDB?.databases) return Boolean(globalThis.indexedDB);
  return indexedDB.databases().then(
    (all) => all.some((each) => each.name === name),
    () => true,
  );
}

// What is under way must not bring back what was just removed, nor keep an older service worker busy, which is only
// followed by the next one when it has nothing to do.
let ended = false;
export const isEnded = () => ended;

/** @param {string} base */
export async function remove(base) {
  ended = true;
  forgetAnswer(base);
  controller(base)?.postMessage({ type: 'forget' });
  await (await registered(base))?.unregister();
  if (supported) for (const name of await ours(base)) await caches.delete(name);
}

/** Asks the browser not to clear what is kept. Only where it decides by itself: a question out of the blue is no welcome. */
export async function persist({ asked = false } = {}) {
  const silent = 'userAgentData' in navigator; // Chromium never asks the visitor
  if ((asked || silent) && !(await navigator.storage?.persisted?.())) await navigator.storage?.persist?.();
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
      reloading = ended = true;
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

// ---- whether the model may be fetched unasked: on a connection that does not count bytes it may; on one that does, the
// visitor decides once, and browsing, filters and titles work meanwhile --------------------------------------------

/** @param {string} base */
const consentKey = (base) => `vitrine fetch ${new URL(base).pathname}`;

/** Does the connection cost the visitor by the byte, or has the browser been told to save data? */
export function metered() {
  const { saveData, type, effectiveType } = /** @type {any} */ (navigator).connection ?? {};
  return Boolean(saveData) || type === 'cellular' || /2g$/.test(effectiveType ?? '');
}

/** True where the visitor has to be asked first: a metered connection, no answer yet, and something still to fetch. @param {import('./data.js').Store} store @param {import('./data.js').Site} site @param {import('./data.js').Model} model */
export async function mustAsk(store, site, model) {
  if (!metered() || agreed(store.base)) return false;
  const has = (/** @type {import('./data.js').Part[]} */ parts) => Promise.all(parts.map((part) => store.has(part)));
  const [builds, words] = await Promise.all([has(site.wasm), has(model.parts.filter(({ part }) => part !== 'image'))]);
  return !(builds.some(Boolean) && words.every(Boolean)); // of the builds one is enough
}

/** @param {string} base */
function agreed(base) {
  try {
    return localStorage.getItem(consentKey(base)) === 'yes';
  } catch {
    return false;
  }
}

/** Remembers the answer on this device. @param {string} base */
export function agree(base) {
  try {
    localStorage.setItem(consentKey(base), 'yes');
  } catch {
    // it is asked again next time
  }
}

/** With what is kept, the answer goes too. @param {string} base */
function forgetAnswer(base) {
  try {
    localStorage.removeItem(consentKey(base));
  } catch {
    // nothing was remembered
  }
}
