// Photos that a visitor gives, as bytes that the engine reads.
import { el } from './dom.js';

export const photoLimit = 30e6;

const readable = /^image\/(jpeg|png|webp)$/;

/** The bytes of a PNG of a photo, or of a part of it in its pixels: [x, y, width, height]. Without loss. */
export async function pngOf(photo, [x, y, width, height] = [0, 0, photo.width, photo.height]) {
  const canvas = el('canvas', { width, height });
  canvas.getContext('2d').drawImage(photo, x, y, width, height, 0, 0, width, height);
  photo.close();
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/** The file's own bytes where the engine reads its kind; else what the browser makes of it. Null for what is no photo. */
export async function photoBytes(file) {
  if (readable.test(file.type)) return new Uint8Array(await file.arrayBuffer());
  const bitmap = await createImageBitmap(file).catch(() => null);
  return bitmap && new Uint8Array(await (await pngOf(bitmap)).arrayBuffer());
}
