// The search as a module, without a page around it: open a site, ask it, close it. vitrine.d.ts is its contract.
import { Catalog } from '../core/catalog.js';
import { drawPacked } from '../ui/packed.js';
import { photoBytes, photoLimit } from '../ui/photo.js';
import { DataError, Store, fetchManifest, fetchPhoto } from '../core/data.js';
import { Engine, EngineError } from '../core/engine.js';
import { matcher, knownTo } from '../core/matched.js';
import { held } from '../core/names.js';
import { inOrder, priceOf, within } from '../core/prices.js';
import { Session, needs, unlessAborted } from '../core/session.js';

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
  error instanceof DataError || error instanceof EngineError
    ? new VitrineError(error.code, error.message, error.details)
    : error;

const folder = (url, from) => new URL(String(url).replace(/\/?$/, '/'), from);

/** Opens a site that `vitrine site` wrote. Products and filters are there when this resolves; the search follows. @param {Partial<import('./vitrine.d.ts').OpenOptions>} [options] */
export async function open({ site, program = new URL('../', import.meta.url), keep = true, eager = false } = {}) {
  if (!site)
    throw new VitrineError(
      'argument',
      'opening: expected the address of a folder that `vitrine site` wrote, got none; give site',
    );
  if (!globalThis.document)
    throw new VitrineError(
      'browser',
      'opening: expected a browser, got none; import it anywhere, and open it in the page (on a server, `vitrine/node` makes sites)',
    );
  const [base, home] = [folder(site, document.baseURI), folder(program, document.baseURI)];
  try {
    const described = (await fetchManifest(new URL('site.json', base).href)).manifest;
    // The program may be another copy than the site's own: worker and wasm then come from there, and belong together.
    const { wasm: builds } =
      home.href === base.href ? described : (await fetchManifest(new URL('site.json', home).href)).manifest;
    // Threads are workers that a worker starts, which those of another origin cannot.
    const wasm = home.origin === location.origin ? builds : builds.filter(({ needs }) => !needs.includes('threads'));
    const catalog = await Catalog.open(new URL(described.catalog, base).href);
    drawPacked(catalog);
    const store = new Store(home.href);
    store.off = !keep;
    await catalog.load(store, () => {});
    const model = new URL(described.model, base).href;
    const about = await fetchManifest(new URL('model.json', model).href, 'vitrine-model');
    const opened = new VitrineEngine({
      home,
      described: { ...described, catalog: catalog.base, model, wasm },
      catalog,
      about,
      keep,
    });
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
  #session;
  #core = null;
  #photos = 0;
  #closed = false;
  #refusal = null; // why the engine cannot run here

  constructor({ home, described, catalog, about, keep }) {
    super();
    [this.#home, this.#site, this.#catalog, this.#about, this.#keep] = [home, described, catalog, about, keep];
    this.#session = new Session(catalog, described.relevance ?? null);
  }

  get title() {
    return this.#site.title ?? this.#catalog.manifest.title;
  }

  get count() {
    return this.#catalog.count;
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
    const row = this.#catalog.rowOf(id);
    return row === undefined || !this.#catalog.items[row] ? null : this.#hit({ row });
  }

  /** Gives a picture the photo of a hit, which may lie in a pack with others: then it is fetched when the picture comes into view. */
  draw(image, { row }) {
    this.#catalog.draw(image, this.#catalog.items[row]);
  }

  /** Phrases that the catalog has good answers to, to suggest to visitors. */
  examples(count = 4) {
    return this.#catalog.examples(count);
  }

  /** Attributes that could be asked for in place of a product's own: [{facet, value}]. */
  changes(id) {
    return this.#catalog.changes(this.#row(id));
  }

  /** @param {string} [kind] @param {{signal?: AbortSignal}} [options] */
  async ready(kind = 'text', { signal } = {}) {
    if (kind === 'browse') return;
    if (!held(needs, kind))
      throw new VitrineError('argument', `getting ready: expected ${Object.keys(needs).join(', ')}, got ${kind}`);
    try {
      const core = this.#start();
      // what answers first comes first: the text encoder's megabytes would keep the small tier waiting
      const text = needs[kind].includes('text') && !core.full;
      if (text) await unlessAborted(this.#small(core), signal);
      await unlessAborted(core.call('load', { what: needs[kind] }), signal);
    } catch (error) {
      throw told(error);
    }
  }

  /** The small tier of the model, where it has one; without it the text encoder answers, only later. */
  async #small(core) {
    if (this.#about.manifest.instant)
      await core.call('load', { what: ['wasm', 'words', 'instant', 'shards'] }).catch(() => {});
  }

  /** Stops the downloads; the next question, or `ready`, takes them up again. */
  async pause() {
    await this.#core?.call('pause');
  }

  /** @param {import('./vitrine.d.ts').Query} [query] */
  async search({
    text = '',
    image = null,
    product = null,
    k = 24,
    filter = null,
    like = 0.5,
    sort = '',
    price = null,
    signal,
    wait = true,
    early = null,
  } = {}) {
    signal?.throwIfAborted();
    if (!['', 'price', '-price'].includes(sort))
      throw new VitrineError('argument', `searching: expected sort "price", "-price" or none, got ${sort}`);
    const row = product === null ? null : this.#row(product);
    const photo = image && { key: `asked ${++this.#photos}`, bytes: () => photoOf(image) };
    const query = this.#session.read({
      text,
      row: image ? null : row,
      photo,
      k: sort ? Math.max(k, this.#session.most) : k, // the cheapest may be far down
      mix: like,
      ...this.#chosen(filter, price),
    });
    const results = (response) =>
      this.#results(
        query,
        inOrder(response, sort, (at) => this.#cost(at)),
        k,
      );
    try {
      if (early && wait) await this.#early(query, signal, (response) => early(results(response)));
      if (await this.#able(query, { signal, wait })) {
        const response = await this.#ask(query, signal).catch((error) => this.#refused(error, photo));
        if (response) return results(response);
      }
      await this.#session.prepare(query, false);
      return results(await this.#session.standIn(query));
    } catch (error) {
      if (this.#closed) throw this.#over();
      throw told(error);
    }
  }

  /** Tells what can be said before the text encoder is here: words compared, then the small tier's answer by meaning. */
  async #early(query, signal, tell) {
    if (query.kind !== 'text' || this.#core?.full || !this.#about.manifest.instant || this.#refusal) return;
    const core = this.#start();
    if (!this.can('text')) {
      await this.#session.prepare(query, false);
      tell(await this.#session.standIn(query));
      await unlessAborted(this.#small(core), signal);
    }
    // the worker tells of its state a moment later, so it is asked; whatever fails here the whole answer tells
    const response = await this.#ask(query, signal).catch(() => null);
    if (response && !signal?.aborted) tell(response);
  }

  /** Whether the engine answers, once it can; a photo that it cannot answer is an error, anything else has a stand-in. */
  async #able({ kind, photo }, { signal, wait }) {
    if (kind === 'browse') return false;
    if (!wait && !this.can(kind)) {
      this.ready(kind).catch(() => {}); // told through the events
      return false;
    }
    return this.ready(kind, { signal }).then(
      () => true,
      (error) => this.#refused(error, photo),
    );
  }

  #refused(error, photo) {
    if (error.code !== 'refused') throw error;
    if (this.#closed) throw error;
    this.#refusal = error.details.why ?? error.message;
    if (photo) throw error;
    return null;
  }

  async #ask(query, signal) {
    await this.#session.prepare(query, true);
    return this.#session.search(query, { signal }).catch(async (error) => {
      // The worker broke down and is back: once more, on the build that takes the least memory.
      if (error.code !== 'restarted') throw error;
      await this.ready(query.kind, { signal });
      return this.#session.search(query, { signal });
    });
  }

  close() {
    this.#closed = true;
    this.#core?.refuse('closed');
  }

  #over() {
    return new VitrineError(
      'closed',
      'searching: expected an open engine, got one that was closed; open the site again',
    );
  }

  #start() {
    if (this.#closed) throw this.#over();
    if (this.#core) return this.#core;
    const core = new Engine(this.#home.href, {});
    this.#core = core;
    this.#session.use(core);
    core.addEventListener('state', () => this.dispatchEvent(new CustomEvent('progress', { detail: this.progress })));
    const { manifest: model, text } = this.#about;
    const { manifest, text: catalogText } = this.#catalog;
    core
      .start({
        base: this.#home.href,
        site: this.#site,
        model,
        catalog: manifest,
        texts: { model: text, catalog: catalogText },
        keepNothing: !this.#keep,
      })
      .catch((error) => this.dispatchEvent(new CustomEvent('error', { detail: told(error) })));
    return core;
  }

  #results({ kind, words }, { by, hits: found, good, attention, reading, ms }, k) {
    const find = matcher([words, reading?.english].filter(Boolean), knownTo(this.#catalog));
    const hits = found.slice(0, k).map((hit) => this.#hit(hit, find));
    return { kind, by, hits, good: Math.min(good, hits.length), refused: this.#refusal, attention, ms };
  }

  #cost(row) {
    return priceOf(this.#catalog.items[row]);
  }

  #hit({ row, score = null }, find = null) {
    const item = this.#catalog.items[row];
    const { id, title, link, price, width, height, tone, attributes } = item;
    return {
      row,
      group: this.#catalog.leader(row),
      score,
      id,
      title,
      matched: find?.(title) ?? [],
      link: link ?? null,
      price: price ?? null,
      photo: this.#catalog.packs && !this.#catalog.packs.isSingle(item) ? null : this.#catalog.photo(item),
      width,
      height,
      tone,
      attributes: { ...attributes },
    };
  }

  #row(id) {
    const row = this.#catalog.rowOf(id);
    if (row === undefined)
      throw new VitrineError('product', `searching: expected the id of one of ${this.count} products, got ${id}`);
    return row;
  }

  /** A filter by values, or a test of each product, as the session takes it. */
  #chosen(filter, price) {
    const fits = within(
      { ...price },
      (row) => this.#catalog.items[row],
      (row) => this.#cost(row),
    );
    if (typeof filter === 'function') return { test: (row) => (!fits || fits(row)) && filter(this.#hit({ row })) };
    const chosen = Object.entries(filter ?? {}).map(([name, value]) => [name, [value].flat()]);
    const known = this.#catalog.facets.map(({ name }) => name);
    const unknown = chosen.find(([name]) => !known.includes(name));
    if (unknown)
      throw new VitrineError('filter', `searching: expected a filter by ${known.join(', ')}, got ${unknown[0]}`);
    return { facets: Object.fromEntries(chosen), test: fits };
  }
}

/** A copy of a photo's bytes, of a kind that the engine reads. */
async function photoOf(photo) {
  if (photo instanceof ArrayBuffer) return new Uint8Array(photo).slice();
  if (ArrayBuffer.isView(photo)) return new Uint8Array(photo.buffer, photo.byteOffset, photo.byteLength).slice();
  if (typeof photo === 'string' || photo instanceof URL) return fetchPhoto(String(photo));
  if (!(photo instanceof Blob))
    throw new VitrineError('argument', 'searching: expected image as a Blob, bytes or an address, got something else');
  if (photo.size > photoLimit)
    throw new VitrineError(
      'photo',
      `reading photo: at most ${photoLimit / 1e6} MB are accepted, this one has ${(photo.size / 1e6).toFixed(1)}`,
    );
  const bytes = await photoBytes(photo);
  if (!bytes)
    throw new VitrineError(
      'photo',
      `reading photo: expected one that this browser can open, got ${photo.type || 'another file'}`,
    );
  return bytes;
}
