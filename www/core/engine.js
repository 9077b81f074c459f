// The page's side of the worker: calls out, answers and events back.
import { Modules } from './modules.js';
import { held } from './names.js';

/** @typedef {'waiting' | 'loading' | 'ready' | 'failed' | 'refused'} Stage */
/** @typedef {{name: string, file: string, bytes: number, received: number, wanted: boolean, state: Stage}} PartState */
/** @typedef {{message: string, code: string, details?: Record<string, string>, stage?: string}} Trouble */
/**
 * @typedef {object} State   what the worker says of itself
 * @property {Stage} wasm
 * @property {Stage} text
 * @property {Stage} image
 * @property {Stage} shards
 * @property {Stage} words   what titles and attributes say
 * @property {Stage} instant   the tier that answers texts until the text encoder is here
 * @property {string | null} why   of a refusal
 * @property {string | null} [build]
 * @property {{name: string, why?: string, adapter?: string} | null} backend
 * @property {Trouble | null} error
 * @property {boolean} paused
 * @property {boolean} [full]
 * @property {PartState[]} parts
 * @property {number} received
 * @property {number} total
 */
/** @typedef {[{id: number, method: string, args: object}, Transferable[]]} Message */
/** @typedef {{modules: Modules, thread: Worker | null, outbox: Message[]}} Run */
/** @typedef {(found: any) => void} Partial */

export class EngineError extends Error {
  /** @param {Trouble} trouble */
  constructor({ message, code, details }) {
    super(message);
    this.code = code;
    this.details = details ?? {};
  }
}

const restarts = 2; // a third crash without an answer in between means that this device cannot run the search

/** @returns {State} */
const fresh = () => ({
  wasm: 'waiting',
  text: 'waiting',
  image: 'waiting',
  shards: 'waiting',
  words: 'waiting',
  instant: 'waiting',
  why: null,
  backend: null,
  error: null,
  paused: false,
  parts: [],
  received: 0,
  total: 0,
});

export class Engine extends EventTarget {
  /** @type {Map<number, {method: string, resolve: (result: any) => void, reject: (error: Error) => void, partial: Partial | null}>} */
  calls = new Map();
  /** @type {Run | null} */
  worker = null;
  /** @type {object} what the worker was started with */
  started = {};
  spoke = false; // whether the worker has sent anything

  /**
   * `base`: where worker.js lies; `table`: the hashes that it and its modules must have (ui/verified.js), or none.
   * @param {string} base
   * @param {Record<string, string>} table
   */
  constructor(base, table) {
    super();
    this.base = base;
    this.table = table;
    this.next = 1;
    this.crashes = 0; // since the last answer
    this.careful = false; // once one crashed: the plainest build, which takes the least memory
    this.state = fresh();
    this.launch();
  }

  /** What is posted before the worker is verified and up waits in `outbox`. */
  launch() {
    /** @type {Run} */
    const run = { modules: new Modules(this.base, this.table), thread: null, outbox: [] };
    this.worker = run;
    run.modules.worker('worker.js').then(
      (url) => this.worker === run && this.begin(run, url),
      (error) => this.worker === run && this.refuse(error.code === 'later' ? 'changed' : 'worker'),
    );
  }

  /** @param {Run} run @param {string} url */
  begin(run, url) {
    let thread;
    try {
      thread = new Worker(url, { type: 'module' });
    } catch {
      return this.refuse('worker');
    }
    run.thread = thread;
    this.spoke = false;
    thread.addEventListener('message', ({ data }) => this.worker === run && this.receive(data));
    // Fires when the script itself cannot run, as old browsers know no module workers, and later when it broke down.
    thread.addEventListener('error', (event) => {
      event.preventDefault();
      if (this.worker === run) this.spoke ? this.crashed(event.message) : this.refuse('worker');
    });
    thread.postMessage({ modules: run.modules.shared });
    for (const message of run.outbox) thread.postMessage(...message);
  }

  /** Hands the worker what it needs to begin; kept, as a restarted one needs it again. @param {object} args */
  start(args) {
    this.started = args;
    return this.call('start', { ...args, careful: this.careful });
  }

  /** From now on nothing is held back, in a restarted worker neither. */
  allow() {
    this.started = { ...this.started, hold: false, later: false };
  }

  /** Ends the worker; every call that it had is answered with `code`. @param {string} code @param {string} message */
  end(code, message) {
    this.worker?.thread?.terminate();
    this.worker?.modules.release();
    this.worker = null;
    const lost = [...this.calls.values()];
    this.calls.clear();
    for (const { reject } of lost) reject(new EngineError({ message, code }));
  }

  /** @param {string} why */
  refuse(why) {
    this.end('refused', why);
    Object.assign(this.state, { wasm: 'refused', why });
    this.dispatchEvent(new Event('state'));
  }

  /**
   * Starts anew after a breakdown. The question that was lost is rejected as `restarted`, to be asked again; one that
   * breaks the new worker too is rejected as `crash`, to be left alone.
   * @param {string} message
   */
  crashed(message) {
    const image = this.state.image !== 'waiting';
    this.crashes++;
    this.careful = true;
    this.started = { ...this.started, later: false }; // who was to say when is gone with the call that was lost
    if (this.crashes > restarts) return this.refuse('crash');
    this.end(this.crashes === 1 ? 'restarted' : 'crash', message);
    this.state = fresh();
    this.launch();
    this.dispatchEvent(new Event('restart'));
    this.dispatchEvent(new Event('state'));
    // What the visitor has not allowed yet stays held back. The image encoder takes the most memory: after a second breakdown it waits until a photo needs it.
    const more = image && this.crashes === 1;
    this.start(this.started).then(
      () => more && this.call('load', { what: ['image'] }).catch(() => {}),
      () => {}, // told through the state
    );
  }

  /** @param {any} data */
  receive(data) {
    this.spoke = true;
    if (data.event) {
      if (data.event === 'state') Object.assign(this.state, data.state);
      this.dispatchEvent(Object.assign(new Event(data.event), { data }));
      return;
    }
    if ('partial' in data) return this.calls.get(data.id)?.partial?.(data.partial);
    if (data.error?.code === 'crash') return this.crashed(data.error.message);
    const call = this.calls.get(data.id);
    this.calls.delete(data.id);
    if (data.error) return call?.reject(new EngineError(data.error));
    if (call?.method === 'query') this.crashes = 0;
    call?.resolve(data.result);
  }

  /** `partial`: told what the worker has found so far, where it finds bit by bit. @param {string} method @param {object} [args] @param {Transferable[]} [transfer] @param {Partial | null} [partial] @returns {Promise<any>} */
  call(method, args = {}, transfer = [], partial = null) {
    const run = this.worker;
    if (!run) return Promise.reject(new EngineError({ message: this.state.why ?? 'no worker', code: 'refused' }));
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { method, resolve, reject, partial });
      /** @type {Message} */
      const message = [{ id, method, args }, transfer];
      if (run.thread) run.thread.postMessage(...message);
      else run.outbox.push(message);
    });
  }

  /** Whether the shop's own words can be asked for. */
  get named() {
    return this.state.wasm === 'ready' && this.state.words === 'ready';
  }

  /** Whether the text encoder is here, and with it better answers than the instant tier's. */
  get full() {
    return this.state.text === 'ready';
  }

  get refused() {
    return this.state.wasm === 'refused';
  }

  /** Which queries the engine can answer now. @param {string} kind @returns {boolean} */
  can(kind) {
    const { wasm, instant, text, image, shards } = this.state;
    if (wasm !== 'ready' || shards !== 'ready') return false;
    const [words, photos] = [text === 'ready' && this.named, image === 'ready'];
    const typed = words || (instant === 'ready' && this.named);
    return held({ like: true, text: typed, image: photos, composed: words && photos }, kind) ?? false;
  }
}
