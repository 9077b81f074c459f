// Runs only what this build was made with. `vitrine site` lists the page's modules in the signed page with their hashes:
// <link rel="modulepreload"> for those of the start, <link rel="later"> for deferred ones and for those of the workers.
// A page around the element lists none: its own host answers for what it loads.

/** path below the page → the hash that the signed page gives it, as `integrity` writes it. */
export function listed() {
  if (typeof document === 'undefined') return {};
  const links = document.querySelectorAll('link[integrity]:is([rel="modulepreload"], [rel="later"])');
  return Object.fromEntries(Array.from(links, (link) => [link.getAttribute('href'), link.integrity]));
}

const changed = (file) =>
  Object.assign(new Error(`fetching ${file}: expected the file that this page was built with, got another; load the page anew`), { code: 'later', details: { file } });

/** Makes sure that the listed deferred modules whose names start so are here and verified, before the page imports them. */
export async function verified(start) {
  if (typeof document === 'undefined') return;
  await Promise.all(Array.from(document.querySelectorAll(`link[rel="later"][href^="ui/${start}"]`), arrived));
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

/** The specifier of a static import, each of which begins or ends on a line of its own (as `src/site/modules.rs` reads them). */
const imports = /^((?:import |(?:import|export) [^'"\n]*? from |\} from )['"])(\.{1,2}\/[^'"\n]+)(?=['"])/gm;

/**
 * Modules for workers. A worker knows no `integrity` for what it imports, so each module is fetched as text, checked by
 * the browser against its hash, and run from a blob that holds those very bytes, with its imports led to blobs made alike.
 * A worker from a blob also keeps the page's policy, which one from an address has only if its host sends headers.
 */
export class Modules {
  /** `table`: see listed(); with an empty one modules come from their addresses. `linked`: what was made before. */
  constructor(base, table = listed(), linked = {}) {
    Object.assign(this, { base, table, linked: new Map(Object.entries(linked)) });
    this.checks = Object.keys(table).length > 0;
  }

  /** What another thread needs to go on with the same modules. */
  get shared() {
    return { base: this.base, table: this.table, linked: Object.fromEntries(this.linked) };
  }

  static from({ base, table, linked }) {
    return new Modules(base, table, linked);
  }

  /** The address to start or import `file` from. */
  async url(file, above = []) {
    if (!this.checks) return new URL(file, this.base).href;
    if (above.includes(file)) throw new Error(`linking ${file}: expected no circle of imports, got ${[...above, file].join(' → ')}`);
    if (!this.linked.has(file)) this.linked.set(file, await this.link(file, above));
    return this.linked.get(file);
  }

  async link(file, above) {
    const text = await this.text(file);
    const there = new Map();
    for (const [, , specifier] of text.matchAll(imports)) {
      const named = new URL(specifier, new URL(file, this.base)).href.slice(this.base.length);
      there.set(specifier, await this.url(named, [...above, file]));
    }
    const source = text.replace(imports, (_, start, specifier) => start + there.get(specifier));
    return URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  }

  /** A wrong file is fetched once more past every cache, as the files of manifests are. */
  async text(file) {
    const [url, integrity] = [new URL(file, this.base).href, this.table[file]];
    if (!integrity) throw changed(file);
    for (const cache of ['default', 'reload']) {
      const response = await fetch(url, { integrity, cache }).catch(() => null);
      if (response?.ok) return response.text();
    }
    // The browser does not tell another file from no connection.
    const there = await fetch(url).catch(() => null);
    if (!there) throw Object.assign(new Error(`fetching ${file}: expected an answer, got no connection`), { code: 'network', details: { file } });
    throw changed(file);
  }

  /**
   * The address to start a worker from. It must be of the page's own origin: a file from elsewhere is reached through a
   * small one made here, which the page's policy must allow (worker-src blob: and that origin) and the other origin share.
   */
  async worker(file) {
    const url = await this.url(file);
    if (this.checks) return `${url}#${file}`; // so that a debugger names it
    if (new URL(url).origin === globalThis.origin) return url;
    return URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: 'text/javascript' }));
  }

  async import(file) {
    return import(await this.url(file));
  }

  /** Lets go of the blobs, once nothing will import them any more. */
  release() {
    for (const url of this.linked.values()) if (url.startsWith('blob:')) URL.revokeObjectURL(url);
    this.linked.clear();
  }
}
