// The page's side of the worker: calls out, answers and events back, one question at a time.

export class Superseded extends Error {}

export class EngineError extends Error {
  constructor({ message, code, details }) {
    super(message);
    this.code = code;
    this.details = details ?? {};
  }
}

export class Engine extends EventTarget {
  constructor(url) {
    super();
    this.calls = new Map();
    this.next = 1;
    this.waiting = null; // the newest question, while an older one is in the worker
    this.asking = false;
    this.state = { wasm: 'waiting', text: 'waiting', image: 'waiting', shards: 'waiting', why: null, error: null, parts: [], received: 0, total: 0 };
    try {
      this.worker = new Worker(url, { type: 'module' });
      this.worker.addEventListener('message', ({ data }) => this.receive(data));
      // Fires when the script itself cannot run: old browsers know no module workers.
      this.worker.addEventListener('error', (event) => {
        event.preventDefault();
        this.refuse('worker');
      });
    } catch {
      queueMicrotask(() => this.refuse('worker'));
    }
  }

  refuse(why) {
    this.worker?.terminate();
    this.worker = null;
    Object.assign(this.state, { wasm: 'refused', why });
    for (const { reject } of this.calls.values()) reject(new EngineError({ message: why, code: 'refused' }));
    this.calls.clear();
    this.dispatchEvent(new Event('state'));
  }

  receive(data) {
    if (data.event) {
      if (data.event === 'state') Object.assign(this.state, data.state);
      this.dispatchEvent(Object.assign(new Event(data.event), { data }));
      return;
    }
    const call = this.calls.get(data.id);
    this.calls.delete(data.id);
    if (data.error) call?.reject(new EngineError(data.error));
    else call?.resolve(data.result);
  }

  call(method, args = {}, transfer = []) {
    if (!this.worker) return Promise.reject(new EngineError({ message: this.state.why ?? 'no worker', code: 'refused' }));
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.worker.postMessage({ id, method, args }, transfer);
    });
  }

  /**
   * The encoders run to the end once started, so a question waits for the one in the worker; a newer question takes
   * the place of one that waits, and an answer nobody waits for any more is dropped.
   */
  ask(method, args) {
    this.waiting?.reject(new Superseded());
    this.current?.reject(new Superseded());
    return new Promise((resolve, reject) => {
      this.waiting = { method, args, resolve, reject };
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
    const { method, args, resolve, reject } = this.current;
    try {
      resolve(await this.call(method, args));
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
