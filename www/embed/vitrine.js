// The search as a module, without a page around it: open a site, ask it, close it. vitrine.d.ts is its contract.
import { Catalog } from '../ui/catalog.js';
import { photoBytes, photoLimit } from '../ui/composer.js';
import { DataError, Store, fetchManifest } from '../ui/data.js';
import { Engine, EngineError } from '../ui/engine.js';
import { held } from '../ui/keys.js';
import { cut } from '../ui/relevance.js';
import { readWords } from '../ui/state.js';

/** What goes wrong here: `code` says what for programs, `message` for people. */
export class VitrineError extends Error {
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'VitrineError';
    this.code = code;
    this.details = details;
  }
}

const told = (error) =>
  error instanceof DataError || error instanceof EngineError ? new VitrineError(error.code, error.message, error.details) : error;

const folder = (url, from) => new URL(String(url).replace(/\/?$/, '/'), from);

// What each kind of question needs from the worker.
const needs = { like: ['wasm', 'shards'], text: ['wasm', 'text', 'shards'], image: ['wasm', 'image', 'shards'], composed: ['wasm', 'text', 'image', 'shards'] };

/** Opens a site that `vitrine site` wrote. Products and filters are there when this resolves; the search follows. */
export async function open({ site, program = new URL('../', import.meta.url), keep = true, eager = false } = {}) {
  if (!site) throw new VitrineError('argument', 'opening: expected the address of a folder that `vitrine site` wrote, got none; give site');
  const [base, home] = [folder(site, document.baseURI), folder(program, document.baseURI)];
  try {
    const described = (await fetchManifest(new URL('site.json', base).href)).manifest;
    // The program may be another copy than the site's own: worker and wasm then come from there, and belong together.
    const { wasm: builds } = home.href === base.href ? described : (await fetchManifest(new URL('site.json', home).href)).manifest;
    // Threads are workers that a worker starts, which those of another origin cannot.
    const wasm = home.origin === location.origin ? builds : builds.filter(({ needs }) => !needs.includes('threads'));
    const catalog = await Catalog.open(new URL(described.catalog, base).href);
    const store = new Store(home.href);
    store.off = !keep;
    await catalog.load(store, () => {});
    const model = new URL(described.model, base).href;
    const about = await fetchManifest(new URL('model.json', model).href, 'vitrine-model');
    const opened = new VitrineEngine({ home, described: { ...described, catalog: catalog.base, model, wasm }, catalog, about, keep });
    if (eager) opened.ready('text').catch(() => {}); // told through the events
    return opened;
  } catch (error) {
    throw told(error);
  }
}

class VitrineEngine extends EventTarget {
  #home;
  #site;
  #about;
  #keep;
  #catalog;
  #core = null;
  #turn = Promise.resolve();
  #photos = 0;
  #closed = false;
  #refusal = null; // why the engine cannot run here

  constructor({ home, described, catalog, about, keep }) {
    super();
    [this.#home, this.#site, this.#catalog, this.#about, this.#keep] = [home, described, catalog, about, keep];
  }

  get title() {
    return this.#site.title ?? this.#catalog.manifest.title;
  }

  get count() {
    return this.#catalog.size;
  }

  get facets() {
    const counted = new Map(this.#catalog.manifest.facets.map((facet) => [facet.name, facet]));
    return this.#catalog.facets.map(({ name }) => counted.get(name)); // what people look for first comes first
  }

  get model() {
    const { name, fingerprint, note = null } = this.#about.manifest;
    return { name, fingerprint, note };
  }

  get progress() {
    const { received = 0, total = 0 } = this.#core?.state ?? {};
    return { received, total, ready: Object.keys(needs).filter((kind) => this.can(kind)), refused: this.#refusal };
  }

  can(kind) {
    return kind === 'browse' || Boolean(this.#core?.can(kind));
  }

  /** A product as a hit without a score, or null. */
  product(id) {
    const row = this.#catalog.rowOf.get(id);
    return row === undefined ? null : this.#hit({ row });
  }

  /** Phrases that the catalog has good answers to, to suggest to visitors. */
  examples(count = 4) {
    return this.#catalog.examples(count);
  }

  /** Attributes that could be asked for in place of a product's own: [{facet, value}]. */
  changes(id) {
    return this.#catalog.changes(this.#row(id));
  }

  async ready(kind = 'text', { signal } = {}) {
    if (kind === 'browse') return;
    if (!held(needs, kind)) throw new VitrineError('argument', `getting ready: expected ${Object.keys(needs).join(', ')}, got ${kind}`);
    await this.#unlessAborted(this.#start().call('load', { what: needs[kind] }), signal);
  }

  /** Stops the downloads; the next question, or `ready`, takes them up again. */
  async pause() {
    await this.#core?.call('pause');
  }

  async search({ text = '', image = null, product = null, k = 24, filter = null, like = 0.5, signal, wait = true } = {}) {
    signal?.throwIfAborted();
    const { words, without } = readWords(text);
    const row = product === null ? null : this.#row(product);
    const rows = this.#rows(filter, without);
    const kind = image ? (words ? 'composed' : 'image') : row !== null ? (words ? 'composed' : 'like') : words ? 'text' : 'browse';
    const question = { kind, words, image, row, rows, k, like, signal };
    if (kind === 'browse') return this.#standIn(question);
    if (!wait && !this.can(kind)) {
      this.ready(kind).catch(() => {});
      return this.#standIn(question);
    }
    try {
      await this.ready(kind, { signal });
      return await this.#ask(question).catch(async (error) => {
        // The worker broke down and is back: once more, on the build that takes the least memory.
        if (error.code !== 'restarted') throw error;
        await this.ready(kind, { signal });
        return this.#ask(question);
      });
    } catch (error) {
      if (this.#closed) throw this.#over();
      if (error.code !== 'refused') throw error;
      this.#refusal = error.details.why ?? error.message;
      if (image) throw error;
      return this.#standIn(question);
    }
  }

  close() {
    this.#closed = true;
    this.#core?.refuse('closed');
  }

  #over() {
    return new VitrineError('closed', 'searching: expected an open engine, got one that was closed; open the site again');
  }

  #start() {
    if (this.#closed) throw this.#over();
    if (this.#core) return this.#core;
    const core = new Engine(this.#home.href, {});
    this.#core = core;
    core.addEventListener('state', () => this.dispatchEvent(new CustomEvent('progress', { detail: this.progress })));
    const { manifest: model, text } = this.#about;
    const { manifest, text: catalogText } = this.#catalog;
    core
      .start({ base: this.#home.href, site: this.#site, model, catalog: manifest, texts: { model: text, catalog: catalogText }, keepNothing: !this.#keep })
      .catch((error) => this.dispatchEvent(new CustomEvent('error', { detail: told(error) })));
    return core;
  }

  /** One question at a time: the encoders run to the end once started, so one that was given up is never sent. */
  #ask(question) {
    const answered = this.#turn.then(async () => {
      question.signal?.throwIfAborted();
      // A catalog of which only a part is here fetches what this question needs of the rest.
      await this.#catalog.prepare?.(question, true);
      return question.kind === 'like' ? this.#nearest(question) : this.#query(question);
    });
    this.#turn = answered.catch(() => {});
    return this.#unlessAborted(answered, question.signal);
  }

  async #nearest({ kind, row, rows, k }) {
    const { hits } = await this.#core.call('neighbours', { row, k, rows });
    await this.#catalog.ensure?.(hits);
    return this.#results(kind, 'engine', hits);
  }

  async #query({ kind, words, image, row, rows, k, like }) {
    const query = { k };
    if (words) query.text = words;
    if (rows) query.rows = rows;
    if (image || row !== null) {
      const bytes = await this.#bytes(image ?? this.#catalog.photo(this.#catalog.items[row]));
      query.photo = `asked ${++this.#photos}`;
      query.like = like;
      if (row !== null && !image) query.exclude = [row];
      await this.#core.call('photo', { key: query.photo, bytes }, [bytes.buffer]);
    }
    const { hits, attention, ms } = await this.#core.call('query', query);
    await this.#catalog.ensure?.(hits);
    return { ...this.#results(kind, 'engine', hits, words), attention, ms };
  }

  /** A copy of a photo's bytes, of a kind that the engine reads. */
  async #bytes(photo) {
    if (photo instanceof ArrayBuffer || ArrayBuffer.isView(photo)) return new Uint8Array(photo.buffer ?? photo, photo.byteOffset ?? 0, photo.byteLength).slice();
    if (typeof photo === 'string' || photo instanceof URL) {
      const response = await fetch(photo).catch(() => null);
      if (!response?.ok) throw new VitrineError(response ? 'status' : 'network', `fetching ${photo}: expected a photo, got ${response?.status ?? 'no connection'}`);
      return new Uint8Array(await response.arrayBuffer());
    }
    if (!(photo instanceof Blob)) throw new VitrineError('argument', 'searching: expected image as a Blob, bytes or an address, got something else');
    if (photo.size > photoLimit) throw new VitrineError('photo', `reading photo: at most ${photoLimit / 1e6} MB are accepted, this one has ${(photo.size / 1e6).toFixed(1)}`);
    const bytes = await photoBytes(photo);
    if (!bytes) throw new VitrineError('photo', `reading photo: expected one that this browser can open, got ${photo.type || 'another file'}`);
    return bytes;
  }

  /** What the catalog alone can say. */
  #standIn({ kind, words, row, rows, k }) {
    const catalog = this.#catalog;
    const answers = {
      browse: () => ['browse', catalog.mixed(rows).map((each) => ({ row: each }))],
      like: () => ['neighbours', catalog.nearest(row, rows)],
      image: () => ['none', []],
      text: () => ['titles', catalog.match(words, rows, row)],
    };
    const [by, hits] = (answers[kind] ?? answers.text)();
    return this.#results(kind, by, hits.slice(0, k));
  }

  #results(kind, by, hits, words = '') {
    const { good, few } = cut(hits, by === 'engine' ? this.#site.relevance : null, kind, this.#catalog.familiar(words));
    return { kind, by, hits: hits.map((hit) => this.#hit(hit)), good: few === 0 ? 0 : good.length, refused: this.#refusal, attention: null, ms: null };
  }

  #hit({ row, score = null }) {
    const item = this.#catalog.items[row];
    const { id, title, link, price, width, height, tone, attributes } = item;
    return { row, group: this.#catalog.leader(row), score, id, title, link: link ?? null, price: price ?? null, photo: this.#catalog.photo(item), width, height, tone, attributes: { ...attributes } };
  }

  #row(id) {
    const row = this.#catalog.rowOf.get(id);
    if (row === undefined) throw new VitrineError('product', `searching: expected the id of one of ${this.count} products, got ${id}`);
    return row;
  }

  #rows(filter, without) {
    if (typeof filter === 'function') {
      const passed = this.#catalog.rows({}, without) ?? this.#catalog.items.keys();
      return Uint32Array.from([...passed].filter((row) => filter(this.#hit({ row }))));
    }
    const chosen = Object.entries(filter ?? {}).map(([name, value]) => [name, [value].flat()]);
    const known = this.#catalog.facets.map(({ name }) => name);
    const unknown = chosen.find(([name]) => !known.includes(name));
    if (unknown) throw new VitrineError('filter', `searching: expected a filter by ${known.join(', ')}, got ${unknown[0]}`);
    return this.#catalog.rows(Object.fromEntries(chosen), without);
  }

  async #unlessAborted(work, signal) {
    const aborted = signal && new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    try {
      return await (aborted ? Promise.race([work, aborted]) : work);
    } catch (error) {
      throw told(error);
    }
  }
}
