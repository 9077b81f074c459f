// Photos that a visitor gives, as bytes that the engine reads. The one that a tab searched with last outlives a reload of
// it, and nothing more.
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

const tabName = (base) => `vitrine photo ${new URL(base).pathname}`;
const mostOfTab = 2_000_000; // bytes; a tab's storage holds some five million characters

/** The tab remembers the photo that was searched with last, so that a reload does not lose it. */
export function keepInTab(base, key, bytes) {
  try {
    sessionStorage.removeItem(tabName(base));
    if (bytes.length > mostOfTab) return;
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    sessionStorage.setItem(tabName(base), JSON.stringify({ key, photo: btoa(text) }));
  } catch {
    // storage is refused or full: the photo lasts as long as the page
  }
}

export function photoOfTab(base, key) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(tabName(base)) ?? 'null');
    return kept?.key === key ? Uint8Array.from(atob(kept.photo), (letter) => letter.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}
