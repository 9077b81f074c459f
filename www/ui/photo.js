// Photos that a visitor gives, as bytes that the engine reads. The one that a tab searched with last outlives a reload of
// it, and nothing more.
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
