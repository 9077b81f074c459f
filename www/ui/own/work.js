// The worker's side of own photos: encoding, searching them behind the catalog's rows, and the files of a catalog.

import { readable, within } from '../../core/readable.js';

/** What the engine can read of a file: its own bytes, or what the browser makes of another kind or of other colors, as PNG. */
async function pixels(bytes) {
  if (readable(bytes) || typeof OffscreenCanvas === 'undefined') return bytes;
  const bitmap = await createImageBitmap(new Blob([bytes])).catch(() => null);
  if (!bitmap) return bytes; // the engine says what is wrong with them
  const { width, height } = within(bitmap);
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext('2d');
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return new Uint8Array(await blob.arrayBuffer());
}

/** `engine()`: the wasm module's Vitrine, once it is there; `alone(work)`: nothing else uses it meanwhile. */
export const ownMethods = ({ engine, alone, ready }) => ({
  /**
   * `files`: [{id, file}] → for each {hash, entry, item, vector, copy}, {hash} alone where `known` has the hash
   * already, or {error}.
   */
  async encode({ files, known }) {
    const outcomes = files.map(() => ({}));
    const [ids, hashes, photos, places] = [[], [], [], []];
    for (const [i, { id, file }] of files.entries()) {
      try {
        const bytes = new Uint8Array(await file.arrayBuffer());
        const hash = engine().sha256(bytes);
        outcomes[i].hash = hash;
        if (known.includes(hash)) continue;
        (ids.push(id), hashes.push(hash), photos.push(await pixels(bytes)), places.push(i));
      } catch (error) {
        outcomes[i].error = error.message; // moved or taken away since it was chosen
      }
    }
    const encoded = await alone(() => engine().encode_photos(ids, hashes, photos));
    for (const [at, outcome] of encoded.entries()) Object.assign(outcomes[places[at]], outcome);
    return outcomes;
  },

  /** Puts photos behind the catalog's rows; `anew` takes those of before away first. */
  async own({ ids, vectors, anew }) {
    await ready();
    return alone(() => {
      if (anew) engine().clear_own();
      return ids.length ? engine().add_own(ids, vectors) : 0;
    });
  },

  /** The files of a catalog of own photos, all but the photos: [[name, bytes], …]. */
  async exportOwn({ title, entries, vectors }) {
    await ready();
    return alone(() => engine().export_own(title, entries, vectors));
  },
});
