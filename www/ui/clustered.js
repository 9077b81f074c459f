// A catalog too large to be fetched as a whole: its photos lie in cells of alike ones, a file of vectors and a file of
// products each, and only those of a few cells are ever here. Used by the page, and by the worker for filters.
// A product's key is its id and its row, since the row alone says in which file it is.
import { Catalog, fold, stem, wordsOf } from './catalog.js';
import { fetchPart } from './data.js';
import { held } from './keys.js';

const enough = 96; // products that a filter looks for where nothing else is asked,
const mostCells = 24; // and cells that it looks through for them
const kept = 48; // lists of products held at once

export class Clustered extends Catalog {
  constructor(base, manifest, text) {
    super(base, manifest, text);
    this.starts = [0]; // first row of each cell, and the number of rows
    for (const { count } of manifest.shards) this.starts.push(this.starts.at(-1) + count);
    const own = new Map(); // of a visitor's own photos, which stand behind the catalog's rows
    this.rowOf = { get: (key) => own.get(key) ?? this.rowOfKey(key), set: (key, row) => row >= manifest.count && own.set(key, row), delete: (key) => own.delete(key) };
    this.seen = []; // rows whose products are here
    this.lists = new Map(); // cell → promise of its products
    this.nearOf = new Map(); // row → rows of its neighbours
    this.window = [];
  }

  get size() {
    return Math.max(this.manifest.count, this.items.length);
  }

  known() {
    return this.seen;
  }

  rowOfKey(key) {
    const row = /~\d+$/.test(key) ? Number(key.slice(key.lastIndexOf('~') + 1)) : -1;
    const known = this.items[row];
    return row >= 0 && row < this.manifest.count && (!known || known.id === key) ? row : undefined;
  }

  cellOf(row) {
    let [low, high] = [0, this.starts.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  async fetch(part) {
    return fetchPart(new URL(part.file, this.base).href, part, { store: this.store });
  }

  async json(part) {
    return JSON.parse(new TextDecoder().decode(await this.fetch(part)));
  }

  /** Products from all over the catalog to look around in; the rest comes when it is asked for. */
  async load(store, onItems) {
    this.store = store;
    for (const { row, item } of await this.json(this.manifest.cells.window)) {
      this.add(item, row);
      this.window.push(row);
    }
    onItems();
  }

  add(item, row = this.size) {
    if (!item || this.items[row]) return;
    super.add(item.own ? item : { ...item, id: `${item.id}~${row}` }, row);
    this.seen.push(row);
  }

  clearOwn() {
    super.clearOwn();
    this.seen = this.seen.filter((row) => row < this.manifest.count);
  }

  /** A cell's products in row order. */
  list(cell) {
    if (!this.lists.has(cell)) {
      const list = this.json(this.manifest.shards[cell].items);
      list.catch(() => this.lists.delete(cell));
      this.lists.set(cell, list);
      if (this.lists.size > kept) this.lists.delete(this.lists.keys().next().value);
    }
    return this.lists.get(cell);
  }

  /** Fetches the products of hits, cell by cell. */
  async ensure(hits) {
    const wanted = new Map();
    for (const { row } of hits) {
      if (this.items[row] || row >= this.manifest.count) continue;
      const cell = this.cellOf(row);
      wanted.set(cell, [...(wanted.get(cell) ?? []), row]);
    }
    const fetchRows = async ([cell, rows]) => {
      const list = await this.list(cell);
      for (const row of rows) this.add(list[row - this.starts[cell]], row);
    };
    await Promise.all([...wanted].map(fetchRows));
  }

  /** A filter: the facets and words, the cells that may hold such products, and those found without a search. */
  rows(selected, without = []) {
    const facets = Object.fromEntries(Object.entries(selected).filter(([, values]) => values.length));
    if (!Object.keys(facets).length && !without.length) return null;
    return { facets, without, cells: null, found: [], length: 0 };
  }

  /** Fetches what a question needs before it can be answered or shown. `searched`: the engine will answer it. */
  async prepare({ kind, row, rows }, searched) {
    const work = row === null ? [] : [this.ensure([{ row }])];
    if (row !== null && kind === 'like' && !searched) work.push(this.nearby(row));
    if (rows) work.push(this.choose(rows, !searched));
    await Promise.all(work);
  }

  /** Fetches what the sheet of a product shows. */
  async visit(key) {
    const row = this.rowOfKey(key);
    if (row !== undefined) await Promise.all([this.ensure([{ row }]), this.nearby(row)]);
  }

  async nearby(row) {
    if (this.nearOf.has(row) || row >= this.manifest.count) return;
    const cell = this.cellOf(row);
    const bytes = await this.fetch(this.manifest.shards[cell].neighbours);
    const { k } = this.manifest.neighbours;
    const table = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = (i) => ((row - this.starts[cell]) * k + i) * 4;
    const near = Array.from({ length: k }, (_, i) => table.getUint32(at(i), true)).filter((other) => other < this.manifest.count && other !== row);
    await this.ensure(near.map((other) => ({ row: other })));
    this.nearOf.set(row, near);
  }

  nearest(row, rows) {
    const allowed = rows && new Set(rows.found);
    return (this.nearOf.get(row) ?? []).filter((near) => !allowed || allowed.has(near)).map((near) => ({ row: near }));
  }

  /** Which cells may hold products that pass a filter, those with the most of them first; and some of the products. */
  async choose(rows, find) {
    rows.cells = Object.keys(rows.facets).length ? await this.cellsWith(rows.facets) : null;
    if (!find) return;
    const cells = rows.cells ?? [...this.manifest.shards.keys()];
    for (const cell of cells.slice(0, mostCells)) {
      rows.found.push(...(await this.passing(cell, rows)));
      if (rows.found.length >= enough) break;
    }
    rows.length = rows.found.length;
    await this.ensure(rows.found.map((row) => ({ row })));
  }

  async cellsWith(facets) {
    this.counted ??= this.json(this.manifest.cells.facets);
    const counts = await this.counted.catch((error) => {
      this.counted = null;
      throw error;
    });
    const columns = this.manifest.facets.flatMap(({ name, values }) => values.map(({ value }) => `${name}\n${value}`));
    const groups = Object.entries(facets).map(([name, values]) => values.map((value) => columns.indexOf(`${name}\n${value}`)));
    // As many as the rarest of the filters has; whether one product has all of them, only the products tell.
    const most = (row) => Math.min(...groups.map((group) => group.reduce((sum, column) => sum + (row[column] ?? 0), 0)));
    const cells = counts.map((row, cell) => ({ cell, n: most(row) })).filter(({ n }) => n > 0);
    return cells.sort((a, b) => b.n - a.n || a.cell - b.cell).map(({ cell }) => cell);
  }

  /** The rows of a cell that pass a filter. */
  async passing(cell, { facets, without }) {
    const list = await this.list(cell);
    const wanted = Object.entries(facets).map(([name, values]) => [name, new Set(values)]);
    const banned = without.map((word) => stem(fold(word)));
    const passes = (item) =>
      wanted.every(([name, values]) => values.has(held(item.attributes, name))) && !(banned.length && banned.some((word) => wordsOf(item).has(word)));
    return list.flatMap((item, i) => (passes(item) ? [this.starts[cell] + i] : []));
  }

  /** A word to be left out is looked for in the titles and details of each cell; which products look like it nobody asks. */
  knows() {
    return true;
  }

  /** Nobody knows, as the products are not all here. */
  familiar() {
    return 0.5;
  }

  /** Of the whole catalog: how many a further filter would leave, only the products of all cells could tell. */
  counts() {
    const of = new Map(this.manifest.facets.map(({ name, values }) => [name, Uint32Array.from(values, ({ count }) => count)]));
    return new Map(this.facets.map(({ name }) => [name, of.get(name)]));
  }

  mixed(rows) {
    return super.mixed(rows ? rows.found : this.window);
  }

  /** Only among the products that are here. */
  match(text, rows, likeRow = null) {
    return super.match(text, rows ? rows.found : this.seen, likeRow);
  }
}
