// How the worker searches a clustered catalog: the clusters nearest to a query are fetched probe by probe, until a probe
// brings nothing new among the best. What was fetched stays, so that the next questions need less.
import { Clustered } from './clustered.js';
import { fetchPart } from './data.js';
import { readWords } from './state.js';

const room = 64e6; // bytes of vectors in memory; clusters that were not asked for longest go first

/** @typedef {import('./catalog.js').Hit} Hit */
/** @typedef {import('./clustered.js').ClusterFilter} ClusterFilter */
/** @typedef {{hits: Hit[], good?: number | null, tier?: 'full' | 'instant' | null, reading?: any, attention?: unknown, ms?: Record<string, number>}} Answer */
/** @typedef {(answer: Answer) => void} Partial */
/** @typedef {{engine: any, store: import('./data.js').Store, alone: <T>(work: () => T | Promise<T>) => Promise<T>, signal: () => AbortSignal}} Given */
/** @typedef {import('./relevance.js').Relevance} Relevance */
/** @typedef {{k: number, exclude?: number[], rows?: ClusterFilter | null, relevance?: Relevance | null, looks?: boolean}} Search   `looks`: a photo is searched with */

const same = (/** @type {Hit[]} */ a, /** @type {Hit[]} */ b) =>
  a.length === b.length && a.every(({ row }, i) => row === b[i].row);

export class ClusterSearch {
  /** @type {Map<number, number>} cluster → bytes, the one that was asked for longest ago first */
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

  /** @param {number} cluster */
  async hold(cluster) {
    const shard = this.manifest.shards[cluster];
    if (!this.held.delete(cluster)) {
      const url = new URL(shard.file, this.base).href;
      const bytes = await fetchPart(url, shard, { store: this.store, signal: this.signal() });
      await this.alone(() => this.engine.add_shard(shard.file, bytes));
    }
    this.held.set(cluster, shard.bytes);
  }

  async letGo() {
    let bytes = [...this.held.values()].reduce((sum, each) => sum + each, 0);
    for (const [cluster, size] of this.held) {
      if (bytes <= room) return;
      this.held.delete(cluster);
      bytes -= size;
      await this.alone(() => this.engine.drop_shard(this.manifest.shards[cluster].file));
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
    if (row < this.manifest.count) await this.hold(this.catalog.clusterOf(row));
    const vector = await this.alone(() => this.engine.row_vector(row));
    return this.search(Float32Array.from(vector), { ...search, exclude: [row] }, partial, {});
  }

  /** `rows`: a filter as Clustered.filter() makes it. `partial` is told each probe's hits. @param {Float32Array} vector @param {Search} search @param {Partial | undefined} partial @param {{tier?: 'full' | 'instant' | null, attention?: unknown, reading?: any, ms?: Record<string, number>}} encoded @returns {Promise<Answer>} */
  async search(
    vector,
    { k, exclude = [], rows = null, relevance = null, looks = true },
    partial,
    { tier = null, attention, reading, ms = {} },
  ) {
    const spent = Object.values(ms).reduce((sum, each) => sum + each, 0);
    const allowed = rows?.clusters ? Uint32Array.from(rows.clusters) : undefined;
    const probes = await this.alone(() => this.engine.probes(vector, allowed));
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
    for (const clusters of /** @type {number[][]} */ (probes)) {
      await Promise.all(clusters.map((cluster) => this.hold(cluster)));
      if (rows)
        only.push(...(await Promise.all(clusters.map((cluster) => this.catalog.passing(cluster, rows)))).flat());
      const before = hits;
      const start = performance.now();
      const filter = rows ? Uint32Array.from(only) : undefined;
      const limits = { relevance, photo: looks };
      ({ hits, good } = await this.alone(() =>
        this.engine.search_clusters(vector, k, filter, Uint32Array.from(exclude), limits),
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
