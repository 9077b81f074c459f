// Whether the model may be fetched unasked: on a connection that does not count bytes it may; on one that does, the
// visitor decides once, and browsing, filters and titles work meanwhile.

/** @param {string} base */
const key = (base) => `vitrine fetch ${new URL(base).pathname}`;

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
    return localStorage.getItem(key(base)) === 'yes';
  } catch {
    return false;
  }
}

/** Remembers the answer on this device. @param {string} base */
export function agree(base) {
  try {
    localStorage.setItem(key(base), 'yes');
  } catch {
    // it is asked again next time
  }
}

/** With what is kept, the answer goes too. @param {string} base */
export function forgetAnswer(base) {
  try {
    localStorage.removeItem(key(base));
  } catch {
    // nothing was remembered
  }
}
