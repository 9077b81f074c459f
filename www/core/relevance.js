// What of a ranking stands where on a page: good matches first, and one card for one thing photographed twice.

/** @typedef {import('./catalog.js').Hit} Hit */
/** @typedef {Hit & {alike: Hit[]}} Folded */
/** @typedef {{known: number, unknown: number, share: number, photo: number, instant?: Relevance}} Relevance   where good matches end, as src/site/relevance.rs measured it and src/search/ranking.rs reads it */

const fewest = 4; // fewer good matches than this are called few
const closest = 8; // shown where nothing is good

/**
 * One hit a group of photos that show the same, the best of it. The others are in `alike`: one a product, where
 * `product(row)` tells products apart. `leader(row)` names the group.
 * @param {Hit[]} hits
 * @param {(row: number) => number | undefined} leader
 * @param {(row: number) => number | undefined} product
 */
export function fold(hits, leader, product) {
  /** @type {Map<number | undefined, Folded>} */
  const groups = new Map();
  for (const hit of hits) {
    const group = groups.get(leader(hit.row));
    const same = (/** @type {Hit} */ { row }) => product(row) === product(hit.row);
    if (!group) groups.set(leader(hit.row), { ...hit, alike: [] });
    else if (![group, ...group.alike].some(same)) group.alike.push(hit);
  }
  return [...groups.values()];
}

/** @param {Folded[]} folded */
const products = (folded) => folded.reduce((n, { alike }) => n + 1 + alike.length, 0);

/**
 * What of ranked hits stands where on a page: the good ones, or the closest where none is good, and those below, one a
 * group of photos that show the same. `n`: how many products are good; `few`: the same where they are few, or undefined.
 * @param {{hits: Hit[], good: number}} response
 * @param {(row: number) => number | undefined} leader
 * @param {(row: number) => number | undefined} [product]
 */
export function sections({ hits, good }, leader, product = (row) => row) {
  const at = good || Math.min(closest, hits.length);
  const first = fold(hits.slice(0, at), leader, product);
  const n = good && products(first);
  const few = n < fewest && (good < hits.length || !good) && hits.length ? n : undefined;
  return { good: first, rest: fold(hits.slice(at), leader, product), n, few };
}
