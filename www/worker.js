// The engine's thread: fetches and checks what the search needs, and answers questions.
// Messages: {id, method, args} → {id, result | error}, before it {id, partial} where answers come bit by bit; unasked for: {event: 'state' | 'requests', …}.
import { DataError, Store, fetchPart } from './core/data.js';
import { held } from './core/names.js';
import { runnable, threadCount } from './core/builds.js';
import { Modules } from './core/modules.js';

const preparedAtOnce = 2000; // photos of a large catalog, some tens of milliseconds of a phone
/** What texts need. A CLIP has no head. */
const textParts = () => (model.clip ? ['tokenizer', 'text'] : ['tokenizer', 'text', 'fusion']);

let modules = null; // what else runs here comes through it, verified
/** @type {any} */
let engine = null; // the wasm module's Vitrine
let program = null; // the bindings that it came with
let store = null;
let clusters = null; // of a clustered catalog
let site, base, model, catalog, texts, language;
let builds = []; // of the program, that this browser can run, the fastest first
let ahead = null; // one whose files were asked for before the rest was known: {build, files}
let build = null; // the one that runs
let stop = new AbortController();
const photos = new Map(); // key → bytes of the few photos asked with last
const loading = new Map(); // stage → promise
const parts = new Map(); // name → {name, bytes, received, wanted, state}
const stages = {
  wasm: 'waiting',
  text: 'waiting',
  image: 'waiting',
  shards: 'waiting',
  words: 'waiting',
  instant: 'waiting',
};
let trouble = null;
let wanted = null; // the backend that the address asks for: cpu, gpu or none
let accelerator = null; // the engine on WebGPU, once it has proved itself
let backend = null; // which engine answers, once that is decided: {name, why, adapter}
let owned = 0; // the visitor's own photos, which only the processor searches
let why = null;

// ---- what the page is told ------------------------------------------------------------------------------------

let queued = false;
function report(now = false) {
  if (queued && !now) return;
  queued = true;
  setTimeout(
    () => {
      queued = false;
      const wanted = [...parts.values()].filter((part) => part.wanted);
      postMessage({
        event: 'state',
        state: {
          ...stages,
          why,
          build,
          backend: accelerator && owned ? { ...backend, name: 'cpu', why: 'own' } : backend,
          error: trouble,
          paused: stop.signal.aborted,
          full: store?.full ?? false,
          parts: [...parts.values()],
          received: wanted.reduce((sum, part) => sum + part.received, 0),
          total: wanted.reduce((sum, part) => sum + part.bytes, 0),
        },
      });
    },
    now ? 0 : 80,
  );
}

/** A trap, or memory that ran out, leaves the engine in a state that nobody knows: the page starts a new one. */
function isCrash(error) {
  return (
    error instanceof RangeError || (globalThis.WebAssembly?.RuntimeError && error instanceof WebAssembly.RuntimeError)
  );
}

function plain(error) {
  const code = isCrash(error) ? 'crash' : (error?.code ?? 'engine');
  return { message: String(error?.message ?? error), code, details: error?.details };
}

function plan(name, part) {
  parts.set(name, { name, file: part.file, bytes: part.bytes, received: 0, wanted: false, state: 'waiting' });
}

/** One file of the manifests, counted in the one progress bar behind what is `before` it under the same name. */
async function take(name, url, part, onChunk, before = 0) {
  const entry = parts.get(name);
  entry.wanted = true;
  entry.state = 'loading';
  try {
    const bytes = await fetchPart(url, part, {
      store,
      signal: stop.signal,
      onBytes: (received) => {
        entry.received = before + received;
        report();
      },
      onChunk,
    });
    if (entry.received >= entry.bytes) entry.state = 'ready';
    return bytes;
  } catch (error) {
    entry.state = error.name === 'AbortError' ? 'waiting' : 'failed';
    throw error;
  }
}

/** A query borrows the engine until it is answered, so nothing may be loaded into it meanwhile. */
/** @type {Promise<any>} */
let turn = Promise.resolve();
/** @template T @param {() => T | Promise<T>} work @returns {Promise<T>} */
function alone(work) {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

// ---- stages: each runs once, and again when a failed or paused one is asked for anew --------------------------

function mark(name, state) {
  if (name in stages) stages[name] = state;
  report(true);
}

let supported = null;

function stage(name, work) {
  if (!loading.has(name)) {
    mark(name, 'loading');
    const run = (supported ??= checkWasm()).then(work).then(
      () => mark(name, 'ready'),
      (error) => {
        loading.delete(name);
        if (error.code === 'refused') why = error.details.why;
        else if (error.name !== 'AbortError' && !error.reported) trouble = { ...plain(error), stage: name };
        error.reported = true;
        mark(name, error.name === 'AbortError' ? 'waiting' : error.code === 'refused' ? 'refused' : 'failed');
        throw error;
      },
    );
    run.catch(() => {});
    loading.set(name, run);
  }
  return loading.get(name);
}

/** Asked before the download, so that nobody fetches megabytes that the browser would then refuse. */
async function checkWasm() {
  const refuse = (reason) => {
    throw new DataError('refused', { file: 'WebAssembly', why: reason });
  };
  try {
    // The smallest module: a policy or a setting that forbids WebAssembly refuses this one too.
    await WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  } catch {
    refuse('wasm');
  }
  // () → v128: i32.const 0, i8x16.splat, i8x16.popcnt
  const simd = Uint8Array.of(
    0,
    97,
    115,
    109,
    1,
    0,
    0,
    0,
    1,
    5,
    1,
    96,
    0,
    1,
    123,
    3,
    2,
    1,
    0,
    10,
    10,
    1,
    8,
    0,
    65,
    0,
    253,
    15,
    253,
    98,
    11,
  );
  if (!WebAssembly.validate(simd)) refuse('simd');
}

/** Compiles a module while its bytes arrive. What comes out counts only once those bytes have been checked. */
class Compiler {
  take(chunk, offset) {
    if (offset === 0) {
      this.cancel();
      const body = new ReadableStream({ start: (controller) => (this.controller = controller) });
      const headers = { 'content-type': 'application/wasm' };
      this.module = WebAssembly.compileStreaming?.(new Response(body, { headers }));
      this.module?.catch(() => {}); // told where it is awaited, if it is
    }
    this.controller.enqueue(chunk);
  }

  cancel() {
    this.controller?.error(new Error('cancelled'));
    this.controller = null;
  }

  finish(bytes) {
    this.controller?.close();
    return this.module ?? WebAssembly.compile(bytes);
  }
}

/** The fastest build that this browser takes. One that it refuses after all is followed by the next. */
async function loadWasm() {
  for (const [i, chosen] of builds.entries()) {
    try {
      return await loadBuild(chosen);
    } catch (error) {
      const refused =
        error instanceof WebAssembly.CompileError ||
        error instanceof WebAssembly.LinkError ||
        error instanceof RangeError;
      if (!refused) throw error;
      if (i + 1 === builds.length) throw new DataError('refused', { file: chosen.file, why: 'simd' });
      plan('wasm', builds[i + 1]);
    }
  }
}

// The program's last bytes take as long as a host takes to answer, so what follows it is asked for shortly before its end.
const nearly = 0.7;
let follow;
const following = new Promise((resolve) => (follow = resolve));

/** Everything of a build, verified: its module, its bindings, their address, and its threads' code. */
async function filesOf(chosen) {
  const url = new URL(chosen.file, base).href;
  const script = chosen.file.replace(/_bg\.wasm$/, '.js');
  const threads = chosen.needs.includes('threads');
  // all of a build, or none of it: the code of its threads is verified before anything of it starts
  const bindings = Promise.all([modules.import(script), modules.url(script), threads && modules.worker('pool.js')]);
  bindings.catch(() => {}); // told where it is awaited
  const compiler = new Compiler();
  const onChunk = (chunk, offset) => {
    compiler.take(chunk, offset);
    if (offset + chunk.length > nearly * chosen.bytes) follow();
  };
  try {
    const bytes = await take('wasm', url, chosen, onChunk);
    return [await compiler.finish(bytes), ...(await bindings)];
  } catch (error) {
    compiler.cancel();
    throw error;
  } finally {
    follow();
  }
}

async function loadBuild(chosen) {
  const files = ahead?.build === chosen.name ? ahead.files : filesOf(chosen);
  ahead = null; // what failed is fetched again
  const [module, imported, address, pool] = await files;
  program = imported;
  const { memory } = await program.default({ module_or_path: module });
  if (pool) startThreads(pool, { bindings: address, module, memory });
  const made = new program.Vitrine();
  made.load_model(texts.model);
  made.open_catalog(texts.catalog);
  made.set_language(language);
  engine = made;
  build = chosen.name;
}

/** They join when they are up; until then, and where they fail, the engine works alone. */
function startThreads(pool, program) {
  for (let index = 0; index + 1 < threadCount(); index++)
    new Worker(pool, { type: 'module' }).postMessage({ ...program, index });
}

/** Files of the model, the one that is no part of its fingerprint among them. */
const modelFiles = () => [...model.parts, ...(model.instant ? [model.instant] : [])];

/** A part may have several files, as large as hosts take: each is checked, read and let go by itself. */
async function loadPart(name) {
  const files = modelFiles().filter((candidate) => candidate.part === name);
  if (!files.length)
    throw new DataError('mismatch', {
      file: 'model.json',
      expected: `a part “${name}”`,
      got: modelFiles()
        .map((p) => p.part)
        .join(', '),
    });
  if (name === 'instant') await following;
  let received = 0; // of the files before
  for (const part of files) {
    const bytes = await take(name, new URL(part.file, new URL(site.model, base)).href, part, undefined, received);
    await stage('wasm', loadWasm);
    await alone(() => engine.load_part(name, bytes));
    received += part.bytes;
  }
}

const partOnce = (name) => stage(`part ${name}`, () => loadPart(name));

/** What only some visitors use is fetched when they do. */
let ownWork = null;
function ownPhotos() {
  ownWork ??= modules
    .import('ui/own/work.js')
    .then(({ ownMethods }) => ownMethods({ engine: () => engine, alone, ready: () => stage('wasm', loadWasm) }));
  ownWork.catch(() => (ownWork = null));
  return ownWork;
}

const runnableHere = (wanted) => (typeof WebAssembly === 'object' ? runnable(site.wasm, wanted) : []);

const methods = {
  /** The program is asked for as soon as the site is known; `start` follows with all that it needs besides. */
  async ahead(args) {
    ({ site, base } = args);
    const [first] = runnableHere(args.build);
    if (engine || ahead || !first) return;
    store = new Store(base);
    plan('wasm', first);
    await (supported ??= checkWasm());
    ahead = { build: first.name, files: filesOf(first) };
    await ahead.files;
  },

  async start(args) {
    ({ site, base, model, catalog, texts } = args);
    watchRequests();
    language = args.language ?? 'en';
    builds = runnableHere(args.build);
    if (args.careful) builds = builds.slice(-1); // the last one broke down: the plainest takes the least memory
    wanted = args.careful ? 'cpu' : args.backend; // after a crash, nothing that could be the cause of one
    store = new Store(base);
    store.off = args.keepNothing;
    const wasm = builds[0] ?? site.wasm.at(-1);
    if (parts.get('wasm')?.file !== wasm.file) plan('wasm', wasm);
    for (const part of modelFiles()) {
      const bytes = modelFiles().reduce((sum, { part: name, bytes }) => sum + (name === part.part ? bytes : 0), 0);
      plan(part.part, { ...part, bytes });
    }
    const bytes = catalog.cells
      ? catalog.cells.centres.bytes
      : catalog.shards.reduce((sum, shard) => sum + shard.bytes, 0);
    plan('shards', { file: 'catalog vectors', bytes });
    if (args.what) return methods.load({ what: args.what });
    // The bar's total is known from the first byte on: everything that the first answer by meaning needs is wanted now.
    const first = model.instant ? ['instant'] : textParts();
    for (const name of ['wasm', ...first, 'shards']) if (parts.has(name)) parts.get(name).wanted = true;
    if (args.hold && !model.instant) return report(true);
    if (!model.instant) return methods.load({ what: ['wasm', 'words', 'text', 'shards'] });
    // The small tier answers after a tenth of the megabytes. Without it the text encoder answers, only later.
    const small = stage('instant', loadInstant).catch((error) => {
      if (error.name === 'AbortError') throw error;
    });
    await Promise.all([small, methods.load({ what: ['wasm', 'words', 'shards'] })]);
    await new Promise((resolve) => setTimeout(resolve)); // what is ready now has then been told
    // the rest comes when it is asked for, where the connection counts bytes or the page says when nobody waits
    if (!args.hold && !(args.later && stages.instant === 'ready')) await methods.load({ what: ['text'] });
  },

  async load({ what }) {
    trouble = null;
    const works = { wasm: loadWasm, text: loadText, image: loadImage, shards: loadShards, words: loadWords };
    if (model.instant) Object.assign(works, { instant: loadInstant });
    if (stop.signal.aborted) stop = new AbortController();
    await Promise.all(what.map((name) => stage(name, works[name])));
    if (['text', 'image', 'shards'].every((name) => stages[name] === 'ready')) accelerate();
  },

  pause() {
    stop.abort();
    report(true);
  },

  photo({ key, bytes }) {
    photos.delete(key);
    photos.set(key, bytes);
    // A photo is at most a few megabytes, and only the last few are asked with again.
    while (photos.size > 6) photos.delete(photos.keys().next().value);
  },

  async query({ photo, ...query }, partial) {
    // scores of the instant tier are others, and so are the limits of its good matches
    query.relevance = (stages.text !== 'ready' && query.relevance?.instant) || query.relevance;
    if (photo) query.photo = photos.get(photo) ?? missing(photo);
    await learnFor(query.text);
    return clusters ? clusters.query(query, partial) : alone(() => answer(query));
  },

  neighbours(like, partial) {
    const { row, k, rows, relevance } = like;
    return clusters ? clusters.neighbours(like, partial) : alone(() => engine.neighbours(row, k, rows, relevance));
  },

  complete: ({ text, words, rows }) => alone(() => engine.complete(text, words, rows)),

  forget() {
    store.off = true;
  },

  async own(args) {
    owned = await (await ownPhotos()).own(args);
    report();
    return owned;
  },

  encode: async (args) => (await ownPhotos()).encode(args),

  exportOwn: async (args) => (await ownPhotos()).exportOwn(args),
};

function missing(key) {
  throw new DataError('photo', { file: key });
}

// ---- WebGPU: tried once everything is here; the processor answers meanwhile, and whenever it fails ---------------

function decide(name, why, adapter) {
  backend = { name, why, adapter };
  report(true);
}

let trial = null;
let graphics = null; // core/webgpu.js, where the browser knows WebGPU
function accelerate() {
  if (catalog.cells) return; // its vectors are never all here, and those of a few clusters are no work
  trial ??= (async () => {
    if (wanted === 'cpu') return decide('cpu', 'forced');
    if (!('gpu' in navigator)) return decide('cpu', 'absent');
    let candidate = null;
    try {
      graphics = await modules.import('core/webgpu.js');
      const cpu = (method, ...args) => alone(() => engine[method](...args));
      const onDownload = (bytes) => Object.assign(parts.get('gpu'), { received: bytes, state: 'ready' });
      candidate = new graphics.Accelerator({
        modules,
        site,
        base,
        model,
        catalog,
        texts,
        store,
        forced: wanted === 'gpu',
        cpu,
        words: () => ({ language, glossaries }),
        onDownload,
      });
      if (candidate.build) plan('gpu', candidate.build);
      await candidate.start();
      accelerator = candidate;
      decide('gpu', wanted === 'gpu' ? 'forced' : null, candidate.adapter);
    } catch (error) {
      decide('cpu', graphics && error instanceof graphics.Unfit ? error.code : 'failed', candidate?.adapter);
    }
  })();
}

async function answer(query) {
  if (accelerator && !owned) {
    try {
      return await accelerator.query(query);
    } catch (error) {
      if (!(error instanceof graphics.Unfit)) throw error;
      const { adapter } = accelerator;
      accelerator = null;
      decide('cpu', error.code, adapter);
    }
  }
  return engine.query(query);
}

async function loadText() {
  await Promise.all([stage('wasm', loadWasm), ...textParts().map(partOnce)]);
}

async function loadInstant() {
  await Promise.all([stage('wasm', loadWasm), partOnce('instant')]);
}

async function loadImage() {
  const names = model.clip ? ['image'] : ['fusion', 'image'];
  await Promise.all([stage('wasm', loadWasm), ...names.map(partOnce)]);
}

/** Shards go into the engine in row order, whatever order they arrive in. */
async function loadShards() {
  if (catalog.cells) return loadCentroids();
  const entry = parts.get('shards');
  entry.wanted = true;
  entry.state = 'loading';
  await following;
  const received = catalog.shards.map(() => 0);
  const fetches = catalog.shards.map((shard, i) => {
    const url = new URL(shard.file, new URL(site.catalog, base)).href;
    const onBytes = (n) => {
      received[i] = n;
      entry.received = received.reduce((sum, got) => sum + got, 0);
      report();
    };
    const bytes = fetchPart(url, shard, { store, signal: stop.signal, onBytes });
    bytes.catch(() => {}); // reported where it is awaited
    return bytes;
  });
  try {
    await stage('wasm', loadWasm);
    for (const [i, shard] of catalog.shards.entries()) {
      const bytes = await fetches[i];
      await alone(() => engine.add_shard(shard.file, bytes));
    }
    entry.state = 'ready';
  } catch (error) {
    entry.state = error.name === 'AbortError' ? 'waiting' : 'failed';
    throw error;
  }
  prepare().catch((error) => {
    trouble = { ...plain(error), stage: 'shards' };
    report(true);
  });
}

/** The products, whose words join the vectors in every ranking, and answer alone while the encoders are on their way. */
async function loadWords() {
  learn([language]).catch(() => {}); // a query learns again what it needs
  if (catalog.cells) return;
  const from = new URL(site.catalog, base).href;
  for (const { items } of catalog.shards) {
    const bytes = await fetchPart(new URL(items.file, from).href, items, { store, signal: stop.signal });
    await stage('wasm', loadWasm);
    await alone(() => engine.add_items(items.file, bytes));
  }
}

const glossaries = []; // their bytes, for the other engine
const learnt = new Map(); // code of a language → its glossary's promise
const told = new Map(); // code of a language → the promise of its glossary's bytes

function glossaryOf(code) {
  const entry = site.glossaries?.find((candidate) => candidate.language === code);
  if (entry && !told.has(code)) {
    const bytes = fetchPart(new URL(entry.file, base).href, entry, { store, signal: stop.signal });
    told.set(code, bytes);
    bytes.catch(() => told.delete(code));
  }
  return told.get(code);
}

/** The words of languages: the English ones first, by whose names the others are told. @param {string[]} codes */
async function learn(codes) {
  const files = ['en', ...codes].map((code) => [code, glossaryOf(code)]); // all are on their way while the first is awaited
  await stage('wasm', loadWasm);
  for (const [code, file] of files) {
    if (!file || learnt.has(code)) await learnt.get(code);
    else {
      const work = file.then((bytes) => alone(() => glossaries.push((engine.add_glossary(bytes), bytes))));
      learnt.set(code, work);
      work.catch(() => learnt.delete(code));
      await work;
    }
  }
}

/** A text's own languages, and the shop's; one whose words cannot be had is searched without them. @param {string | undefined} text */
async function learnFor(text) {
  if (!text || !engine) return;
  const codes = [language, ...engine.languages_of(text), engine.catalog_language()].filter(Boolean);
  await learn(codes).catch(() => {});
}

/** A large catalog is searched faster once it has been prepared for it: a little at a time, so that no question waits. */
async function prepare() {
  const whole = () => alone(() => engine.prepare(preparedAtOnce));
  while (!(await whole())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Of a clustered catalog only the centroids are fetched ahead. */
async function loadCentroids() {
  const { centres } = catalog.cells;
  const bytes = await take('shards', new URL(centres.file, new URL(site.catalog, base)).href, centres);
  await stage('wasm', loadWasm);
  await alone(() => engine.open_clusters(bytes));
  const { ClusterSearch } = await modules.import('core/clusters.js');
  clusters = new ClusterSearch(catalog, new URL(site.catalog, base).href, {
    engine,
    store,
    alone,
    signal: () => stop.signal,
  });
}

// ---- what leaves this thread's network, for the page's privacy panel -------------------------------------------

/** Told from the start on, when the page listens; what was requested before is told then. */
function watchRequests() {
  new PerformanceObserver((list) => {
    postMessage({ event: 'requests', urls: list.getEntries().map((entry) => entry.name) });
  }).observe({ type: 'resource', buffered: true });
}

addEventListener('securitypolicyviolation', (event) => postMessage({ event: 'blocked', url: event.blockedURI }));

addEventListener('message', async ({ data: { id, method, args, modules: given } }) => {
  if (given) return void (modules = Modules.from(given));
  try {
    postMessage({
      id,
      result: await held(/** @type {Record<string, Function>} */ (methods), method)(args, (partial) =>
        postMessage({ id, partial }),
      ),
    });
  } catch (error) {
    postMessage({ id, error: plain(error) });
  }
});
