// The catalog as the page knows it without any model: products, filters with counts, plain word matching,
// and the nearest products that were computed ahead.
import { fetchManifest, fetchPart, fetchPhoto } from './data.js';
import { held, isPhotoName } from './names.js';
import { ownId } from './state.js';

/** @typedef {import('./data.js').Part} Part */
/** @typedef {import('./data.js').Manifest} Manifest */
/** @typedef {Record<string, string[]>} Facets   the values chosen of each facet */
/** @typedef {{name: string, values: string[], codes: Map<string, number>, of: number[], further: Map<number, number[]>}} Facet   `of`: row → code of its value, or -1; `further`: row → codes of its other values */
/** @typedef {{row: number, score?: number, words?: number, cosine?: number, found?: number, shared?: number}} Hit   `words`: the share of the score that the shop's words give */
/**
 * @typedef {object} Item   a product as the catalog holds it; with `own`, a visitor's own photo
 * @property {string} id
 * @property {string} title
 * @property {string} photo
 * @property {number} width
 * @property {number} height
 * @property {string} [link]
 * @property {string} [price]
 * @property {string} [brand]
 * @property {string} [tone]
 * @property {string} [blur]
 * @property {number} [same_as]
 * @property {Record<string, string>} [attributes]
 * @property {Record<string, string[]>} [further]   other values of attributes that have several
 * @property {string} [product]   id of the product, where it has several photos
 * @property {{now: string, was?: string, to?: string, currency?: string}} [offer]   the price in parts
 * @property {boolean} [in_stock]
 * @property {boolean} [own]
 * @property {Blob} [blob]
 * @property {string} [source]
 */
/**
 * @typedef {object} Filter   which products a search may find; null where all are allowed
 * @property {ArrayLike<number>} rows   those that pass, as far as they are known here
 * @property {unknown} asked   the same for the worker
 */

/** @param {ArrayLike<number>} rows @returns {Filter}   exactly these rows */
export const exactly = (rows) => ({ rows, asked: Uint32Array.from(rows) });

export const fold = (/** @type {string} */ text) => text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');
// "dresses" finds "dress": enough for a stand-in, and never more than a stand-in.
export const stem = (/** @type {string} */ word) =>
  word.length > 3 ? word.replace(/(?<=s|x|ch|sh)es$|(?<!s)s$/, '') : word;
/** @param {string} text @returns {string[]} */
const tokens = (text) => fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];
/** Every value of a product's attribute. @param {Item} item @param {string} name @returns {string[]} */
export const valuesOf = (item, name) => {
  const [first, further] = [held(item.attributes, name), held(item.further, name)];
  return [...(typeof first === 'string' ? [first] : []), ...(Array.isArray(further) ? further : [])];
};
/** The words of a product's title and details. @param {Item} item */
export const wordsOf = (item) => {
  const values = [...Object.values(item.attributes ?? {}), ...Object.values(item.further ?? {}).flat()];
  return new Set(tokens(`${item.title} ${values.join(' ')}`).map(stem));
};

// What people look for first comes first; the rest stays in the catalog's order.
const first = [/^(category|type|article)/i, /^(base)?colou?r/i, /pattern/i];
// What words can change about the look of a product, as against whom or what it is for.
const looks = /colou?r|pattern|print|sleeve|neck|length|fit|fabric|material|closure|heel|style|shape/i;

// Photos that lead to one page show one product, unless so many do that the page must be the shop's own.
const fewPhotos = 12;

/** What photos of one product have in common: its id where the feed says it, and else its page. @param {Item} item */
const pageOf = (item) => (item.product === undefined ? item.link || undefined : `product ${item.product}`);
/** The codes of all values that a row has. @param {Pick<Facet, 'of' | 'further'>} facet @param {number} row */
const codesOf = (facet, row) => [facet.of[row], ...(facet.further.get(row) ?? [])];

const place = (/** @type {{name: string}} */ { name }) => {
  const at = first.findIndex((pattern) => pattern.test(name));
  return at < 0 ? first.length : at;
};
/** @param {import('./data.js').FacetEntry[]} facets */
const inOrder = (facets) => [...facets].sort((a, b) => place(a) - place(b));

export class Catalog {
  /** @type {Item[]} */
  items = [];
  /** @type {import('./data.js').Store | null} */
  store = null;
  /** @type {import('./packs.js').Packs | undefined} */
  packs;
  /** @type {Map<string, number>} id → row */
  ids = new Map();
  /** @type {Map<string, {first: number, n: number}>} a product's page → its first row and how many photos lead there */
  links = new Map();
  /** @type {Set<string>[]} row → the words of its product */
  words = [];
  /** @type {Promise<DataView | null> | null} */
  near = null;

  /** @param {string} base @param {Manifest} manifest @param {string} text   of the manifest */
  constructor(base, manifest, text = '') {
    this.base = base;
    this.manifest = manifest;
    this.text = text;
    /** @type {Facet[]} */
    this.facets = inOrder(manifest.facets ?? []).map(({ name, values }) => ({
      name,
      values: values.map(({ value }) => value),
      codes: new Map(values.map(({ value }, code) => [value, code])),
      of: [],
      further: new Map(),
    }));
  }

  /** `fetched(module)` makes sure that a deferred module is here; a page around the element needs nothing of the kind. @param {string} base @param {(module: string) => Promise<void>} [fetched] @returns {Promise<Catalog>} */
  static async open(base, fetched = async () => {}) {
    const { manifest, text } = await fetchManifest(new URL('catalog.json', base).href, 'vitrine-catalog');
    let Kind = Catalog;
    if (manifest.cells) {
      await fetched('core/clustered.js');
      Kind = (await import('./clustered.js')).Clustered;
    }
    const catalog = new Kind(base, manifest, text);
    // the page of such a site has it from the start
    if (manifest.packs) (await import('./packs.js')).packed(catalog);
    return catalog;
  }

  /** Reads the products, shard by shard in row order; `onItems` runs as soon as there is more to show. @param {import('./data.js').Store} store @param {() => void} onItems */
  async load(store, onItems) {
    this.store = store;
    for (const { items } of this.manifest.shards) {
      for (const item of await this.json(items)) this.add(item);
      onItems();
    }
  }

  /** The nearest products of all, fetched when they are first wanted; null where there are none to show. @returns {Promise<DataView | null>} */
  nearby() {
    const { neighbours: part, count } = this.manifest;
    if (!part?.file) return Promise.resolve(null);
    this.near ??= this.bytes(part).then(({ buffer, byteOffset, byteLength }) =>
      byteLength === 4 * part.k * count ? new DataView(buffer, byteOffset, byteLength) : null,
    );
    this.near.catch(() => (this.near = null));
    return this.near;
  }

  /** @param {Part} part */
  bytes(part) {
    return fetchPart(new URL(part.file, this.base).href, part, { store: this.store });
  }

  /** @param {Part} part @returns {Promise<any>} */
  async json(part) {
    return JSON.parse(new TextDecoder().decode(await this.bytes(part)));
  }

  /** @param {Item} item @param {number} [row] */
  add(item, row = this.items.length) {
    this.items[row] = item;
    this.ids.set(item.id, row);
    const shown = pageOf(item);
    if (shown !== undefined) {
      const { first, n } = this.links.get(shown) ?? { first: row, n: 0 };
      this.links.set(shown, { first, n: n + 1 });
    }
    this.words[row] = wordsOf(item);
    for (const facet of this.facets) {
      const [first = -1, ...further] = valuesOf(item, facet.name).map((value) => facet.codes.get(value) ?? -1);
      facet.of[row] = first;
      if (further.length) facet.further.set(row, further);
    }
  }

  get size() {
    return this.items.length;
  }

  /** The row of a product, or undefined. @param {string} id @returns {number | undefined} */
  rowOf(id) {
    return this.ids.get(id);
  }

  /** Makes sure that the products of hits are here. @param {Hit[]} _hits */
  async bring(_hits) {} // all are

  /** The row of a product that is then here, or undefined where there is none of that id. @param {string} id */
  async product(id) {
    const row = this.rowOf(id);
    if (row !== undefined) await this.bring([{ row }]);
    return row;
  }

  /** Rows whose products are here. @returns {Iterable<number>} */
  known() {
    return this.items.keys();
  }

  /** A visitor's own photos stand behind the catalog's rows: {item, copy} each, the photo as a Blob. @param {{item: Item, copy: Blob}[]} records */
  addOwn(records) {
    for (const { item, copy } of records)
      this.add({ ...item, id: ownId(item.id), own: true, blob: copy, source: URL.createObjectURL(copy) });
  }

  clearOwn() {
    const { count } = this.manifest;
    for (const { id, source } of this.items.splice(count)) {
      this.ids.delete(id);
      if (source) URL.revokeObjectURL(source);
    }
    this.words.length = count;
    for (const facet of this.facets) facet.of.length = count;
  }

  /** Makes sure that a product to look like is here. @param {number} row */
  async refer(row) {
    await this.bring([{ row }]);
  }

  /** Gives a picture its photo; with a third argument that is true as good a one as there is. @param {HTMLImageElement} image @param {Item} item */
  draw(image, item) {
    image.src = this.photo(item);
  }

  /** The file of a product's photo. @param {Item} item @returns {Promise<Uint8Array<ArrayBuffer>>} */
  async photoBytes(item) {
    return item.blob ? new Uint8Array(await item.blob.arrayBuffer()) : fetchPhoto(this.photo(item));
  }

  /** Addresses of all photos of the catalog's own. */
  photos() {
    return this.items.filter(({ own }) => !own).map((item) => this.photo(item));
  }

  /** @param {Item} item @returns {string} */
  photo(item) {
    if (item.source) return item.source;
    if (!isPhotoName(item.photo)) return 'data:,'; // shown as missing, and asked of nobody
    return new URL((this.manifest.photos ?? 'photos/') + item.photo, this.base).href;
  }

  /**
   * The products that pass the chosen facets and hold none of the words in `without`; null stands for all of them.
   * `_find`: nothing but this filter is asked for, so it must name rows.
   * @param {Facets} selected
   * @param {string[]} [without]
   * @param {boolean} [_find]
   * @returns {Promise<Filter | null>}
   */
  async filter(selected, without = [], _find = true) {
    const tests = this.tests(selected);
    const banned = without.map((word) => stem(fold(word)));
    if (!tests.length && !banned.length) return null;
    const rows = [];
    for (let row = 0; row < this.size; row++) {
      if (
        tests.every(({ facet, codes }) => codesOf(facet, row).some((code) => codes.has(code))) &&
        !banned.some((word) => this.words[row].has(word))
      )
        rows.push(row);
    }
    return exactly(rows);
  }

  /** @param {Facets} selected */
  tests(selected) {
    return this.facets
      .filter(({ name }) => held(selected, name)?.length)
      .map((facet) => ({
        facet,
        codes: new Set(held(selected, facet.name)?.map((value) => facet.codes.get(value) ?? -2)),
      }));
  }

  /** How many products of these rows have each value, or of all where there are none given. @param {Iterable<number> | null} rows @returns {Map<string, Uint32Array>} */
  counts(rows) {
    const counts = new Map(this.facets.map((facet) => [facet.name, new Uint32Array(facet.values.length)]));
    const counted = new Set(); // values of products that have several photos
    for (const row of rows ?? this.items.keys()) {
      const { first, n } = this.shown(row);
      for (const { name, ...facet } of this.facets) {
        const of = counts.get(name);
        for (const code of codesOf(facet, row)) {
          const key = n > 1 && `${first} ${code} ${name}`;
          if (!of || code < 0 || counted.has(key)) continue;
          if (key) counted.add(key);
          of[code]++;
        }
      }
    }
    return counts;
  }

  /** What is searched and shown without an engine: the filter's rows, or all. @param {Filter | null} filter @returns {number[]} */
  open(filter) {
    return Array.from(filter?.rows ?? this.items.keys());
  }

  /** What passes the filter, for looking around: one of each kind in turn, as a shop window would be dressed. @param {Filter | null} filter @returns {Promise<Hit[]>} */
  async mixed(filter) {
    const kind = this.facet(/^(category|type|article)/i);
    const all = this.open(filter);
    const hits = (/** @type {number[]} */ rows) => rows.map((row) => ({ row }));
    if (!kind) return hits(all);
    const rounds = new Uint32Array(kind.values.length + 1);
    const round = new Map(all.map((row) => [row, rounds[kind.of[row] + 1]++]));
    const at = (/** @type {number} */ row) => round.get(row) ?? 0;
    return hits(all.sort((a, b) => at(a) - at(b) || a - b));
  }

  /** The first row of a product's photos, and how many there are. @param {number} row */
  shown(row) {
    const page = pageOf(this.items[row]);
    const shown = page === undefined ? undefined : this.links.get(page);
    const few = this.items[row].product !== undefined || (shown?.n ?? 0) <= fewPhotos;
    return shown && few ? shown : { first: row, n: 1 };
  }

  /** The number of products. */
  get count() {
    return this.items.filter(({ own }, row) => !own && this.shown(row).first === row).length;
  }

  /** The first row of the photos that show the same as this one: copies, by the indexer's measure, or one product's several photos. @param {number} row @returns {number} */
  leader(row) {
    const { first, n } = this.shown(row);
    const { same_as: same } = this.items[row];
    if (n > 1) return first;
    return same !== undefined && Number.isInteger(same) && same >= 0 && same < row ? same : row;
  }

  /** A product's details in the order of the filters. @param {Item} item */
  details(item) {
    const attributes = Object.entries(item.attributes ?? {});
    const at = new Map(this.facets.map(({ name }, i) => [name, i]));
    const place = (/** @type {string} */ name) => at.get(name) ?? at.size;
    return attributes.sort(([a], [b]) => place(a) - place(b));
  }

  /** Products whose title or details hold the words, those with more of them first. @param {string} text @param {Filter | null} filter @param {number | null} [likeRow] @returns {Promise<Hit[]>} */
  async match(text, filter, likeRow = null) {
    const wanted = [...new Set(tokens(text).map(stem))];
    /** @type {{row: number, found: number, shared: number}[]} */
    const hits = [];
    for (const row of this.open(filter)) {
      if (row === likeRow) continue;
      const found = wanted.filter((word) => this.words[row].has(word)).length;
      if (!found) continue;
      const shared = likeRow === null ? 0 : this.shared(row, likeRow);
      hits.push({ row, found, shared });
    }
    return hits.sort((a, b) => b.found - a.found || b.shared - a.shared || a.row - b.row);
  }

  /** @param {number} row @param {number} other */
  shared(row, other) {
    return this.facets.filter(({ of }) => of[row] >= 0 && of[row] === of[other]).length;
  }

  /** The nearest products as computed ahead: no model, no vectors, only the list. @param {number} row @param {Filter | null} filter @returns {Promise<Hit[]>} */
  async nearest(row, filter) {
    const allowed = filter && new Set(Array.from(filter.rows));
    return (await this.neighbours(row)).filter((near) => !allowed || allowed.has(near)).map((near) => ({ row: near }));
  }

  /** @param {number} row @returns {Promise<number[]>} */
  async neighbours(row) {
    const near = row < this.manifest.count && (await this.nearby());
    if (!near) return [];
    const { k } = this.manifest.neighbours;
    const all = Array.from({ length: k }, (_, i) => near.getUint32((row * k + i) * 4, true));
    return all.filter((other) => other < this.size && other !== row);
  }

  /** @param {RegExp} pattern */
  facet(pattern) {
    return this.facets.find(({ name }) => pattern.test(name));
  }

  /** Things this catalog really has, as a visitor might ask for them: "red dress", "striped shirt". @param {number} count @returns {string[]} */
  examples(count) {
    const kind = this.facet(/^(category|type|article)/i);
    const looks = [this.facet(/colou?r/i), this.facet(/pattern/i)].filter((facet) => facet !== undefined);
    if (!kind || !looks.length) return [];
    const tally = new Map();
    for (const row of this.known()) {
      const look = looks[row % looks.length];
      const [a, b] = [look.values[look.of[row]], kind.values[kind.of[row]]];
      if (!a || !b || /^(solid|plain|none|multi)/i.test(a)) continue;
      const phrase = `${a} ${b}`;
      tally.set(phrase, { kind: b, look: a, n: (tally.get(phrase)?.n ?? 0) + 1 });
    }
    const [kinds, seen] = [new Set(), new Set()];
    /** @type {string[]} */
    const chosen = [];
    for (const [phrase, { kind: k, look, n }] of [...tally].sort((a, b) => b[1].n - a[1].n)) {
      if (n < 2 || kinds.has(k) || seen.has(look)) continue;
      (kinds.add(k), seen.add(look), chosen.push(phrase));
      if (chosen.length === count) break;
    }
    return chosen;
  }

  byLooks() {
    const rank = (/** @type {Facet} */ { name }) => Number(looks.test(name));
    return [...this.facets].sort((a, b) => rank(b) - rank(a));
  }

  /**
   * Values that products of the same kind have and this one has not: what "like this, but…" can ask for, apart from what
   * the words in `text` say already. What hardly any of that kind has is taken for a slip of the shop's.
   * @param {number} row
   * @param {number} [perFacet]
   * @param {string} [text]
   */
  changes(row, perFacet = 2, text = '') {
    const kind = this.facet(/^(category|type|article)/i);
    const kindOf = (/** @type {number} */ other) => kind && valuesOf(this.items[other], kind.name)[0];
    const alike = [...this.known()].filter((other) => kindOf(other) === kindOf(row));
    const said = new Set(tokens(text).map(stem));
    const out = [];
    for (const facet of this.byLooks()) {
      if (facet === kind || facet.of[row] < 0) continue;
      const tally = new Map();
      for (const other of alike) {
        const code = facet.of[other];
        if (code >= 0 && code !== facet.of[row]) tally.set(code, (tally.get(code) ?? 0) + 1);
      }
      const limit = /colou?r/i.test(facet.name) ? perFacet + 1 : perFacet;
      const named = facet.values.some((value) => tokens(value).some((word) => said.has(stem(word))));
      const usual = [...tally].filter(([, n]) => !named && n * 100 > alike.length);
      const best = usual.sort((a, b) => b[1] - a[1]).slice(0, limit);
      for (const [code] of best) out.push({ facet: facet.name, value: facet.values[code] });
    }
    return out;
  }

  /** Values that divide the best hits: what a visitor may want to add to the words. @param {number[]} rows @param {string} text @param {number} [count] */
  refinements(rows, text, count = 6) {
    const kind = this.facet(/^(category|type|article)/i);
    const said = new Set(tokens(text).map(stem));
    const found = [];
    for (const facet of this.byLooks()) {
      if (facet === kind) continue;
      const tally = new Map();
      for (const row of rows) if (facet.of[row] >= 0) tally.set(facet.of[row], (tally.get(facet.of[row]) ?? 0) + 1);
      const values = [...tally].map(([code, n]) => ({ facet: facet.name, value: facet.values[code], n }));
      if (values.some(({ value }) => tokens(value).some((word) => said.has(stem(word))))) continue; // the words settle this one
      const open = values.filter(({ n }) => n > 1 && n < 0.75 * rows.length);
      found.push(...open.sort((a, b) => b.n - a.n).slice(0, 2));
    }
    return found.slice(0, count);
  }
}
