// What of a ranking is worth showing: where good matches end, and which products are one thing photographed twice.

/** @typedef {import('./catalog.js').Hit} Hit */
/** @typedef {Hit & {alike: Hit[]}} Folded */
/** @typedef {{known: number, unknown: number, share: number, photo: number}} Relevance   what src/site/relevance.rs measured */

const fewest = 4; // fewer good matches than this are called few
const closest = 8; // shown where nothing is good

/** One hit a group of near-duplicates, the best of it, with the others in `alike`. `leader(row)` names the group. @param {Hit[]} hits @param {(row: number) => number | undefined} leader */
export function fold(hits, leader) {
  /** @type {Map<number | undefined, Folded>} */
  const groups = new Map();
  /** @type {Folded[]} */
  const folded = [];
  for (const hit of hits) {
    const group = leader(hit.row);
    const first = groups.get(group);
    if (first) first.alike.push(hit);
    else {
      /** @type {Folded} */
      const own = { ...hit, alike: [] };
      groups.set(group, own);
      folded.push(own);
    }
  }
  return folded;
}

/**
 * The least score of a good match, by what the catalog was measured to (src/site/relevance.rs); -Infinity where it was
 * not. `familiar`: the share of the words that the catalog's own texts know.
 * @param {Relevance | null} relevance
 * @param {string} kind
 * @param {number} best
 * @param {number} familiar
 */
function limitOf(relevance, kind, best, familiar) {
  if (!relevance) return Number.NEGATIVE_INFINITY;
  if (kind !== 'text') return relevance.photo;
  // Words whose best match is no better than chance have no answer, and then nothing else is one. Words that no product
  // is described with are more often about something else, and must reach more.
  const chance = familiar * relevance.known + (1 - familiar) * relevance.unknown;
  return best < chance ? Number.POSITIVE_INFINITY : relevance.share * best;
}

/**
 * Cuts ranked hits where good matches end. `rest` is what lies below; `few` says how many good ones there are where
 * there are few, or is undefined.
 * @param {Hit[]} hits
 * @param {Relevance | null} relevance
 * @param {string} kind
 * @param {number} [familiar]
 * @returns {{good: Hit[], rest: Hit[], few?: number}}
 */
export function cut(hits, relevance, kind, familiar = 1) {
  const limit = limitOf(relevance, kind, hits[0]?.score ?? Number.NaN, familiar);
  const at = hits.findIndex(({ score = Number.NaN }) => score < limit);
  if (at < 0) return { good: hits, rest: [] };
  // With no good match at all, the nearest are shown and called what they are.
  if (at === 0) return { good: hits.slice(0, closest), rest: hits.slice(closest), few: 0 };
  return { good: hits.slice(0, at), rest: hits.slice(at), few: at < fewest ? at : undefined };
}

/**
 * Of all rows ranked by their likeness to words, those that the words describe. No title may know the words, and yet
 * somebody who asks for less of something has seen it here.
 * @param {Hit[]} hits
 * @param {Relevance} relevance
 */
export function described(hits, relevance) {
  const { good, few } = cut(hits, relevance, 'text', 0.5);
  return few === 0 ? [] : good;
}

/**
 * What of ranked hits stands where on a page: the good ones, or the closest where none is good, and those below, one a
 * group of near-duplicates. `few`: how many good ones there are where there are few, or undefined.
 * @param {{hits: Hit[], good: number}} response
 * @param {(row: number) => number | undefined} leader
 */
export function sections({ hits, good }, leader) {
  const at = good || Math.min(closest, hits.length);
  const few = good < fewest && (good < hits.length || !good) && hits.length ? good : undefined;
  return { good: fold(hits.slice(0, at), leader), rest: fold(hits.slice(at), leader), few };
}
