// A visitor's own photos: encoded by workers of their own, kept on this device, and put behind the catalog's rows.
import { exclusive } from '../../core/data.js';
import { Engine } from '../../core/engine.js';
import { ownPlace, persist } from '../../core/storage.js';
import { listed } from '../verified.js';
import { identity } from '../own.js';
import { Memory, openKept } from './keep.js';
import { zip } from './zip.js';

const batchSize = 6;
const limit = 60e6; // bytes; a larger file is no photo from a phone or a shop

/** Each worker holds a copy of the image encoder; a phone has neither the memory nor the cooling for many. */
function workersHere() {
  const cores = Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1);
  const small = matchMedia('(pointer: coarse)').matches || (Number(Reflect.get(navigator, 'deviceMemory')) || 8) <= 4;
  return Math.min(cores, small ? 2 : 4);
}

const sizeOf = (record) => Number(record.identity.split('\n').at(-2));
const stem = (path) =>
  path
    .split('/')
    .pop()
    .replace(/\.[^.]*$/, '') || path;

export class OwnPhotos extends EventTarget {
  /** @type {any} where they are kept: see keep.js */
  kept = new Memory();
  outdated = false; // photos of another model were here
  full = false; // what was added last is only in memory
  phase = 'idle';
  queue = [];
  done = 0;
  total = 0;
  fresh = 0;
  same = 0;
  failed = [];
  trouble = null;
  ended = false;

  /** `start`: what a worker is started with (see worker.js). */
  constructor(catalog, start) {
    super();
    this.catalog = catalog;
    // Several workers with one thread each do more than one with several, and need no shared memory.
    const wasm = start.site.wasm.filter(({ needs }) => !needs.includes('threads'));
    this.start = { ...start, site: { ...start.site, wasm } };
    this.forgetAll();
    this.engine = null;
    this.synced = false; // whether the engine knows all records
    this.turn = Promise.resolve();
    this.clearWork();
  }

  forgetAll() {
    this.records = new Map(); // identity → record, in the order of their rows
    this.byHash = new Map();
    this.byPath = new Map();
    this.hashes = new Map(); // size → hashes of the files of that size
    this.ids = new Set();
  }

  remember(record) {
    // Only tabs without locks between them give two photos one name.
    record.entry.id = record.item.id = this.free(record.entry.id);
    this.records.set(record.identity, record);
    this.byHash.set(record.entry.hash, record);
    this.byPath.set(record.path, record);
    this.ids.add(record.entry.id);
    this.hashes.set(sizeOf(record), [...(this.hashes.get(sizeOf(record)) ?? []), record.entry.hash]);
  }

  forget(record) {
    this.records.delete(record.identity);
    this.byHash.delete(record.entry.hash);
    this.byPath.delete(record.path);
    this.ids.delete(record.entry.id);
    this.hashes.set(
      sizeOf(record),
      this.hashes.get(sizeOf(record)).filter((hash) => hash !== record.entry.hash),
    );
  }

  clearWork() {
    Object.assign(this, {
      phase: 'idle',
      queue: [],
      done: 0,
      total: 0,
      fresh: 0,
      same: 0,
      failed: [],
      trouble: null,
      ended: false,
    });
    this.workers = new Set();
  }

  get size() {
    return this.records.size;
  }

  get bytes() {
    return [...this.records.values()].reduce((sum, { copy, vector }) => sum + copy.size + 4 * vector.length, 0);
  }

  get inMemory() {
    return this.kept instanceof Memory;
  }

  /** `elsewhere`: by another tab. */
  changed(elsewhere = false) {
    this.dispatchEvent(Object.assign(new Event('change'), { elsewhere }));
  }

  /** What earlier visits kept. */
  async open() {
    await this.alone(async () => {
      this.kept = await this.openKept();
      await this.learn();
    });
    this.outdated = this.kept.outdated;
    this.listen();
    this.changed();
  }

  openKept() {
    return openKept(this.start.base, this.start.model.fingerprint);
  }

  // ---- other tabs ---------------------------------------------------------------------------------------------

  /** Runs `work`, told whether no other tab writes meanwhile. */
  alone(work) {
    const done = (this.line ?? Promise.resolve()).then(() => exclusive(this.start.base, 'own', work));
    this.line = done.catch(() => {}); // one after the other here too, where the browser has no locks
    return done;
  }

  listen() {
    this.channel = globalThis.BroadcastChannel && new BroadcastChannel(ownPlace(this.start.base));
    this.channel?.addEventListener('message', () => this.look());
    // A tab that slept heard nothing.
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.look());
  }

  tell() {
    this.channel?.postMessage('changed');
  }

  async look() {
    if (await this.alone(() => this.learn())) this.changed(true);
  }

  /** Takes over what other tabs added or cleared, and says whether there was any. Asked while no tab writes. */
  async learn() {
    const now = await this.kept.load().catch(() => null);
    if (!now) return false;
    const fresh = now.filter((record) => this.records.get(record.identity) !== record);
    const gone = now.length - fresh.length < this.size;
    if (!gone && !fresh.length) return false;
    if (gone) {
      this.forgetAll();
      for (const record of now) this.remember(record);
      this.redo();
    } else {
      for (const record of fresh) this.remember(record);
      this.catalog.addOwn(fresh);
      this.sync(fresh);
    }
    return true;
  }

  /** The engine that answers questions: it gets the vectors once its program is there, and again after a restart. */
  attach(engine) {
    this.engine = engine;
    this.synced = false;
    engine.addEventListener('restart', () => (this.synced = false));
    engine.addEventListener('state', () => this.catchUp());
    this.catchUp();
  }

  catchUp() {
    if (this.synced || this.engine?.state.wasm !== 'ready') return;
    this.synced = true;
    if (this.size) this.sync([...this.records.values()], true);
  }

  /** `anew`: in place of those of before. */
  sync(records, anew = false) {
    if (!this.synced) return this.catchUp();
    const vectors = new Float32Array(records.reduce((sum, { vector }) => sum + vector.length, 0));
    let at = 0;
    for (const { vector } of records) (vectors.set(vector, at), (at += vector.length));
    const ids = records.map(({ entry }) => entry.id);
    this.turn = this.turn.then(() => this.engine.call('own', { ids, vectors, anew })).catch(() => {}); // a refused engine searches nothing
    return this.turn;
  }

  // ---- encoding -----------------------------------------------------------------------------------------------

  /** `files`: [{file, path}]. What is known by path, size and time is not even read. */
  async add(files) {
    if (this.phase === 'idle') this.clearWork();
    const waiting = new Set(this.queue.flat().map(identity));
    const fresh = [];
    for (const each of files) {
      const known = this.records.has(identity(each)) || waiting.has(identity(each));
      waiting.add(identity(each));
      if (known) this.same++;
      else if (each.file.size > limit)
        this.failed.push({ path: each.path, reason: 'too_large', bytes: each.file.size });
      else fresh.push(each);
    }
    this.total += fresh.length;
    for (let i = 0; i < fresh.length; i += batchSize) this.queue.push(fresh.slice(i, i + batchSize));
    if (!fresh.length || this.phase !== 'idle') return this.changed();
    persist({ asked: true }).catch(() => {}); // not waited for: meanwhile the queue would look done, and a further folder would empty it
    this.resume();
    await this.finished;
  }

  pause() {
    if (this.phase !== 'working') return;
    this.phase = 'paused';
    this.changed();
  }

  resume() {
    if (this.phase === 'working') return;
    this.phase = 'working';
    const wanted = Math.min(workersHere(), this.queue.length);
    const before = this.finished;
    const runs = Array.from({ length: wanted }, () => this.run());
    // Work that was paused and resumed ends with the later runs, not with the first.
    const finished = Promise.all([before, ...runs]).then(() => finished === this.finished && this.finish());
    this.finished = finished;
    this.changed();
  }

  /** What is done stays; what is not done is forgotten. */
  cancel() {
    this.queue = [];
    this.ended = true;
    this.total = this.done + this.failed.length;
    if (this.phase === 'paused') this.phase = 'idle';
    for (const worker of this.workers) worker.refuse('cancelled');
    this.changed();
  }

  finish() {
    if (this.phase === 'working') this.phase = 'idle';
    if (this.phase === 'idle' && this.queue.length) this.resume(); // what was added when the last worker had just left
    this.changed();
  }

  async run() {
    let worker = null;
    try {
      while (this.phase === 'working' && this.queue.length) {
        worker ??= await this.worker();
        if (!worker) return;
        const batch = this.queue.shift();
        if (!batch) break;
        const outcomes = await this.encode(worker, batch);
        if (outcomes) await (this.taking = (this.taking ?? Promise.resolve()).then(() => this.take(batch, outcomes)));
        else worker = this.end(worker);
      }
    } finally {
      this.end(worker);
    }
  }

  async worker() {
    const worker = new Engine(this.start.base, listed());
    this.workers.add(worker);
    try {
      await worker.start({ ...this.start, hold: false, what: ['image'] });
      return worker;
    } catch (error) {
      this.end(worker);
      if (this.queue.length) this.trouble = error;
      this.queue = [];
      return null;
    }
  }

  end(worker) {
    if (worker && this.workers.delete(worker)) worker.refuse('done');
    return null;
  }

  /** Null if the worker broke: the batch is then tried photo by photo, so that only the one at fault is left out. */
  async encode(worker, batch) {
    try {
      const known = batch.flatMap(({ file }) => this.hashes.get(file.size) ?? []);
      return await worker.call('encode', { known, files: batch.map(({ file, path }) => ({ file, id: stem(path) })) });
    } catch (error) {
      if (!this.workers.has(worker) || error.message === 'cancelled') return null;
      if (batch.length > 1) this.queue.unshift(...batch.map((each) => [each]));
      else this.failed.push({ path: batch[0].path, reason: error.message });
      return null;
    }
  }

  /** One batch after the other, in all tabs, so that of two equal files only one is taken. */
  async take(batch, outcomes) {
    await this.alone(async (alone) => {
      await this.learn();
      await this.takeIn(batch, outcomes, alone);
    });
    this.tell();
    this.changed();
  }

  async takeIn(batch, outcomes, alone) {
    const [records, replaced] = [[], []];
    for (const [i, outcome] of outcomes.entries()) {
      const { path } = batch[i];
      if (outcome.error) {
        this.failed.push({
          path,
          reason: outcome.reason ?? outcome.error,
          bytes: batch[i].file.size,
          message: outcome.error,
        });
        continue;
      }
      const alike = this.byHash.get(outcome.hash) ?? records.find(({ entry }) => entry.hash === outcome.hash);
      if (!alike && !outcome.entry) {
        if (!this.ended) this.queue.push([batch[i]]); // known when it was sent to be encoded, and cleared by another tab since
        continue;
      }
      this.done++;
      const before = path.includes('/') ? this.byPath.get(path) : null; // a name alone may be that of another photo
      const same = alike && (alike === before || alike.path === path);
      if (alike) this.same++;
      else this.fresh++;
      if (alike?.identity === identity(batch[i])) continue; // another tab took the same file
      if (before || same) replaced.push(before ?? alike);
      // the file of before with another date, or a new one; a copy under another name is not shown twice
      if (same) records.push({ ...alike, identity: identity(batch[i]) });
      else if (!alike) records.push(this.record(batch[i], outcome, records));
    }
    await this.keep(
      records,
      replaced.map((record) => record.identity),
      alone,
    );
    for (const record of replaced) this.forget(record);
    for (const record of records) this.remember(record);
    if (replaced.length) this.redo();
    else if (records.length) (this.catalog.addOwn(records), this.sync(records));
  }

  /** An id like this one that no photo has. */
  free(id, others = []) {
    const taken = (wanted) => this.ids.has(wanted) || others.some(({ entry }) => entry.id === wanted);
    for (let n = 1; ; n++) {
      const wanted = n === 1 ? id : `${id} (${n})`;
      if (!taken(wanted)) return wanted;
    }
  }

  record(each, { entry, item, vector, copy }, others) {
    const id = this.free(entry.id, others);
    const type = { png: 'image/png', webp: 'image/webp' }[entry.photo.split('.').pop()] ?? 'image/jpeg';
    return {
      path: each.path,
      identity: identity(each),
      entry: { ...entry, id, vector: [] },
      item: { ...item, id },
      vector,
      copy: new Blob([copy], { type }),
    };
  }

  redo() {
    const records = [...this.records.values()];
    this.catalog.clearOwn();
    this.catalog.addOwn(records);
    return this.sync(records, true);
  }

  async keep(records, removed, alone) {
    try {
      if (records.length || removed.length) await this.kept.add(records, removed, alone);
    } catch {
      // No room, or the browser took the storage away: what was kept stays, the rest lives as long as the tab.
      this.kept = new Memory();
      this.full = true;
    }
  }

  // ---- afterwards ---------------------------------------------------------------------------------------------

  async remove() {
    this.cancel();
    await this.finished;
    await this.alone(async () => {
      // where the storage was full, what fitted before is still there
      await (this.inMemory ? await this.openKept() : this.kept).clear();
      this.forgetAll();
      this.kept = await this.openKept();
    });
    this.tell();
    this.clearWork();
    this.full = this.outdated = false;
    await this.redo();
    this.changed();
  }

  /** The catalog's files by name: what the engine writes, and the photos. */
  async files(title) {
    const records = [...this.records.values()].sort((a, b) => (a.entry.id < b.entry.id ? -1 : 1)); // as the indexer does
    const vectors = new Float32Array(records.flatMap(({ vector }) => [...vector]));
    const entries = records.map(({ entry }) => entry);
    const made = await this.engine.call('exportOwn', { title, entries, vectors });
    const photos = new Map(records.map(({ entry, copy }) => [`photos/${entry.photo}`, copy]));
    return [...photos, ...made];
  }

  async archive(title) {
    return zip((await this.files(title)).map(([name, content]) => [`${title}/${name}`, content]));
  }
}
