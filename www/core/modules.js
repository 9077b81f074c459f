// Runs only what this build was made with: modules for workers, each checked against the hash that the signed page gives
// it (see ui/verified.js). A page around the element lists none: its own host answers for what it loads.

/** @param {string} file */
export const changed = (file) =>
  Object.assign(
    new Error(`fetching ${file}: expected the file that this page was built with, got another; load the page anew`),
    { code: 'later', details: { file } },
  );

/** The specifier of a static import, each of which begins or ends on a line of its own (as `src/site/modules.rs` reads them). */
const imports = /^((?:import |(?:import|export) [^'"\n]*? from |\} from )['"])(\.{1,2}\/[^'"\n]+)(?=['"])/gm;

/**
 * Modules for workers. A worker knows no `integrity` for what it imports, so each module is fetched as text, checked by
 * the browser against its hash, and run from a blob that holds those very bytes, with its imports led to blobs made alike.
 * A worker from a blob also keeps the page's policy, which one from an address has only if its host sends headers.
 */
export class Modules {
  /** `table`: path → hash; with an empty one modules come from their addresses. `linked`: what was made before. @param {string} base @param {Record<string, string>} [table] @param {Record<string, string>} [linked] */
  constructor(base, table = {}, linked = {}) {
    this.base = base;
    this.table = table;
    this.linked = new Map(Object.entries(linked)); // path → the address that it runs from
    /** @type {Map<string, Promise<string>>} */
    this.linking = new Map(); // the same, of those that were asked for and are on their way
    this.checks = Object.keys(table).length > 0;
  }

  /** What another thread needs to go on with the same modules. */
  get shared() {
    return { base: this.base, table: this.table, linked: Object.fromEntries(this.linked) };
  }

  /** @param {{base: string, table: Record<string, string>, linked: Record<string, string>}} shared */
  static from({ base, table, linked }) {
    return new Modules(base, table, linked);
  }

  /** The address to start or import `file` from. @param {string} file @param {string[]} [above] @returns {Promise<string>} */
  async url(file, above = []) {
    if (!this.checks) return new URL(file, this.base).href;
    if (above.includes(file))
      throw new Error(`linking ${file}: expected no circle of imports, got ${[...above, file].join(' → ')}`);
    const known = this.linked.get(file);
    if (known) return known;
    // one that is imported by one on its way must not wait for that
    const made = above.length ? this.link(file, above) : (this.linking.get(file) ?? this.link(file, above));
    if (!above.length) this.linking.set(file, made);
    try {
      this.linked.set(file, await made);
      return made;
    } finally {
      this.linking.delete(file);
    }
  }

  /** @param {string} file @param {string[]} above */
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

  /** The hash tells whether a copy is right, so that no host is asked for one that is here. A wrong file is fetched once more past every cache, as the files of manifests are. @param {string} file */
  async text(file) {
    const [url, integrity] = [new URL(file, this.base).href, this.table[file]];
    if (!integrity) throw changed(file);
    for (const cache of /** @type {RequestCache[]} */ (['force-cache', 'reload'])) {
      const response = await fetch(url, { integrity, cache }).catch(() => null);
      if (response?.ok) return response.text();
    }
    // The browser does not tell another file from no connection.
    const there = await fetch(url).catch(() => null);
    if (!there)
      throw Object.assign(new Error(`fetching ${file}: expected an answer, got no connection`), {
        code: 'network',
        details: { file },
      });
    throw changed(file);
  }

  /**
   * The address to start a worker from. It must be of the page's own origin: a file from elsewhere is reached through a
   * small one made here, which the page's policy must allow (worker-src blob: and that origin) and the other origin share.
   * @param {string} file
   */
  async worker(file) {
    const url = await this.url(file);
    if (this.checks) return `${url}#${file}`; // so that a debugger names it
    if (new URL(url).origin === globalThis.origin) return url;
    return URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: 'text/javascript' }));
  }

  /** @param {string} file */
  async import(file) {
    return import(await this.url(file));
  }

  /** Lets go of the blobs, once nothing will import them any more. */
  release() {
    for (const url of this.linked.values()) if (url.startsWith('blob:')) URL.revokeObjectURL(url);
    this.linked.clear();
  }
}
