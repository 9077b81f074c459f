// How the worker searches a clustered catalog: the cells nearest to a query are fetched round by round, until a round
// brings nothing new among the best. What was fetched stays, so that the next questions need less.
import { Clustered } from './ui/clustered.js';
import { fetchPart } from './ui/data.js';

const room = 64e6; // bytes of vectors in memory; cells that were not asked for longest go first

const same = (a, b) => a.length === b.length && a.every(({ row }, i) => row === b[i].row);

export class CellSearch {
  /** `alone` runs work on the engine while nothing else does; `signal()` stops downloads. */
  constructor(manifest, base, { engine, store, alone, signal }) {
    Object.assign(this, { manifest, base, engine, store, alone, signal });
    this.catalog = new Clustered(base, manifest);
    this.catalog.store = store;
    this.held = new Map(); // cell → bytes, the one that was asked for longest ago first
  }

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

  async query({ text, photo, like, ...search }, partial) {
    const encoded = await this.alone(() => this.engine.encode({ text, photo, like }));
    return this.search(Float32Array.from(encoded.vector), search, partial, encoded);
  }

  /** The rows nearest to a row's own vector. */
  async neighbours({ row, k, rows }, partial) {
    if (row < this.manifest.count) await this.hold(this.catalog.cellOf(row));
    const vector = await this.alone(() => this.engine.row_vector(row));
    return this.search(Float32Array.from(vector), { k, rows, exclude: [row] }, partial, {});
  }

  /** `rows`: a filter as Clustered.rows() makes it. `partial` is told each round's hits. */
  async search(vector, { k, exclude = [], rows = null }, partial, { attention, ms = {} }) {
    const spent = Object.values(ms).reduce((sum, each) => sum + each, 0);
    const allowed = rows?.cells ? Uint32Array.from(rows.cells) : undefined;
    const rounds = await this.alone(() => this.engine.rounds(vector, allowed));
    const only = [];
    let [hits, searching] = [[], 0];
    const answer = () => ({ hits, attention, ms: { ...ms, search: searching, total: spent + searching } });
    for (const cells of rounds) {
      await Promise.all(cells.map((cell) => this.hold(cell)));
      if (rows) only.push(...(await Promise.all(cells.map((cell) => this.catalog.passing(cell, rows)))).flat());
      const before = hits;
      const start = performance.now();
      hits = await this.alone(() => this.engine.search_cells(vector, k, rows ? Uint32Array.from(only) : undefined, Uint32Array.from(exclude)));
      searching += performance.now() - start;
      // With a filter, too few hits are a reason to look further.
      if (same(before, hits) && (!rows || hits.length >= k)) break;
      partial?.(answer());
    }
    await this.letGo();
    return answer();
  }
}
