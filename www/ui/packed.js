// How pictures get photos that are in packs: a pack is fetched when one of its cards comes into view, and the photo is cut
// out of it. For pages and elements of sites that have packs.

/** @typedef {import('../core/catalog.js').Item} Item */

const near = '300px'; // below what is in view

/** @param {import('../core/catalog.js').Catalog} catalog */
export function drawPacked(catalog) {
  const { packs } = catalog;
  if (!packs) return;
  /** @type {WeakMap<HTMLImageElement, () => void>} */
  const waiting = new WeakMap();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        waiting.get(/** @type {HTMLImageElement} */ (target))?.();
      }
    },
    { rootMargin: near },
  );

  /** @param {HTMLImageElement} image @param {Blob} blob */
  const show = (image, blob) => {
    const source = URL.createObjectURL(blob);
    const done = () => URL.revokeObjectURL(source);
    for (const type of ['load', 'error']) image.addEventListener(type, done, { once: true });
    image.loading = 'eager'; // one that waits would hold its address
    image.src = source;
  };

  /** The small copy at once, as its pack is mostly here; then the larger one. @param {HTMLImageElement} image @param {Item} item @param {boolean} large */
  const fill = async (image, item, large) => {
    try {
      show(image, /** @type {Blob} */ (await packs.photo(item)));
    } catch {
      if (!large) image.dispatchEvent(new Event('error')); // shown as missing
    }
    const larger = large && (await packs.photo(item, true).catch(() => null));
    if (larger) show(image, larger);
  };

  catalog.draw = (image, item, large = false) => {
    const source = catalog.photo(item);
    const run = () => void fill(image, item, large);
    if (source !== 'data:,') image.src = source;
    else if (image.loading !== 'lazy') run();
    else (waiting.set(image, run), observer.observe(image));
  };
}
