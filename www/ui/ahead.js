// Begins what takes longest before the page's other modules are here: a visitor who comes with a query waits for the search.
import { listed } from './verified.js';
import { fetchManifest } from '../core/data.js';
import { Engine } from '../core/engine.js';
import { metered } from '../core/storage.js';

const base = new URL('./', document.baseURI).href;
const { hash, search } = location;

// The page names its build, so that a service worker gives it the site.json that belongs to it.
const named = /** @type {HTMLLinkElement | null} */ (
  document.querySelector('link[rel="preload"][href^="site.json?v="]')
);
export const site = fetchManifest(named?.href ?? new URL('site.json', base).href).then(({ manifest }) => manifest);
site.catch(() => {}); // told where it is awaited

/** @type {Engine | null} */
let begun = null;
if (/[#?&](q|like)=./.test(search + hash) && !metered()) {
  const engine = (begun = new Engine(base, listed()));
  const begin = (site) => engine.call('ahead', { base, site, build: new URLSearchParams(search).get('build') });
  site.then(begin).catch(() => {}); // begun again by what it was begun for
}

/** The engine that was begun, if there is one that nobody took. */
export function begunEngine() {
  const engine = begun;
  begun = null;
  return engine;
}
