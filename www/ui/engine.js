// The page's side of the worker: calls out, answers and events back, one question at a time.
import { Modules } from './verified.js';

export class Superseded extends Error {}

export class EngineError extends Error {
  constructor({ message, code, details }) {
    super(message);
    this.code = code;
    this.details = details ?? {};
  }
}

const restarts = 2; // a third crash without an answer in between means that this device cannot run the search

const fresh = () => ({ wasm: 'waiting', text: 'waiting', image: 'waiting', shards: 'waiting', why: null, backend: null, error: null, paused: false, parts: [], received: 0, total: 0 });

export class Engine extends EventTarget {
  /** `base`: where worker.js lies; `table`: the hashes that it and its modules must have, the page's own without one. */
  constructor(base, table) {
    super();
    Object.assign(this, { base, table });
    this.calls = new Map();
    this.next = 1;
    this.waiting = null; // the newest question, while an older one is in the worker
    this.asking = false;
    this.crashes = 0; // since the last answer
    this.careful = false; // once one crashed: the plainest build, which takes the least memory
    this.state = fresh();
    this.launch();
  }

  /** What is posted before the worker is verified and up waits in `outbox`. */
  launch() {
    const run = (this.worker = { modules: new Modules(this.base, this.table), thread: null, outbox: [] });
    run.modules.worker('worker.js').then(
      (url) => this.worker === run && this.begin(run, url),
      (error) => this.worker === run && this.refuse(error.code === 'later' ? 'changed' : 'worker'),
    );
  }

  begin(run, url) {
    try {
      run.thread = new Worker(url, { type: 'module' });
    } catch {
      return this.refuse('worker');
    }
    this.spoke = false;
    run.thread.addEventListener('message', ({ data }) => this.worker === run && this.receive(data));
    // Fires when the script itself cannot run, as old browsers know no module workers, and later when it broke down.
    run.thread.addEventListener('error', (event) => {
      event.preventDefault();
      if (this.worker === run) this.spoke ? this.crashed(event.message) : this.refuse('worker');
    });
    run.thread.postMessage({ modules: run.modules.shared });
    for (const message of run.outbox) run.thread.postMessage(...message);
  }

  /** Hands the worker what it needs to begin; kept, as a restarted one needs it again. */
  start(args) {
    this.started = args;
    return this.call('start', { ...args, careful: this.careful });
  }

  /** Ends the worker; every call that it had is answered with `code`. */
  end(code, message) {
    this.worker?.thread?.terminate();
    this.worker?.modules.release();
    this.worker = null;
    const lost = [...this.calls.values()];
    this.calls.clear();
    for (const { reject } of lost) reject(new EngineError({ message, code }));
  }

  refuse(why) {
    this.end('refused', why);
    Object.assign(this.state, { wasm: 'refused', why });
    this.dispatchEvent(new Event('state'));
  }

  /**
   * Starts anew after a breakdown. The question that was lost is rejected as `restarted`, to be asked again; one that
   * breaks the new worker too is rejected as `crash`, to be left alone.
   */
  crashed(message) {
    const image = this.state.image !== 'waiting';
    this.crashes++;
    this.careful = true;
    if (this.crashes > restarts) return this.refuse('crash');
    this.end(this.crashes === 1 ? 'restarted' : 'crash', message);
    this.state = fresh();
    this.launch();
    this.dispatchEvent(new Event('restart'));
    this.dispatchEvent(new Event('state'));
    // What was waited for has been allowed before. The image encoder takes the most memory: after a second breakdown it waits until a photo needs it.
    const more = image && this.crashes === 1;
    this.start({ ...this.started, hold: false }).then(
      () => more && this.call('load', { what: ['image'] }).catch(() => {}),
      () => {}, // told through the state
    );
  }

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

  /** `partial`: told what the worker has found so far, where it finds bit by bit. */
  call(method, args = {}, transfer = [], partial = null) {
    if (!this.worker) return Promise.reject(new EngineError({ message: this.state.why ?? 'no worker', code: 'refused' }));
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { method, resolve, reject, partial });
      const message = [{ id, method, args }, transfer];
      if (this.worker.thread) this.worker.thread.postMessage(...message);
      else this.worker.outbox.push(message);
    });
  }

  /**
   * The encoders run to the end once started, so a question waits for the one in the worker; a newer question takes
   * the place of one that waits, and an answer nobody waits for any more is dropped.
   */
  ask(method, args, partial = null) {
    this.waiting?.reject(new Superseded());
    this.current?.reject(new Superseded());
    return new Promise((resolve, reject) => {
      this.waiting = { method, args, resolve, reject, partial };
      this.pump();
    });
  }

  cancel() {
    this.waiting?.reject(new Superseded());
    this.current?.reject(new Superseded());
    this.waiting = null;
  }

  async pump() {
    if (this.asking || !this.waiting) return;
    this.current = this.waiting;
    this.waiting = null;
    this.asking = true;
    const asked = this.current;
    const { method, args, resolve, reject } = asked;
    // Rejected ones are superseded: what is still found for them is shown to nobody.
    const partial = asked.partial && ((found) => this.current === asked && asked.partial(found));
    try {
      resolve(await this.call(method, args, [], partial));
    } catch (error) {
      reject(error);
    }
    this.asking = false;
    this.current = null;
    this.pump();
  }

  get refused() {
    return this.state.wasm === 'refused';
  }

  /** Which questions the engine can answer now. */
  can(kind) {
    const { wasm, text, image, shards } = this.state;
    if (wasm !== 'ready' || shards !== 'ready') return false;
    return { like: true, text: text === 'ready', image: image === 'ready', composed: text === 'ready' && image === 'ready' }[kind];
  }
}
