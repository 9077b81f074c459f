// Deferred modules of the page. `vitrine site` lists the page's modules in the signed page with their hashes:
// <link rel="modulepreload"> for those of the start, <link rel="later"> for deferred ones and for those of the workers.
import { changed } from '../core/modules.js';

/** path below the page → the hash that the signed page gives it, as `integrity` writes it. */
export function listed() {
  const links = /** @type {NodeListOf<HTMLLinkElement>} */ (
    document.querySelectorAll('link[integrity]:is([rel="modulepreload"], [rel="later"])')
  );
  return Object.fromEntries(Array.from(links, (link) => [link.getAttribute('href'), link.integrity]));
}

/** Makes sure that the listed deferred modules whose names start so are here and verified, and how they look, before the page imports them. */
export async function verified(start) {
  if (typeof document === 'undefined') return;
  // sentences and the catalog's reader are wanted before anything deferred is drawn
  const drawn = /^ui\/(?!strings)/.test(start) ? ['ui/deferred.css'] : [];
  const wanted = [start, ...drawn].map((name) => `link[rel="later"][href^="${name}"]`);
  await Promise.all(Array.from(document.querySelectorAll(wanted.join()), arrived));
}

function arrived(link) {
  const rel = link.getAttribute('href').endsWith('.css') ? 'stylesheet' : 'modulepreload';
  if (!link.relList.supports(rel)) return null; // an older browser, which fetches it without the check
  return new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = () => {
      const again = link.cloneNode();
      again.rel = 'later';
      link.replaceWith(again);
      reject(changed(link.getAttribute('href')));
    };
    link.rel = rel;
  });
}
