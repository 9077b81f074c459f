// What of a ranking stands where on a page: good matches first, and one card for one thing photographed twice.

/** @typedef {import('./catalog.js').Hit} Hit */
/** @typedef {Hit & {alike: Hit[]}} Folded */
/** @typedef {{known: number, unknown: number, share: number, photo: number}} Relevance   where good matches end, as src/site/relevance.rs measured it and src/search/ranking.rs reads it */

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
