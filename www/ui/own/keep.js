// Where a visitor's own photos are kept between visits: the browser's private file system, or its database where that
// has no writable files, or nowhere. A record is {path, identity, entry, item, vector, copy}: what the engine made of
// one file, and its smaller copy as a Blob. Records belong to a site and a model; those of another model are dropped.
import { ownPlace as place } from '../storage.js';

/** One file a batch: u32 length of the JSON, JSON, vectors as f32, copies. A batch is there as a whole or not at all. */
class Files {
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
    Object.assign(this, { root, name, fingerprint, next: 0, outdated: false });
  }

  async folder(options) {
    return (await this.root.getDirectoryHandle(this.name, options)).getDirectoryHandle(this.fingerprint, options);
  }

  async load() {
    const records = new Map();
    const names = [];
    const folder = await this.folder().catch(() => null);
    for await (const name of folder?.keys() ?? []) if (/^\d{8}$/.test(name)) names.push(name);
    for (const name of names.sort()) {
      this.next = Number(name) + 1;
      const batch = await read(await (await folder.getFileHandle(name)).getFile()).catch(() => null);
      if (!batch) continue; // cut off by a crash
      for (const identity of batch.removed) records.delete(identity);
      for (const record of batch.records) records.set(record.identity, record);
    }
    return [...records.values()];
  }

  async add(records, removed) {
    const folder = await this.folder({ create: true });
    const handle = await folder.getFileHandle(String(this.next).padStart(8, '0'), { create: true });
    const file = await handle.createWritable();
    try {
      await file.write(packed(records, removed));
      await file.close();
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

function packed(records, removed) {
  const head = new TextEncoder().encode(
    JSON.stringify({
      removed,
      records: records.map(({ path, identity, entry, item, vector, copy }) => ({ path, identity, entry, item, dimension: vector.length, bytes: copy.size, type: copy.type })),
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
  static async open(base, fingerprint) {
    const request = indexedDB.open(place(base), 1);
    request.onupgradeneeded = () => request.result.createObjectStore('photos', { keyPath: 'identity' });
    const kept = new Database();
    Object.assign(kept, { name: place(base), fingerprint, database: await done(request), outdated: false });
    kept.database.onversionchange = () => kept.database.close(); // another tab removes it
    return kept;
  }

  async load() {
    const all = await done(this.database.transaction('photos').objectStore('photos').getAll());
    const current = all.filter(({ fingerprint }) => fingerprint === this.fingerprint);
    this.outdated = current.length < all.length;
    if (this.outdated) await this.add([], all.filter((record) => !current.includes(record)).map(({ identity }) => identity));
    return current;
  }

  add(records, removed) {
    const transaction = this.database.transaction('photos', 'readwrite');
    const store = transaction.objectStore('photos');
    for (const identity of removed) store.delete(identity);
    for (const record of records) store.put({ ...record, fingerprint: this.fingerprint });
    return new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  }

  async clear() {
    this.database.close();
    await done(indexedDB.deleteDatabase(this.name)).catch(() => {});
  }
}

/** Nothing outlives the tab. */
export class Memory {
  outdated = false;
  async load() {
    return [];
  }
  async add() {}
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
