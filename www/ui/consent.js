// Whether the model may be fetched unasked: on a connection that does not count bytes it may; on one that does, the
// visitor decides once, and browsing, filters and titles work meanwhile.

const key = (base) => `vitrine fetch ${new URL(base).pathname}`;

/** Does the connection cost the visitor by the byte, or has the browser been told to save data? */
export function metered() {
  const { saveData, type, effectiveType } = navigator.connection ?? {};
  return Boolean(saveData) || type === 'cellular' || /2g$/.test(effectiveType ?? '');
}

/** True where the visitor has to be asked first: a metered connection, no answer yet, and something still to fetch. */
export async function mustAsk(store, site, model) {
  if (!metered() || agreed(store.base)) return false;
  const has = (parts) => Promise.all(parts.map((part) => store.has(part)));
  const [builds, words] = await Promise.all([has(site.wasm), has(model.parts.filter(({ part }) => part !== 'image'))]);
  return !(builds.some(Boolean) && words.every(Boolean)); // of the builds one is enough
}

function agreed(base) {
  try {
    return localStorage.getItem(key(base)) === 'yes';
  } catch {
    return false;
  }
}

/** Remembers the answer on this device. */
export function agree(base) {
  try {
    localStorage.setItem(key(base), 'yes');
  } catch {
    // it is asked again next time
  }
}

/** With what is kept, the answer goes too. */
export function forgetAnswer(base) {
  try {
    localStorage.removeItem(key(base));
  } catch {
    // nothing was remembered
  }
}
