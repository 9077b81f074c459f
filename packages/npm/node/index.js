// Shops made from a script: the command line's `index` and `site`, as promises. index.d.ts is its contract.
//
// What fails rejects with a VitrineError; what was left out is no failure, and stands in the result.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { VitrineError, found, unstartable } from './program.js';

export { VitrineError };

const place = (value) => path.resolve(value instanceof URL ? fileURLToPath(value) : value);

const file = {
  expected: 'a path',
  fits: (value) => (typeof value === 'string' && value !== '') || value instanceof URL,
  text: place,
};
const text = { expected: 'a string', fits: (value) => typeof value === 'string', text: String };
const number = { expected: 'a whole number', fits: (value) => Number.isInteger(value) && value > 0, text: String };
const flag = { expected: 'true or false', fits: (value) => typeof value === 'boolean' };
// the command line divides its lists at commas
const list = {
  expected: 'a list of names without commas',
  fits: (value) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '' && !name.includes(',')),
  text: (value) => value.join(','),
};

/** Every option of every call: its kind, and the option of the command line that it becomes. */
const shown = { attributes: [list, '--attributes'], facets: [list, '--facets'], hide: [list, '--hide'] };
const made = { photoSize: [number, '--photo-size'], jobs: [number, '--jobs'], strict: [flag, '--strict'] };
const calls = {
  createIndex: { title: [text, '--title'], model: [file, '--model'], catalogPath: [file] },
  addDirectory: { path: [file], meta: [file, '--meta'], folders: [text, '--folders'], ...shown, ...made },
  addFeed: {
    path: [file],
    kind: [text, '--feed'],
    shop: [text, '--shop'],
    currency: [text, '--currency'],
    inStock: [flag, '--in-stock'],
    photoCache: [file, '--photo-cache'],
    ...shown,
    ...made,
  },
  writeFiles: {
    outputPath: [file],
    title: [text, '--title'],
    accent: [text, '--accent'],
    logo: [file, '--logo'],
    isolate: [flag, '--isolate'],
  },
};

/** The arguments of the command line that a call's options are. */
function argumentsOf(call, options, needed) {
  const known = calls[call];
  if (options === null || typeof options !== 'object')
    throw new VitrineError('argument', `${call}: expected an object of options, got ${options}`);
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  for (const [name, value] of given) {
    if (!Object.hasOwn(known, name))
      throw new VitrineError('argument', `${call}: expected the options ${Object.keys(known).join(', ')}, got ${name}`);
    const [kind] = known[name];
    if (!kind.fits(value))
      throw new VitrineError('argument', `${call}: expected ${name} as ${kind.expected}, got ${JSON.stringify(value)}`);
  }
  if (needed && !given.some(([name]) => name === needed))
    throw new VitrineError('argument', `${call}: expected ${needed}, got none; give ${needed}`);
  return given.flatMap(([name, value]) => {
    const [kind, option] = known[name];
    if (!option || value === false) return [];
    return kind === flag ? [option] : [`${option}=${kind.text(value)}`]; // in one piece: a value may begin with -
  });
}

/** How the program begins its last words: `vitrine:` where it failed, `error:` where it was called wrongly. */
const lastWords = /^(?:vitrine|error): /;

/** What the program said last, as people read it. */
function sentence(messages, how) {
  const at = messages.findLastIndex((line) => lastWords.test(line));
  const said = at < 0 ? '' : messages.slice(at).join('\n').replace(lastWords, '').trim();
  return said || `running vitrine: expected it to end well, got ${how}; its messages are in details.messages`;
}

class Index {
  #model;
  #titled;
  #catalog;
  #own; // the folder to remove in the end
  #source = null;
  #last = Promise.resolve();
  #child = null;
  #closed = false;
  #onMessage;

  constructor({ titled, model, catalog, own, onMessage }) {
    [this.#titled, this.#model, this.#catalog, this.#own, this.#onMessage] = [titled, model, catalog, own, onMessage];
  }

  get catalogPath() {
    return this.#catalog;
  }

  addDirectory(options = {}) {
    return this.#add('addDirectory', options);
  }

  addFeed(options = {}) {
    return this.#add('addFeed', options);
  }

  async #add(call, options) {
    const args = argumentsOf(call, options, 'path');
    const source = place(options.path);
    if (this.#source !== null && this.#source !== source)
      throw new VitrineError(
        'source',
        `${call}: expected one folder or feed an index, got ${source} after ${this.#source}; put the photos into one folder, or make another index`,
      );
    const first = this.#source === null;
    this.#source = source;
    try {
      return await this.#run(['index', source, `--out=${this.#catalog}`, ...this.#titled, ...this.#model, ...args]);
    } catch (error) {
      if (first) this.#source = null; // nothing is in the index, so another source may still be
      throw error;
    }
  }

  async writeFiles(options = {}) {
    const args = argumentsOf('writeFiles', options, 'outputPath');
    if (this.#source === null && this.#own)
      throw new VitrineError('source', 'writeFiles: expected products, got none; call addDirectory or addFeed first');
    const outputPath = place(options.outputPath);
    return {
      outputPath,
      ...(await this.#run(['site', this.#catalog, `--out=${outputPath}`, ...this.#model, ...args])),
    };
  }

  /** One command at a time: they share the catalog. */
  #run(args) {
    const now = this.#last.then(() => this.#command([...args, '--json']));
    this.#last = now.catch(() => {});
    return now;
  }

  #command(args) {
    if (this.#closed)
      throw new VitrineError('closed', `${args[0]}: expected an open index, got a closed one; make another`);
    const program = found();
    return new Promise((resolve, reject) => {
      const child = (this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true }));
      const [out, notes] = [[], []];
      child.stdout.on('data', (data) => out.push(data));
      this.#listen(child.stderr, notes);
      child.on('error', (error) => reject(unstartable(program, error)));
      child.on('close', (code, signal) => {
        this.#child = null;
        try {
          resolve(this.#result(Buffer.concat(out).toString(), notes, code, signal));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #listen(stream, notes) {
    let rest = '';
    const told = (line) => {
      notes.push(line);
      if (line.trim()) this.#onMessage?.(line);
    };
    stream.setEncoding('utf8');
    stream.on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      lines.forEach(told);
    });
    stream.on('end', () => rest && told(rest));
  }

  #result(out, messages, code, signal) {
    const result = out.trim() ? JSON.parse(out) : null;
    if (code === 0) return { ...result, messages };
    const details = { exitCode: code, signal, messages, result };
    if (this.#closed) throw new VitrineError('closed', 'running vitrine: the index was closed', details);
    const kind = signal ? 'stopped' : code === 2 ? 'argument' : 'failed';
    throw new VitrineError(kind, sentence(messages, signal ?? `exit code ${code}`), details);
  }

  /** Stops what runs, and removes what the index kept for itself. */
  async close() {
    this.#closed = true;
    this.#child?.kill();
    await this.#last;
    if (this.#own) await rm(this.#own, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.close();
  }
}

export async function createIndex({ onMessage, ...options } = {}) {
  argumentsOf('createIndex', options);
  if (onMessage !== undefined && typeof onMessage !== 'function')
    throw new VitrineError('argument', `createIndex: expected onMessage as a function, got ${typeof onMessage}`);
  found(); // before anything is made
  const { title, model, catalogPath } = options;
  const own = catalogPath ? null : await mkdtemp(path.join(tmpdir(), 'vitrine-'));
  return new Index({
    titled: argumentsOf('createIndex', { title }),
    model: argumentsOf('createIndex', { model }),
    catalog: own ? path.join(own, 'catalog') : place(catalogPath),
    own,
    onMessage,
  });
}
