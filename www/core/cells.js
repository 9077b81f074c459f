// How the worker searches a clustered catalog: the cells nearest to a query are fetched round by round, until a round
// brings nothing new among the best. What was fetched stays, so that the next questions need less.
import { Clustered } from './clustered.js';
import { fetchPart } from './data.js';
import { readWords } from './state.js';

const room = 64e6; // bytes of vectors in memory; cells that were not asked for longest go first

/** @typedef {import('./catalog.js').Hit} Hit */
/** @typedef {import('./clustered.js').CellFilter} CellFilter */
/** @typedef {{hits: Hit[], good?: number | null, tier?: 'full' | 'instant' | null, reading?: any, attention?: unknown, ms?: Record<string, number>}} Answer */
/** @typedef {(answer: Answer) => void} Partial */
/** @typedef {{engine: any, store: import('./data.js').Store, alone: <T>(work: () => T | Promise<T>) => Promise<T>, signal: () => AbortSignal}} Given */
/** @typedef {import('./relevance.js').Relevance} Relevance */
/** @typedef {{k: number, exclude?: number[], rows?: CellFilter | null, relevance?: Relevance | null, looks?: boolean}} Search   `looks`: a photo is searched with */

const same = (/** @type {Hit[]} */ a, /** @type {Hit[]} */ b) =>
  a.length === b.length && a.every(({ row }, i) => row === b[i].row);

export class CellSearch {
  /** @type {Map<number, number>} cell → bytes, the one that was asked for longest ago first */
  held = new Map();

  /**
   * `alone` runs work on the engine while nothing else does; `signal()` stops downloads.
   * @param {import('./data.js').Manifest} manifest
   * @param {string} base
   * @param {Given} given
   */
  constructor(manifest, base, { engine, store, alone, signal }) {
    this.manifest = manifest;
    this.base = base;
    this.engine = engine;
    this.store = store;
    this.alone = alone;
    this.signal = signal;
    this.catalog = new Clustered(base, manifest);
    this.catalog.store = store;
  }

  /** @param {number} cell */
  async hold(cell) {
    const shard = this.manifest.shards[cell];
    if (!this.held.delete(cell)) {
      const url = new URL(shard.file, this.base).href;
      const bytes = await fetchPart(url, shard, { store: this.store, signal: this.signal() });
      await this.alone(() => this.engine.add_shard(shard.file, bytes));
    }
    this.held.set(cell, shard.bytes);
  }

  async letGo() {
    let bytes = [...this.held.values()].reduce((sum, each) => sum + each, 0);
    for (const [cell, size] of this.held) {
      if (bytes <= room) return;
      this.held.delete(cell);
      bytes -= size;
      await this.alone(() => this.engine.drop_shard(this.manifest.shards[cell].file));
    }
  }

  /** @param {Search & {text?: string, photo?: Uint8Array, like?: number}} query @param {Partial} [partial] */
  async query({ text, photo, like, ...search }, partial) {
    const words = text && readWords(text).words; // what is to be left out, the filter knows
    const encoded = await this.alone(() => this.engine.encode({ text: words, photo, like }));
    encoded.reading.unknown = []; // which words the shop knows, nobody here can say
    return this.search(Float32Array.from(encoded.vector), { ...search, looks: Boolean(photo) }, partial, encoded);
  }

  /** The rows nearest to a row's own vector. @param {Search & {row: number}} query @param {Partial} [partial] */
  async neighbours({ row, ...search }, partial) {
    if (row < this.manifest.count) await this.hold(this.catalog.cellOf(row));
    const vector = await this.alone(() => this.engine.row_vector(row));
    return this.search(Float32Array.from(vector), { ...search, exclude: [row] }, partial, {});
  }

  /** `rows`: a filter as Clustered.filter() makes it. `partial` is told each round's hits. @param {Float32Array} vector @param {Search} search @param {Partial | undefined} partial @param {{tier?: 'full' | 'instant' | null, attention?: unknown, reading?: any, ms?: Record<string, number>}} encoded @returns {Promise<Answer>} */
  async search(
    vector,
    { k, exclude = [], rows = null, relevance = null, looks = true },
    partial,
    { tier = null, attention, reading, ms = {} },
  ) {
    const spent = Object.values(ms).reduce((sum, each) => sum + each, 0);
    const allowed = rows?.cells ? Uint32Array.from(rows.cells) : undefined;
    const rounds = await this.alone(() => this.engine.rounds(vector, allowed));
    /** @type {number[]} */
    const only = [];
    /** @type {Hit[]} */
    let hits = [];
    /** @type {number | null} */
    let good = null;
    let searching = 0;
    const answer = () => ({
      hits,
      good,
      tier,
      attention,
      reading,
      ms: { ...ms, search: searching, total: spent + searching },
    });
    for (const cells of /** @type {number[][]} */ (rounds)) {
      await Promise.all(cells.map((cell) => this.hold(cell)));
      if (rows) only.push(...(await Promise.all(cells.map((cell) => this.catalog.passing(cell, rows)))).flat());
      const before = hits;
      const start = performance.now();
      const filter = rows ? Uint32Array.from(only) : undefined;
      const limits = { relevance, photo: looks };
      ({ hits, good } = await this.alone(() =>
        this.engine.search_cells(vector, k, filter, Uint32Array.from(exclude), limits),
      ));
      searching += performance.now() - start;
      // With a filter, too few hits are a reason to look further.
      if (same(before, hits) && (!rows || hits.length >= k)) break;
      partial?.(answer());
    }
    await this.letGo();
    return answer();
  }
}
