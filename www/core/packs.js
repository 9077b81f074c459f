// Photos out of packs. A site of more photos than its host takes files has the photos of rows that follow each other in one
// file; src/catalog/packs.rs holds the format. Comes for such a site alone.
import { DataError, Store, cacheName, fetchPart } from './data.js';
import { isFolderName, isPhotoName } from './names.js';

/** @typedef {import('./catalog.js').Item} Item */
/** @typedef {import('./catalog.js').Catalog & {window?: number[]}} Catalog */
/** @typedef {{bytes: number, sha256: string}} Packed */
/** @typedef {{rows: number, small: Packed, large?: Packed}} Pack */
/** @typedef {{packs: Pack[], starts: number[]}} List   `starts`: the first row of each pack, and the number of rows */
/** @typedef {{bytes: Uint8Array<ArrayBuffer>, at: Map<string, [number, number]>}} Open   `at`: photo → where it begins and ends */

const keptBytes = 64e6; // of packs on the device,
const openBytes = 16e6; // and of those held at once
const mostReferred = 24; // photos of products that were searched with; as many as the list of what was asked before

/** The packs on the device, of which the oldest go. */
class PackStore extends Store {
  most = 24; // files

  async cache() {
    if (this.off || typeof caches === 'undefined') return null;
    return caches.open(cacheName(this.base, 'packs')).catch(() => null);
  }

  list = ''; // hash of the list of packs, which stays

  /** @param {import('./data.js').Part} part @param {Uint8Array<ArrayBuffer>} bytes */
  async put(part, bytes) {
    await super.put(part, bytes);
    await this.keepOnly((sha256, i, all) => sha256 === this.list || i >= all - this.most);
  }

  /** @param {(sha256: string, i: number, all: number) => boolean} test */
  async keepOnly(test) {
    const cache = await this.cache();
    const keys = (await cache?.keys().catch(() => null)) ?? [];
    for (const [i, key] of keys.entries())
      if (!test(key.url.split('/').pop() ?? '', i, keys.length)) await cache?.delete(key).catch(() => null);
  }
}

const wrong = (/** @type {string} */ file, /** @type {string} */ expected, /** @type {string} */ got) =>
  new DataError('mismatch', { file, expected, got });

/** Where the photos of a pack lie. @param {string} file @param {Uint8Array<ArrayBuffer>} bytes @returns {Open} */
export function openPack(file, bytes) {
  const text = (/** @type {number} */ from, /** @type {number} */ to) =>
    new TextDecoder().decode(bytes.subarray(from, to));
  const length = bytes.length < 12 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  if (text(0, 8) !== 'VITRPACK' || 12 + length > bytes.length) throw wrong(file, 'a pack of photos', 'other bytes');
  /** @type {Map<string, [number, number]>} */
  const at = new Map();
  let begin = 12 + length;
  for (const [name, size] of JSON.parse(text(12, begin))) {
    if (!isPhotoName(name) || !(size >= 0))
      throw wrong(file, 'photos with their lengths', JSON.stringify([name, size]));
    at.set(name, [begin, (begin += size)]);
  }
  if (begin !== bytes.length) throw wrong(file, `${begin} bytes`, `${bytes.length} bytes`);
  return { bytes, at };
}

export class Packs {
  /** @type {Promise<List> | null} */
  list = null;
  /** @type {Map<string, {size: number, ready: Promise<Open>}>} hash → a pack that is held, the latest last */
  open = new Map();
  /** @type {Set<number> | null} rows whose photos are files of their own */
  singles = null;
  /** @type {Item[]} products whose photo is here for as long as they are searched with, the latest last */
  referred = [];

  /** @param {Catalog} catalog @param {import('./data.js').Part & {folder: string}} about   what the manifest says */
  constructor(catalog, about) {
    if (!isFolderName(about.folder)) throw wrong('catalog.json', 'a folder of packs', String(about.folder));
    this.catalog = catalog;
    this.about = about;
    this.store = new PackStore(catalog.base);
  }

  /** @returns {Promise<List>} */
  listed() {
    this.list ??= this.read();
    this.list.catch(() => (this.list = null));
    return this.list;
  }

  /** Kept with the packs, as the catalog's own files are told by its manifest. */
  listBytes() {
    const { catalog, about, store } = this;
    Object.assign(store, {
      list: about.sha256,
      base: catalog.store?.base ?? store.base,
      off: catalog.store?.off ?? true,
    });
    return fetchPart(new URL(about.file, catalog.base).href, about, { store });
  }

  async read() {
    const { catalog, about, store } = this;
    /** @type {{packs: Pack[]}} */
    const { packs } = JSON.parse(new TextDecoder().decode(await this.listBytes()));
    const starts = [0];
    for (const { rows } of packs) starts.push(starts[starts.length - 1] + rows);
    const total = starts[packs.length];
    if (total !== catalog.manifest.count)
      throw wrong(about.file, `packs of ${catalog.manifest.count} photos`, `packs of ${total}`);
    const files = packs.flatMap(({ small, large }) => (large ? [small, large] : [small]));
    const mean = files.reduce((sum, { bytes }) => sum + bytes, 0) / files.length;
    store.most = Math.max(store.most, Math.floor(keptBytes / mean));
    const hashes = new Set([about, ...files].map(({ sha256 }) => sha256));
    store.keepOnly((sha256) => hashes.has(sha256)); // those of an earlier catalog go
    return { packs, starts };
  }

  /** Whether a product's photo is a file of its own: a visitor's, and those of a clustered catalog's window. @param {Item} item */
  isSingle(item) {
    this.singles ??= new Set(this.catalog.window);
    return Boolean(item.own) || this.singles.has(this.catalog.rowOf(item.id) ?? -1);
  }

  /** The photo of a product, or null where there is no larger one than the small copy. @param {Item} item @param {boolean} [large] @returns {Promise<Blob | null>} */
  async photo(item, large = false) {
    const { packs, starts } = await this.listed();
    const row = this.catalog.rowOf(item.id) ?? -1;
    const pack = packs[starts.findLastIndex((start) => start <= row)];
    const packed = large ? pack?.large : pack?.small;
    if (large && !packed) return null;
    const opened = packed && (await this.opened(packed));
    const place = opened && opened.at.get(item.photo);
    if (!place) throw new DataError('status', { file: item.photo, status: '404' });
    const type = `image/${/** @type {string} */ (item.photo.split('.').pop()).replace(/^jpg$/, 'jpeg')}`;
    return new Blob([opened.bytes.subarray(...place)], { type });
  }

  /** A pack that is here and verified. @param {Packed} packed @returns {Promise<Open>} */
  opened({ bytes, sha256 }) {
    const { open } = this;
    const file = `pack-${sha256.slice(0, 16)}.bin`;
    const url = new URL(this.about.folder + file, this.catalog.base).href;
    const fetched = () => fetchPart(url, { file, bytes, sha256, priority: 'low' }, { store: this.store });
    const one = open.get(sha256) ?? { size: bytes, ready: fetched().then((whole) => openPack(file, whole)) };
    open.delete(sha256);
    open.set(sha256, one);
    one.ready.catch(() => open.get(sha256) === one && open.delete(sha256)); // it is asked for again
    let held = Array.from(open.values()).reduce((sum, { size }) => sum + size, 0);
    for (const [oldest, { size }] of open) {
      if (held <= openBytes || oldest === sha256) break;
      open.delete(oldest);
      held -= size;
    }
    return one.ready;
  }

  /** The best copy of a product's photo. @param {Item} item @returns {Promise<Blob>} */
  async best(item) {
    return /** @type {Blob} */ ((await this.photo(item, true)) ?? (await this.photo(item)));
  }

  /** Has a product's photo at hand for as long as it may be searched with. @param {Item} item */
  async refer(item) {
    const { referred } = this;
    if (!item.blob) {
      const blob = await this.best(item);
      if (!item.blob) Object.assign(item, { blob, source: URL.createObjectURL(blob) });
    }
    this.referred = [...referred.filter((other) => other !== item), item];
    for (const other of this.referred.splice(0, this.referred.length - mostReferred)) {
      URL.revokeObjectURL(other.source ?? '');
      delete other.blob;
      delete other.source;
    }
  }
}

/** Teaches a catalog that its photos are in packs. @param {Catalog} catalog */
export function packed(catalog) {
  const { packs: about } = catalog.manifest;
  if (!about) return;
  const packs = (catalog.packs = new Packs(catalog, about));
  const [single, bytesOf] = [catalog.photo.bind(catalog), catalog.photoBytes.bind(catalog)];
  catalog.photo = (item) => (item.source || packs.isSingle(item) ? single(item) : 'data:,');
  catalog.photos = () => []; // of so many none is kept before it is seen
  catalog.photoBytes = async (item) => {
    if (item.blob || packs.isSingle(item)) return bytesOf(item);
    return new Uint8Array(await (await packs.best(item)).arrayBuffer());
  };
  catalog.refer = async (row) => {
    await catalog.bring([{ row }]);
    const item = catalog.items[row];
    // without its photo it is still a product like which others are
    if (item && !packs.isSingle(item)) await packs.refer(item).catch(() => {});
  };
}
