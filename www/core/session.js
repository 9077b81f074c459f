// One search for the page and the element alike: what is searched for → what answers it. Nothing here draws.
import { exactly } from './catalog.js';
import { readWords } from './state.js';

/** @typedef {import('./catalog.js').Filter} Filter */
/** @typedef {import('./catalog.js').Hit} Hit */
/** @typedef {'browse' | 'text' | 'image' | 'like' | 'composed'} Kind */
/** @typedef {{key: string, bytes: () => Promise<Uint8Array<ArrayBuffer>>}} Photo   `key`: the worker keeps the last few under it */
/**
 * @typedef {object} Asked   what is searched for
 * @property {string} [text]   as it was typed
 * @property {number | null} [row]   a product to look like
 * @property {Photo | null} [photo]   a photo, or a part of one, in place of the product's own
 * @property {number} [mix]   0 like the words … 1 like the photo
 * @property {number} [k]   most hits wanted
 * @property {import('./catalog.js').Facets} [facets]
 * @property {((row: number) => boolean) | null} [test]   a further test of each product
 */
/**
 * @typedef {object} Query   the same, taken apart
 * @property {Kind} kind
 * @property {string} text   as it was typed
 * @property {string} words   without what it is to leave out
 * @property {string[]} without
 * @property {number | null} row
 * @property {Photo | null} photo
 * @property {number} mix
 * @property {number} k
 * @property {Record<string, string[]>} facets
 * @property {((row: number) => boolean) | null} test
 * @property {Filter | null} filter   set by `prepare`
 */
/**
 * @typedef {object} Response
 * @property {'engine' | 'instant' | 'words' | 'neighbours' | 'titles' | 'browse' | 'none'} by   who answered
 * @property {Hit[]} hits   best first
 * @property {number} good   how many of them are good matches
 * @property {any} attention
 * @property {Reading | null} reading
 * @property {Record<string, number> | null} ms
 * @property {boolean} partial   whether more is on its way
 */
/** @typedef {{language: string, english: string | null, unknown: string[], script: string | null}} Reading   how the words were understood */
/** @typedef {{hits: Hit[], good?: number | null, tier?: 'full' | 'instant' | null, reading?: Reading | null, attention?: any, ms?: Record<string, number> | null}} Answer   the worker's, or the catalog's */

/** What each kind of query needs from the worker. */
/** @type {Record<Exclude<Kind, 'browse'>, string[]>} */
export const needs = {
  like: ['wasm', 'shards'],
  text: ['wasm', 'words', 'text', 'shards'],
  image: ['wasm', 'image', 'shards'],
  composed: ['wasm', 'words', 'text', 'image', 'shards'],
};

const most = 500; // hits wanted: more than this is said to be more, and no graphics device ranks more than 512
const mostFetched = 96; // of a clustered catalog, whose products are fetched for it
const photosKept = 6; // by the worker

/** Which of the worker's tiers answered. @param {Answer} answer */
const by = ({ tier }) => (tier === 'instant' ? 'instant' : 'engine');

/** What `work` comes to, or the signal's reason as soon as it fires.
 * @template T
 * @param {Promise<T>} work
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function unlessAborted(work, signal) {
  if (!signal) return work;
  signal.throwIfAborted();
  /** @type {Promise<never>} */
  const aborted = new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
  return Promise.race([work, aborted]);
}

export class Session {
  /** @type {import('./engine.js').Engine | null} */
  engine = null;
  /** @type {Promise<unknown>} */
  turn = Promise.resolve();
  /** @type {string[]} keys of the photos that the worker has */
  handed = [];
  /** @type {((filter: Filter | null, free: () => Promise<Filter | null>) => Promise<Filter | null>) | null} what of the catalog is searched at all */
  scope = null;

  /** @param {import('./catalog.js').Catalog} catalog @param {import('./relevance.js').Relevance | null} relevance   what the site was measured to */
  constructor(catalog, relevance) {
    this.catalog = catalog;
    this.relevance = relevance;
  }

  /** @param {import('./engine.js').Engine} engine */
  use(engine) {
    this.engine = engine;
    engine.addEventListener('restart', () => (this.handed = []));
  }

  get started() {
    if (!this.engine) throw new Error('searching: expected an engine, got none');
    return this.engine;
  }

  /** @param {Kind} kind */
  can(kind) {
    return Boolean(this.engine?.can(kind));
  }

  /** Whether the text encoder is here: what the instant tier answered before it can then be answered better. */
  get full() {
    return Boolean(this.engine?.full);
  }

  get most() {
    return this.catalog.manifest.cells ? mostFetched : most;
  }

  /** @param {Asked} asked @returns {Query} */
  read({ text = '', row = null, photo = null, mix = 0.5, k = this.most, facets = {}, test = null }) {
    const { words, without } = readWords(text);
    const seen = photo ? 'image' : row !== null ? 'like' : null;
    const kind = seen && words ? 'composed' : (seen ?? (words ? 'text' : 'browse'));
    return { kind, text, words, without, row, photo, mix, k, facets, test, filter: null };
  }

  /** Fetches what a query needs before it can be answered. `searched`: by the engine. @param {Query} query @param {boolean} searched */
  async prepare(query, searched) {
    const { row, facets, without, test } = query;
    const filter = (/** @type {import('./catalog.js').Facets} */ chosen) =>
      this.catalog.filter(chosen, without, !searched || Boolean(test));
    const [passed] = await Promise.all([filter(facets), row === null ? null : this.catalog.refer(row)]);
    const tested = test ? exactly(Array.from(passed?.rows ?? this.catalog.known()).filter(test)) : passed;
    query.filter = this.scope ? await this.scope(tested, () => filter({})) : tested;
  }

  /** Whether the shop's own words can answer a query before the encoders are here. @param {Query} query */
  speaks({ kind, row, photo }) {
    const named = kind === 'text' || (kind === 'composed' && row !== null && !photo);
    return named && !this.catalog.manifest.cells && Boolean(this.engine?.named);
  }

  /** What the catalog alone can say, while the search loads or where it cannot run. @param {Query} query @returns {Promise<Response>} */
  async standIn(query) {
    if (this.speaks(query)) {
      const { text, row, k, filter } = query;
      const asked = { text, k, words: true, product: row, exclude: row === null ? [] : [row], rows: filter?.asked };
      return this.respond('words', await this.started.call('query', asked));
    }
    const { kind, words, row, filter } = query;
    if (kind === 'browse') return this.respond('browse', { hits: await this.catalog.mixed(filter) });
    if (kind === 'like' && row !== null)
      return this.respond('neighbours', { hits: await this.catalog.nearest(row, filter) });
    if (kind === 'image') return this.respond('none', { hits: [] });
    return this.respond('titles', { hits: await this.catalog.match(words, filter, row) });
  }

  /**
   * The engine's response. The encoders run to the end once started, so one query is in the worker at a time; one that
   * was given up (`signal`) is rejected at once and, if it still waits, never sent. `partial` is told what has been found
   * so far, where a clustered catalog's files come bit by bit.
   * @param {Query} query
   * @param {{signal?: AbortSignal, partial?: ((response: Response) => void) | null}} [options]
   * @returns {Promise<Response>}
   */
  async search(query, { signal, partial = null } = {}) {
    const photo = this.photoOf(query);
    const bytes = photo && !this.handed.includes(photo.key) ? await unlessAborted(photo.bytes(), signal) : null;
    let done = false;
    const found = async (/** @type {Answer} */ answer) => {
      await this.catalog.bring(answer.hits);
      if (!done && !signal?.aborted) partial?.({ ...this.respond(by(answer), answer), partial: true });
    };
    const answered = this.turn.then(() =>
      this.send(query, photo, bytes, signal, (/** @type {Answer} */ answer) => void found(answer).catch(() => {})),
    );
    this.turn = answered.catch(() => {});
    const answer = await unlessAborted(answered, signal);
    await unlessAborted(this.catalog.bring(answer.hits), signal);
    done = true;
    return this.respond(by(answer), answer);
  }

  /** @param {Query} query @returns {Photo | null} */
  photoOf({ kind, row, photo }) {
    if (photo || row === null || kind === 'like') return photo;
    const item = this.catalog.items[row];
    return { key: item.own ? this.catalog.photo(item) : `row ${row}`, bytes: () => this.catalog.photoBytes(item) };
  }

  /**
   * @param {Query} query
   * @param {Photo | null} photo
   * @param {Uint8Array<ArrayBuffer> | null} bytes   its bytes, where the worker had not got them
   * @param {AbortSignal | undefined} signal
   * @param {(answer: Answer) => void} partial
   * @returns {Promise<Answer>}
   */
  async send({ kind, text, words, row, mix, k, filter }, photo, bytes, signal, partial) {
    const engine = this.started;
    signal?.throwIfAborted();
    const rows = filter?.asked ?? null;
    if (kind === 'like') return engine.call('neighbours', { row, k, rows, relevance: this.relevance }, [], partial);
    /** @type {Record<string, unknown>} */
    const query = { k, relevance: this.relevance };
    if (words) query.text = text;
    if (rows) query.rows = rows;
    if (photo) {
      Object.assign(query, { photo: photo.key, like: mix });
      if (row !== null) Object.assign(query, { exclude: [row], product: row });
      await this.handOver(photo, bytes);
    }
    return engine.call('query', query, [], partial);
  }

  /** The worker gets a photo's bytes once, and later queries name it by its key. @param {Photo} photo @param {Uint8Array<ArrayBuffer> | null} fetched */
  async handOver({ key, bytes }, fetched) {
    if (this.handed.includes(key)) return;
    const copy = (fetched ?? (await bytes())).slice();
    await this.started.call('photo', { key, bytes: copy }, [copy.buffer]);
    this.handed = [...this.handed, key].slice(-photosKept);
  }

  /** @param {Response['by']} by @param {Answer} answer @returns {Response} */
  respond(by, { hits, good, attention = null, reading = null, ms = null }) {
    return { by, hits, good: good ?? hits.length, attention, reading, ms, partial: false };
  }
}
