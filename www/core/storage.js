// What this page keeps on the device, as far as it must know from the start; kept.js does the rest.
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
export const end = () => void (ended = true);

/** @param {string} base */
export async function remove(base) {
  end();
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
