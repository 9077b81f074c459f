// Photos that a visitor gives, as bytes that the engine reads.
import { el } from './dom.js';
import { known, readable, within } from '../core/readable.js';

export const photoLimit = 30e6;

const ours = /^image\/(jpeg|png|webp)$/;

/** The bytes of a PNG of a photo, or of a part of it in its pixels: [x, y, width, height]. Without loss, but for `to`. */
export async function pngOf(photo, [x, y, width, height] = [0, 0, photo.width, photo.height], to = { width, height }) {
  const canvas = el('canvas', to);
  const pen = canvas.getContext('2d');
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(photo, x, y, width, height, 0, 0, to.width, to.height);
  photo.close();
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/** The file's own bytes where the engine reads them as they are; else what the browser makes of it, in sRGB; null for none. */
export async function photoBytes(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (readable(bytes)) return bytes;
  const bitmap = await createImageBitmap(new Blob([bytes])).catch(() => null);
  // the engine says what is wrong with a file that should be of its kinds
  if (!bitmap) return known(bytes) || ours.test(file.type) ? bytes : null;
  const png = await pngOf(bitmap, undefined, within(bitmap));
  return new Uint8Array(await png.arrayBuffer());
}
