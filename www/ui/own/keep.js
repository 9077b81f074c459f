// Where a visitor's own photos are kept between visits: the browser's private file system, or its database where that
// has no writable files, or nowhere. A record is {path, identity, entry, item, vector, copy}: what the engine made of
// one file, and its smaller copy as a Blob. Records belong to a site and a model; those of another model are dropped.
// Other tabs write here too: whoever adds or clears does so alone (`exclusive` in data.js), and `load` is asked again then.
import { ownPlace as place } from '../../core/storage.js';

/**
 * One file a batch: u32 length of the JSON, JSON, vectors as f32, copies. A batch is there as a whole or not at all, and
 * never changes; only all of them together go. Without locks, a batch's name is its own, so that none writes over another.
 */
class Files {
  next = 0; // number of the next batch
  outdated = false;
  /** @type {Map<string, any>} name → its records */
  batches = new Map();
  begun = ''; // tells whether another tab cleared all

  static async open(base, fingerprint) {
    const root = await navigator.storage.getDirectory();
    if (!('createWritable' in FileSystemFileHandle.prototype)) throw new Error('no writable files');
    const files = new Files(root, place(base), fingerprint);
    const site = await root.getDirectoryHandle(files.name).catch(() => null); // made with the first photo
    for await (const name of site?.keys() ?? []) {
      if (name === fingerprint) continue;
      files.outdated = true;
      await site.removeEntry(name, { recursive: true });
    }
    return files;
  }

  constructor(root, name, fingerprint) {
    this.root = root;
    this.name = name;
    this.fingerprint = fingerprint;
  }

  async folder(options) {
    return (await this.root.getDirectoryHandle(this.name, options)).getDirectoryHandle(this.fingerprint, options);
  }

  /** All records; those that were here at the last call are the same objects. */
  async load() {
    const names = [];
    const folder = await this.folder().catch(() => null);
    for await (const name of folder?.keys() ?? []) if (/^\d{8}(-[\w-]+)?$/.test(name)) names.push(name);
    const file = async (name) => (await folder.getFileHandle(name)).getFile();
    const begun = names.length ? stamp(await file(names.sort()[0])) : '';
    const known = begun === this.begun ? this.batches : new Map(); // else another tab cleared all and began anew
    this.next = names.length ? Number(names.at(-1).slice(0, 8)) + 1 : 0;
    [this.begun, this.batches] = [begun, new Map()];
    for (const name of names) {
      const batch =
        known.get(name) ??
        (await file(name)
          .then(read)
          .catch(() => null));
      if (batch) this.batches.set(name, batch); // one that a crash cut off is no batch
    }
    return this.records();
  }

  records() {
    const records = new Map();
    for (const batch of this.batches.values()) {
      for (const identity of batch.removed) records.delete(identity);
      for (const record of batch.records) records.set(record.identity, record);
    }
    return [...records.values()];
  }

  /** `alone`: no other tab writes meanwhile. */
  async add(records, removed, alone) {
    const folder = await this.folder({ create: true });
    const name = String(this.next).padStart(8, '0') + (alone ? '' : `-${Math.random().toString(36).slice(2)}`);
    const handle = await folder.getFileHandle(name, { create: true });
    const file = await handle.createWritable();
    try {
      await file.write(packed(records, removed));
      await file.close();
      if (!this.batches.size) this.begun = stamp(await handle.getFile());
      this.batches.set(name, { records, removed });
      this.next++;
    } catch (error) {
      await file.abort().catch(() => {});
      throw error;
    }
  }

  async clear() {
    await this.root.removeEntry(this.name, { recursive: true }).catch(() => {});
  }
}

const stamp = ({ name, size, lastModified }) => `${name} ${size} ${lastModified}`;

function packed(records, removed) {
  const head = new TextEncoder().encode(
    JSON.stringify({
      removed,
      records: records.map(({ path, identity, entry, item, vector, copy }) => ({
        path,
        identity,
        entry,
        item,
        dimension: vector.length,
        bytes: copy.size,
        type: copy.type,
      })),
    }),
  );
  const length = new Uint8Array(Uint32Array.of(head.length).buffer);
  return new Blob([length, head, ...records.map(({ vector }) => vector), ...records.map(({ copy }) => copy)]);
}

async function read(file) {
  const [length] = new Uint32Array(await file.slice(0, 4).arrayBuffer());
  const { removed, records } = JSON.parse(await file.slice(4, 4 + length).text());
  const numbers = records.reduce((sum, { dimension }) => sum + dimension, 0);
  const vectors = new Float32Array(await file.slice(4 + length, 4 + length + 4 * numbers).arrayBuffer());
  let [at, from] = [0, 4 + length + 4 * numbers];
  const whole = from + records.reduce((sum, { bytes }) => sum + bytes, 0);
  if (file.size !== whole) throw new Error('cut off');
  return {
    removed,
    records: records.map(({ dimension, bytes, type, ...record }) => {
      const vector = vectors.subarray(at, (at += dimension));
      return { ...record, vector, copy: file.slice(from, (from += bytes), type) };
    }),
  };
}

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

class Database {
  /** @type {Map<string, any>} identity → record */
  known = new Map();
  outdated = false;
  /** @type {Promise<IDBDatabase> | null} */
  opening = null;

  constructor(name, fingerprint) {
    this.name = name;
    this.fingerprint = fingerprint;
  }

  static async open(base, fingerprint) {
    const kept = new Database(place(base), fingerprint);
    const all = await done((await kept.store('readonly')).getAll());
    const others = all.filter((record) => record.fingerprint !== fingerprint);
    kept.outdated = others.length > 0;
    if (kept.outdated)
      await kept.add(
        [],
        others.map(({ identity }) => identity),
      );
    return kept;
  }

  /** Opened when it is used: another tab that clears it has it closed here. */
  opened() {
    this.opening ??= (async () => {
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore('photos', { keyPath: 'identity' });
      const database = await done(request);
      database.onversionchange = () => (database.close(), (this.opening = null));
      database.onclose = () => (this.opening = null);
      return database;
    })();
    this.opening.catch(() => (this.opening = null));
    return this.opening;
  }

  async store(mode) {
    return (await this.opened()).transaction('photos', mode).objectStore('photos');
  }

  /** All records; those that were here at the last call are the same objects. */
  async load() {
    const identities = await done((await this.store('readonly')).getAllKeys());
    const known = new Map();
    for (const identity of identities) {
      const record = this.known.get(identity) ?? (await done((await this.store('readonly')).get(identity)));
      if (record && (record.fingerprint ?? this.fingerprint) === this.fingerprint) known.set(identity, record);
    }
    this.known = known;
    return [...known.values()];
  }

  async add(records, removed) {
    const store = await this.store('readwrite');
    for (const identity of removed) store.delete(identity);
    for (const record of records) store.put({ ...record, fingerprint: this.fingerprint });
    const { transaction } = store;
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    for (const identity of removed) this.known.delete(identity);
    for (const record of records) this.known.set(record.identity, record);
  }

  async clear() {
    const { opening } = this;
    this.opening = null;
    (await opening)?.close();
    await done(indexedDB.deleteDatabase(this.name)).catch(() => {});
  }
}

/** Nothing outlives the tab. */
export class Memory {
  outdated = false;
  /** Null: there is nothing to learn from it. */
  async load() {
    return null;
  }
  async add(_records, _removed, _alone) {}
  async clear() {}
}

/** `outdated` on what comes back: photos of another model were here and are gone. */
export async function openKept(base, fingerprint) {
  for (const kind of [Files, Database]) {
    try {
      return await kind.open(base, fingerprint);
    } catch {
      // a private window, a browser without it, or plain http: the next one
    }
  }
  return new Memory();
}
