// Which build of the search program this browser takes. `site.json` lists them, the fastest first, each with what it
// needs; a browser must never download one that it would refuse.
import { held } from './names.js';

// () → v128: two splats, i8x16.relaxed_swizzle
const relaxed = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  15,
  1,
  13,
  0,
  65,
  0,
  253,
  15,
  65,
  0,
  253,
  15,
  253,
  128,
  2,
  11,
);

/** Shared memory of the size that the build asks for, and a second core to use it on. */
function threads() {
  if (!globalThis.crossOriginIsolated || typeof SharedArrayBuffer !== 'function' || navigator.hardwareConcurrency < 2)
    return false;
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 16_384, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

/** @type {Record<string, () => boolean>} */
const answers = { 'relaxed-simd': () => WebAssembly.validate(relaxed), threads };
/** @type {Map<string, boolean>} */
const known = new Map();

/** Whether this browser has what a build needs; a need that this page does not know is one that it has not. @param {string} need */
function has(need) {
  const able = known.get(need) ?? held(answers, need)?.() ?? false;
  known.set(need, able);
  return able;
}

/** The builds that can run here, the fastest first: `wanted` names the only one that may, for tests. @param {import('./data.js').Build[]} builds @param {string | null} [wanted] */
export function runnable(builds, wanted) {
  const able = builds.filter(({ needs }) => needs.every(has));
  const named = able.filter(({ name }) => name === wanted);
  return named.length > 0 ? named : able;
}

/** Threads that help: phones have slow cores beside the fast ones, and all must be done before an answer is. */
export const threadCount = () => Math.min(navigator.hardwareConcurrency ?? 1, 4);
