// Which photos the engine reads as a browser shows them. The command line converts colors itself; in the page the
// browser does, since its decoder has all that it takes.

/** @param {Uint8Array} bytes @param {number} at @param {number} length */
const text = (bytes, at, length) => String.fromCharCode(...bytes.subarray(at, at + length));
/** @param {Uint8Array} bytes @param {number} at @param {number} length */
const number = (bytes, at, length) => bytes.subarray(at, at + length).reduce((value, byte) => value * 256 + byte, 0);

/** Whether a profile, or its name, is one of sRGB itself: in letters of one byte or two. @param {Uint8Array} bytes */
const isSrgb = (bytes) => /s\0?R\0?G\0?B/.test(text(bytes, 0, Math.min(bytes.length, 4096)));

/** Segments up to the pixels: no inks, and no profile but that of sRGB. @param {Uint8Array} bytes */
function plainJpeg(bytes) {
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return true; // the engine says what is wrong
    const [marker, length] = [bytes[at + 1], number(bytes, at + 2, 2)];
    const body = bytes.subarray(at + 4, at + 2 + length);
    if (marker === 0xff) at += 1;
    else if (marker === 0xda) return true;
    else if (marker === 0xe2 && text(body, 0, 11) === 'ICC_PROFILE' && body[12] === 1 && !isSrgb(body)) return false;
    else if (marker >= 0xc0 && marker <= 0xc2 && body[5] === 4) return false;
    else at += 2 + length;
  }
  return true;
}

/** Chunks up to the pixels. @param {Uint8Array} bytes */
function plainPng(bytes) {
  let at = 8;
  let gamma = 0;
  while (at + 12 <= bytes.length) {
    const [length, name] = [number(bytes, at, 4), text(bytes, at + 4, 4)];
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (name === 'IDAT') break;
    if (name === 'sRGB') return true;
    if (name === 'cICP') return body[0] === 1 && body[1] === 13;
    if (name === 'iCCP') return isSrgb(body.subarray(0, 80));
    if (name === 'gAMA') gamma = number(body, 0, 4);
    at += 12 + length;
  }
  return !gamma || Math.abs(1e5 / gamma - 2.2) < 0.05;
}

/** A profile stands ahead of the pixels, where a file has one. @param {Uint8Array} bytes */
function plainWebp(bytes) {
  const profiled = text(bytes, 12, 4) === 'VP8X' && (bytes[20] & 0x20) !== 0;
  return !profiled || text(bytes, 30, 4) !== 'ICCP' || isSrgb(bytes.subarray(38));
}

/** Whether the engine reads bytes as they are. By their content: names and types are often wrong. @param {Uint8Array} bytes */
export function readable(bytes) {
  if (number(bytes, 0, 3) === 0xffd8ff) return plainJpeg(bytes);
  if (text(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return plainPng(bytes);
  return text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 4) === 'WEBP' && plainWebp(bytes);
}

/** Whether bytes are a kind that the engine knows, whatever their colors. @param {Uint8Array} bytes */
export const known = (bytes) =>
  number(bytes, 0, 3) === 0xffd8ff ||
  text(bytes, 1, 3) === 'PNG' ||
  (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 4) === 'WEBP');

/** The longest side of what is drawn for the engine, in pixels: it looks at a small square of it, or of a part. */
const longest = 2048;

/** Width and height within that. @param {{width: number, height: number}} size */
export function within({ width, height }) {
  const scale = Math.min(1, longest / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
