// What the visitor asked for, and its form in the address bar: the fragment, which a browser sends to no host.
// A private photo is named by a key that means nothing outside this tab and never reaches the address.

/**
 * @typedef {object} State
 * @property {string} words
 * @property {string | null} like   id of a product
 * @property {string | null} photo   key of a private photo
 * @property {number[] | null} crop   the part of the product's or own photo that counts, [x, y, width, height] as fractions
 * @property {number} mix   0 like the words … 1 like the photo
 * @property {Record<string, string[]>} facets
 * @property {string} sort   '' by relevance, 'price' or '-price'
 * @property {string} price   'from-to', either of which may be missing
 * @property {boolean} stock   only what can be had at once
 * @property {string | null} item   id of the product that stands open
 */

/** @returns {State} */
export const empty = () => ({
  words: '',
  like: null,
  photo: null,
  crop: null,
  mix: 0.5,
  facets: {},
  sort: '',
  price: '',
  stock: false,
  item: null,
});

/** Ids of a visitor's own photos are file names: private as well. */
export const ownId = (/** @type {string} */ id) => `own/${id}`;
export const isOwn = (/** @type {string | null | undefined} */ id) => id?.startsWith('own/') ?? false;

const names = ['q', 'like', 'crop', 'mix', 'sort', 'price', 'stock', 'item'];
const isState = (/** @type {string} */ name) => names.includes(name) || name.startsWith('f.');
const switches = ['build', 'backend']; // these stay in the query: they hold nothing of what is asked for

/** @param {State} state */
export function toFragment(state) {
  const search = new URLSearchParams();
  if (state.words.trim()) search.set('q', state.words.trim());
  if (state.like && !isOwn(state.like)) search.set('like', state.like);
  if (state.like && !isOwn(state.like) && state.crop) search.set('crop', state.crop.join(','));
  if (state.mix !== 0.5) search.set('mix', String(state.mix));
  for (const [name, values] of Object.entries(state.facets))
    for (const value of values) search.append(`f.${name}`, value);
  for (const name of /** @type {const} */ (['sort', 'price'])) if (state[name]) search.set(name, state[name]);
  if (state.stock) search.set('stock', '1');
  if (state.item && !isOwn(state.item)) search.set('item', state.item);
  const text = search.toString();
  return text ? `#${text}` : '';
}

const pairs = (/** @type {string} */ text) => [...new URLSearchParams(text.replace(/^[#?]/, ''))];

/** A page's address with this fragment, and with nothing in its query but the switches. @param {{pathname: string, search: string}} location @param {string} fragment */
export function addressOf({ pathname, search }, fragment) {
  const query = new URLSearchParams(pairs(search).filter(([name]) => switches.includes(name))).toString();
  return `${pathname}${query ? `?${query}` : ''}${fragment}`;
}

/** Older links have in their query what belongs into the fragment: the address to show instead, or null. @param {{pathname: string, search: string, hash: string}} location */
export function rewritten(location) {
  const holds = (/** @type {string} */ text) => pairs(text).some(([name]) => isState(name));
  if (!holds(location.search)) return null;
  return addressOf(location, holds(location.hash) ? location.hash : toFragment(fromFragment(location.search)));
}

/** `own`: {photo, crop, like, item} as far as they are private: the browser's history remembers them, the address does not. @param {string} text @param {Partial<State> | null} [own] */
export function fromFragment(text, own = null) {
  const state = empty();
  /** @type {Map<string, string[]>} */
  const facets = new Map();
  for (const [name, value] of pairs(text)) {
    if (name === 'q') state.words = value.slice(0, 300);
    else if (name === 'like') state.like = value;
    else if (name === 'item') state.item = value;
    else if (name === 'crop') state.crop = cleanCrop(value.split(',').map(Number));
    else if (name === 'sort' && /^-?price$/.test(value)) state.sort = value;
    else if (name === 'price' && /^[\d.]*-[\d.]*$/.test(value)) state.price = value;
    else if (name === 'stock') state.stock = value === '1';
    else if (name === 'mix') state.mix = clamp(Number.parseFloat(value));
    else if (name.startsWith('f.')) facets.set(name.slice(2), [...(facets.get(name.slice(2)) ?? []), value]);
  }
  state.facets = Object.fromEntries(facets);
  if (own?.photo) Object.assign(state, { photo: own.photo, crop: own.crop ?? null, like: null });
  if (own?.like && isOwn(own.like)) Object.assign(state, { like: own.like, crop: own.crop ?? null });
  if (own?.item && isOwn(own.item)) state.item = own.item;
  if (!state.photo && !state.like) state.crop = null;
  return state;
}

/** The words without one of their minus-words. @param {string} text @param {string} word */
export function dropWithout(text, word) {
  const same = (/** @type {string} */ all, /** @type {string} */ space, /** @type {string} */ found) =>
    found.toLowerCase() === word ? '' : all;
  return text.replace(minus, same).trim();
}

/** @param {number} value @param {number} low @param {number} high */
export const within = (value, low, high) => Math.min(high, Math.max(low, value));
const clamp = (/** @type {number} */ mix) => (Number.isFinite(mix) ? within(mix, 0, 1) : 0.5);

export const leastCrop = 0.12; // of a side: a smaller part has nothing left to see

/** A rectangle as fractions of the photo, [x, y, width, height], kept inside it and not too small; null for anything else. @param {number[] | null | undefined} numbers */
export function cleanCrop(numbers) {
  if (!numbers || numbers.length !== 4 || !numbers.every(Number.isFinite)) return null;
  const [width, height] = [within(numbers[2], leastCrop, 1), within(numbers[3], leastCrop, 1)];
  if (width > 0.995 && height > 0.995) return null; // the whole photo
  return [within(numbers[0], 0, 1 - width), within(numbers[1], 0, 1 - height), width, height].map(
    (value) => Math.round(value * 1000) / 1000,
  );
}

// The grammar of src/search/query.rs; tests/fixtures/queries.json holds the cases for both.
const minus = /(^|\s)[-−]([\p{Alphabetic}\p{N}][\p{Alphabetic}\p{N}-]*)/gu;
const oneLine = (/** @type {string} */ text) => text.replace(/\s+/g, ' ').trim();

/** `dress -floral "puff sleeves"` → {words: 'dress puff sleeves', without: ['floral'], phrases: ['puff sleeves']} @param {string} text */
export function readWords(text) {
  /** @type {string[]} */
  const without = [];
  const rest = text.replace(minus, (_, space, word) => (without.push(word.toLowerCase()), space));
  const parts = rest.split(/["“”„]/);
  // a lone mark at the end quotes nothing
  const quoted = parts.filter((_, i) => i % 2 && i + 1 < parts.length);
  return { words: oneLine(parts.join('')), without, phrases: quoted.map(oneLine).filter(Boolean) };
}
