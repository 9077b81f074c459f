// A catalog too large to be fetched as a whole: its photos lie in clusters of alike ones, a file of vectors and a file of
// products each, and only those of a few clusters are ever here. Used by the page, and by the worker for filters.
// A product's key is its id and its row, since the row alone says in which file it is.
import { Catalog, fold, stem, valuesOf, wordsOf } from './catalog.js';
import { held } from './names.js';

/** @typedef {import('./catalog.js').Item} Item */
/** @typedef {import('./catalog.js').Facets} Facets */
/** @typedef {{facets: Facets, without: string[], clusters: number[] | null}} ClusterFilter   `clusters`: those that may hold such products */

const enough = 96; // products that a filter looks for where nothing else is asked,
const mostClusters = 24; // and clusters that it looks through for them
const kept = 48; // lists of products held at once

export class Clustered extends Catalog {
  /** @type {number[]} rows whose products are here */
  seen = [];
  /** @type {number[]} rows to look around in */
  window = [];
  /** @type {Map<number, Promise<Item[]>>} cluster → its products */
  lists = new Map();
  /** @type {Map<number, number[]>} row → rows of its neighbours */
  nearOf = new Map();
  /** @type {Promise<Record<number, number>[]> | null} cluster → column → how many products have that value */
  counted = null;

  /** @param {string} base @param {import('./data.js').Manifest} manifest @param {string} text   of the manifest */
  constructor(base, manifest, text = '') {
    super(base, manifest, text);
    this.starts = [0]; // first row of each cluster, and the number of rows
    for (const { count } of manifest.shards) this.starts.push(this.starts[this.starts.length - 1] + count);
  }

  get size() {
    return Math.max(this.manifest.count, this.items.length);
  }

  known() {
    return this.seen;
  }

  /** A visitor's own photos stand behind the catalog's rows; every other key ends in its row. @param {string} key @returns {number | undefined} */
  rowOf(key) {
    const known = super.rowOf(key);
    if (known !== undefined) return known;
    const row = /~\d+$/.test(key) ? Number(key.slice(key.lastIndexOf('~') + 1)) : -1;
    return row >= 0 && row < this.manifest.count && !this.items[row] ? row : undefined;
  }

  /** @param {number} row */
  clusterOf(row) {
    let [low, high] = [0, this.starts.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Products from all over the catalog to look around in; the rest comes when it is asked for. @param {import('./data.js').Store} store @param {() => void} onItems */
  async load(store, onItems) {
    this.store = store;
    for (const { row, item } of await this.json(this.files.window)) {
      this.add(item, row);
      this.window.push(row);
    }
    onItems();
  }

  /** The files of the clusters together. */
  get files() {
    if (!this.manifest.cells) throw new Error('reading catalog.json: expected a clustered catalog, got a whole one');
    return this.manifest.cells;
  }

  /** @param {Item | undefined} item @param {number} [row] */
  add(item, row = this.size) {
    if (!item || this.items[row]) return;
    super.add(item.own ? item : { ...item, id: `${item.id}~${row}` }, row);
    this.seen.push(row);
  }

  clearOwn() {
    super.clearOwn();
    this.seen = this.seen.filter((row) => row < this.manifest.count);
  }

  /** A cluster's products in row order. @param {number} cluster @returns {Promise<Item[]>} */
  list(cluster) {
    const known = this.lists.get(cluster);
    if (known) return known;
    const list = this.json(this.manifest.shards[cluster].items);
    list.catch(() => this.lists.delete(cluster));
    this.lists.set(cluster, list);
    const [oldest] = this.lists.keys();
    if (this.lists.size > kept) this.lists.delete(oldest);
    return list;
  }

  /** @param {{row: number}[]} hits */
  async bring(hits) {
    /** @type {Map<number, number[]>} */
    const wanted = new Map();
    for (const { row } of hits) {
      if (this.items[row] || row >= this.manifest.count) continue;
      const cluster = this.clusterOf(row);
      wanted.set(cluster, [...(wanted.get(cluster) ?? []), row]);
    }
    const fetchRows = async (/** @type {[number, number[]]} */ [cluster, rows]) => {
      const list = await this.list(cluster);
      for (const row of rows) this.add(list[row - this.starts[cluster]], row);
    };
    await Promise.all([...wanted].map(fetchRows));
  }

  /** @param {number} row */
  async neighbours(row) {
    const known = this.nearOf.get(row);
    if (known || row >= this.manifest.count) return known ?? [];
    const cluster = this.clusterOf(row);
    const bytes = await this.bytes(this.manifest.shards[cluster].neighbours);
    const { k } = this.manifest.neighbours;
    const table = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = (/** @type {number} */ i) => ((row - this.starts[cluster]) * k + i) * 4;
    const all = Array.from({ length: k }, (_, i) => table.getUint32(at(i), true));
    const near = all.filter((other) => other < this.manifest.count && other !== row);
    await this.bring(near.map((other) => ({ row: other })));
    this.nearOf.set(row, near);
    return near;
  }

  /** The clusters that may hold such products, those with the most of them first; and, with `find`, some of the products. @param {Facets} selected @param {string[]} [without] @param {boolean} [find] */
  async filter(selected, without = [], find = true) {
    const facets = Object.fromEntries(Object.entries(selected).filter(([, values]) => values.length));
    const chosen = Object.keys(facets).length > 0;
    if (!chosen && !without.length) return null;
    const asked = { facets, without, clusters: chosen ? await this.clustersWith(facets) : null };
    return { asked, rows: find ? await this.found(asked) : [] };
  }

  /** Some of the products that pass a filter, found without a search. @param {ClusterFilter} asked */
  async found(asked) {
    /** @type {number[]} */
    const rows = [];
    for (const cluster of (asked.clusters ?? [...this.manifest.shards.keys()]).slice(0, mostClusters)) {
      rows.push(...(await this.passing(cluster, asked)));
      if (rows.length >= enough) break;
    }
    await this.bring(rows.map((row) => ({ row })));
    return rows;
  }

  /** @param {Facets} facets */
  async clustersWith(facets) {
    const counted = (this.counted ??= this.json(this.files.facets));
    /** @type {Record<number, number>[]} */
    const counts = await counted.catch((error) => {
      this.counted = null;
      throw error;
    });
    const columns = this.manifest.facets.flatMap(({ name, values }) => values.map(({ value }) => `${name}\n${value}`));
    const groups = Object.entries(facets).map(([name, values]) =>
      values.map((value) => columns.indexOf(`${name}\n${value}`)),
    );
    // As many as the rarest of the filters has; whether one product has all of them, only the products tell.
    const most = (/** @type {Record<number, number>} */ row) =>
      Math.min(...groups.map((group) => group.reduce((sum, column) => sum + (row[column] ?? 0), 0)));
    const clusters = counts.map((row, cluster) => ({ cluster, n: most(row) })).filter(({ n }) => n > 0);
    return clusters.sort((a, b) => b.n - a.n || a.cluster - b.cluster).map(({ cluster }) => cluster);
  }

  /** The rows of a cluster that pass a filter. @param {number} cluster @param {Omit<ClusterFilter, 'clusters'>} filter */
  async passing(cluster, { facets, without }) {
    const list = await this.list(cluster);
    const wanted = Object.entries(facets).map(([name, values]) => ({ name, values }));
    const banned = without.map((word) => stem(fold(word)));
    const passes = (/** @type {Item} */ item) =>
      wanted.every(({ name, values }) => values.some((value) => valuesOf(item, name).includes(value))) &&
      !(banned.length && banned.some((word) => wordsOf(item).has(word)));
    return list.flatMap((item, i) => (passes(item) ? [this.starts[cluster] + i] : []));
  }

  /** Of the whole catalog only its manifest tells. @param {Iterable<number> | null} rows */
  counts(rows) {
    if (rows) return super.counts(rows);
    const of = new Map(
      this.manifest.facets.map(({ name, values }) => [name, Uint32Array.from(values, ({ count }) => count)]),
    );
    return new Map(this.facets.map(({ name }) => [name, of.get(name) ?? new Uint32Array()]));
  }

  get count() {
    return this.manifest.products ?? this.manifest.count;
  }

  /** Only products that are here: for looking around those from all over the catalog, for words any. @param {import('./catalog.js').Filter | null} filter */
  async mixed(filter) {
    return super.mixed(filter ?? { rows: this.window, asked: null });
  }

  /** @param {import('./catalog.js').Filter | null} filter */
  open(filter) {
    return Array.from(filter?.rows ?? this.seen);
  }
}
