// The second engine: the same program on WebGPU, beside the one on the processor, which stays the one that is trusted.
// It is used only after it has agreed with the processor on this device and was faster; whatever goes wrong later, the
// processor answers the same question.
import { cacheName, exclusive, fetchPart } from './data.js';

/** Cosine above which two vectors are the same answer: what rounding in another order may cost. */
const agreement = 0.999;
/** The self-test's words, and how often it measures. */
const words = 'a red dress with long sleeves';
const rounds = 3;
/** How long one answer of the self-test may take before the device counts as slower, in milliseconds. */
const patience = 10_000;
/** The same where a visitor asked for WebGPU, whatever its speed. */
const forcedPatience = 180_000;
/** Later answers may take this many times what the self-test's took, or `least` where that is more. */
const slack = 20;
const least = 5_000;

/** @typedef {import('./data.js').Build} Build */
/**
 * @typedef {object} Given   what the worker has and this engine needs
 * @property {import('./modules.js').Modules} modules   where code comes from, verified
 * @property {import('./data.js').Site} site
 * @property {string} base
 * @property {import('./data.js').Model} model
 * @property {import('./data.js').Manifest} catalog
 * @property {{model: string, catalog: string}} texts
 * @property {import('./data.js').Store} store
 * @property {boolean} forced
 * @property {() => {language: string, glossaries: Uint8Array[]}} words   the visitor's language, and the words of those that are here
 * @property {(method: string, ...args: unknown[]) => Promise<any>} cpu   asks the engine on the processor
 * @property {(bytes: number) => void} onDownload
 */

/** Why the graphics device is not used; the page has a sentence for each code. */
export class Unfit extends Error {
  /** @param {string} code @param {any} [cause] */
  constructor(code, cause) {
    super(cause ? `${code}: ${cause.message ?? cause}` : code);
    this.code = code;
  }
}

const median = (/** @type {number[]} */ list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function cosine(a, b) {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  // vectors of different lengths, or of what is no number, agree with nothing
  return a.length === b.length && dot > 0 ? dot / Math.sqrt(aa * bb) : 0;
}

/** What a promise gives, unless it takes longer than `ms`.
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
function within(ms, promise) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Unfit('late')), ms)));
  promise.catch(() => {}); // nobody listens to an answer that comes too late
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A garment drawn on the spot: the self-test needs a photo, and any will do as long as both engines see the same. */
async function drawing() {
  const canvas = new OffscreenCanvas(96, 128);
  const context = canvas.getContext('2d');
  if (!context) throw new Unfit('failed', 'no canvas');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, 96, 128);
  context.fillStyle = '#b3252f';
  context.fill(new Path2D('M30 10h36l24 40-14 8-8-14v74H28V44l-8 14-14-8z'));
  context.fillStyle = '#27406b';
  for (let y = 30; y < 116; y += 14) context.fillRect(28, y, 40, 5);
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return new Uint8Array(await blob.arrayBuffer());
}

/** The adapter that the browser prefers, or the reason why there is none to use. @param {boolean} forced */
export async function findAdapter(forced) {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  if (!gpu) throw new Unfit('absent');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) throw new Unfit('absent');
  const { vendor = '', architecture = '', device = '', description = '', isFallbackAdapter } = adapter.info ?? {};
  if ((isFallbackAdapter ?? adapter.isFallbackAdapter) && !forced) throw new Unfit('software');
  return [...new Set([description, vendor, architecture, device])].filter(Boolean).join(' ') || 'WebGPU';
}

/** Verdicts of earlier visits, kept with the site's other files and removed with them. */
class Verdicts {
  /** @param {import('./data.js').Store} store @param {string[]} parts */
  constructor(store, parts) {
    this.store = store;
    // another driver comes with another browser or adapter; another program or model must be tested anew
    this.url = new URL(`_kept/verdict?${new URLSearchParams({ of: parts.join(' · ') })}`, store.base).href;
  }

  async cache() {
    if (this.store.off || typeof caches === 'undefined') return null;
    return caches.open(cacheName(this.store.base, 'verdicts')).catch(() => null);
  }

  async get() {
    const kept = await (await this.cache())?.match(this.url).catch(() => null);
    return kept ? kept.json().catch(() => null) : null;
  }

  /** @param {{why?: string, took?: number, precision?: string | null}} verdict */
  async put(verdict) {
    await (await this.cache())?.put(this.url, Response.json(verdict)).catch(() => {});
  }
}

/** The engine on the graphics device. */
export class Accelerator {
  /** @type {any} the wasm module's Vitrine, once it may be asked */
  engine = null;
  learnt = 0; // glossaries that it has
  adapter = ''; // its name
  /** @type {string | null} what the device is fastest at */
  precision = null;

  /** @param {Given} given */
  constructor(given) {
    this.given = given;
    this.build = given.site.wasm.find(({ name }) => name === 'gpu');
    this.limit = given.forced ? forcedPatience : patience;
  }

  /** Downloads, tests and measures. Ends in an engine that may be asked, or throws an Unfit that says why not. */
  async start() {
    this.adapter = await findAdapter(this.given.forced);
    const { build } = this;
    if (!build) throw new Unfit('build');
    // a clustered catalog comes in parts as questions need them, and goes again
    if (this.given.catalog.cells) throw new Unfit('clustered');
    // Two tabs that measure at once would slow each other down, and the verdict stays.
    await exclusive(this.given.store.base, 'verdict', () => this.judge(build));
  }

  /** @param {Build} build */
  async judge(build) {
    const verdicts = new Verdicts(this.given.store, [
      this.adapter,
      navigator.userAgent,
      build.sha256,
      this.given.model.fingerprint,
    ]);
    const known = await verdicts.get();
    if (known?.why && !(this.given.forced && known.why === 'slower')) throw new Unfit(known.why);
    try {
      const engine = await this.load(build, known?.precision);
      // a forced engine is not timed, so that its verdict says nothing for the next visit
      const took = known?.took ?? (await this.test(engine));
      this.limit = Math.max(least, slack * took);
      if (!known && !this.given.forced) await verdicts.put({ took, precision: this.precision });
      this.engine = engine;
    } catch (error) {
      const unfit = error instanceof Unfit ? error : new Unfit('failed', error);
      // a network that broke says nothing of the device
      if (['disagrees', 'slower', 'late'].includes(unfit.code))
        await verdicts.put({ why: unfit.code === 'late' ? 'slower' : unfit.code });
      throw unfit;
    }
  }

  /** `precision` is what an earlier visit found the device to be fastest at. @param {Build} build @param {string} [precision] */
  async load(build, precision) {
    const url = new URL(build.file, this.given.base).href;
    const module = await fetchPart(url, build, { store: this.given.store });
    this.given.onDownload(build.bytes);
    const program = await this.given.modules.import(build.file.replace(/_bg\.wasm$/, '.js'));
    await program.default({ module_or_path: module });
    const engine = new program.Vitrine();
    this.precision = await within(this.limit, engine.open_device(this.limit, precision));
    engine.load_model(this.given.texts.model);
    for (const part of this.given.model.parts) {
      const from = new URL(part.file, new URL(this.given.site.model, this.given.base)).href;
      engine.load_part(part.part, await fetchPart(from, part, { store: this.given.store }));
    }
    engine.open_catalog(this.given.texts.catalog);
    for (const shard of this.given.catalog.shards) {
      const from = new URL(shard.file, new URL(this.given.site.catalog, this.given.base)).href;
      engine.add_shard(shard.file, await fetchPart(from, shard, { store: this.given.store }));
      const items = new URL(shard.items.file, new URL(this.given.site.catalog, this.given.base)).href;
      engine.add_items(shard.items.file, await fetchPart(items, shard.items, { store: this.given.store }));
    }
    return engine;
  }

  /** Compares a photo, words and both of them with the processor's answers; gives the milliseconds of the last. @param {any} engine */
  async test(engine) {
    const photo = await drawing();
    const ask = (/** @type {string | undefined} */ text, /** @type {Uint8Array | undefined} */ image) =>
      within(this.limit, engine.vector(text, image));
    /** @type {[string | undefined, Uint8Array | undefined][]} */
    const cases = [
      [words, undefined],
      [undefined, photo],
      [words, photo],
    ];
    for (const [text, image] of cases) {
      const [got, expected] = [await ask(text, image), await this.given.cpu('vector', text, image)];
      if (!(cosine(got, expected) >= agreement)) throw new Unfit('disagrees');
    }
    /** @type {{gpu: number[], cpu: number[]}} */
    const times = { gpu: [], cpu: [] };
    const time = async (/** @type {number[]} */ list, /** @type {() => Promise<unknown>} */ run) => {
      const start = performance.now();
      await run();
      list.push(performance.now() - start);
    };
    for (let i = 0; i < (this.given.forced ? 1 : rounds); i++) {
      await time(times.gpu, () => ask(words, photo));
      await time(times.cpu, () => this.given.cpu('vector', words, photo));
    }
    if (!this.given.forced && median(times.gpu) >= median(times.cpu)) throw new Unfit('slower');
    return median(times.gpu);
  }

  /** Takes the words of other languages that came since the last query. */
  learn() {
    const { language, glossaries } = this.given.words();
    if (!this.learnt) this.engine.set_language(language);
    for (; this.learnt < glossaries.length; this.learnt++) this.engine.add_glossary(glossaries[this.learnt]);
  }

  /** An answer, or an Unfit: after one, this engine is not asked again. @param {object} question */
  async query(question) {
    try {
      this.learn();
      const answer = await within(this.limit, this.engine.query(question));
      // a device that was lost between two commands may hand out zeros
      if (!answer.hits.every((/** @type {{score: number}} */ { score }) => Number.isFinite(score)))
        throw new Unfit('lost');
      // recording takes no time, and all the waiting is one: it is told as one
      const { decode, total } = answer.ms;
      return { ...answer, ms: { decode, device: total - decode, total } };
    } catch (error) {
      // what both engines would refuse, such as a file that is no photo, is no fault of the device
      if (
        !(error instanceof Unfit) &&
        !/graphics device/.test(String(error)) &&
        !(error instanceof WebAssembly.RuntimeError)
      )
        throw error;
      this.engine = null;
      throw error instanceof Unfit ? error : new Unfit('lost', error);
    }
  }
}
