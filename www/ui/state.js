// What the visitor asked for, and its form in the address bar: the fragment, which a browser sends to no host.
// A private photo is named by a key that means nothing outside this tab and never reaches the address.

// `crop`: the part of the product's or own photo that counts, [x, y, width, height] as fractions of it.
export const empty = () => ({ words: '', like: null, photo: null, crop: null, mix: 0.5, facets: {}, item: null });

/** Ids of a visitor's own photos are file names: private as well. */
export const ownId = (id) => `own/${id}`;
export const isOwn = (id) => id?.startsWith('own/') ?? false;

const names = ['q', 'like', 'crop', 'mix', 'item'];
const isState = (name) => names.includes(name) || name.startsWith('f.');
const switches = ['build', 'backend']; // these stay in the query: they hold nothing of what is asked for

export function toFragment(state) {
  const search = new URLSearchParams();
  if (state.words.trim()) search.set('q', state.words.trim());
  if (state.like && !isOwn(state.like)) search.set('like', state.like);
  if (state.like && !isOwn(state.like) && state.crop) search.set('crop', state.crop.join(','));
  if (state.mix !== 0.5) search.set('mix', String(state.mix));
  for (const [name, values] of Object.entries(state.facets)) for (const value of values) search.append(`f.${name}`, value);
  if (state.item && !isOwn(state.item)) search.set('item', state.item);
  const text = search.toString();
  return text ? `#${text}` : '';
}

const pairs = (text) => [...new URLSearchParams(text.replace(/^[#?]/, ''))];

/** A page's address with this fragment, and with nothing in its query but the switches. */
export function addressOf({ pathname, search }, fragment) {
  const query = new URLSearchParams(pairs(search).filter(([name]) => switches.includes(name))).toString();
  return `${pathname}${query ? `?${query}` : ''}${fragment}`;
}

/** Older links have in their query what belongs into the fragment: the address to show instead, or null. */
export function rewritten(location) {
  const holds = (text) => pairs(text).some(([name]) => isState(name));
  if (!holds(location.search)) return null;
  return addressOf(location, holds(location.hash) ? location.hash : toFragment(fromFragment(location.search)));
}

/** `own`: {photo, crop, like, item} as far as they are private: the browser's history remembers them, the address does not. */
export function fromFragment(text, own = null) {
  const state = empty();
  const facets = new Map();
  for (const [name, value] of pairs(text)) {
    if (name === 'q') state.words = value.slice(0, 300);
    else if (name === 'like') state.like = value;
    else if (name === 'item') state.item = value;
    else if (name === 'crop') state.crop = cleanCrop(value.split(',').map(Number));
    else if (name === 'mix') state.mix = clamp(Number.parseFloat(value));
    else if (name.startsWith('f.')) facets.set(name.slice(2), [...(facets.get(name.slice(2)) ?? []), value]);
  }
  state.facets = Object.fromEntries(facets);
  if (own?.photo) Object.assign(state, { photo: own.photo, crop: own.crop ?? null, like: null });
  if (isOwn(own?.like)) Object.assign(state, { like: own.like, crop: own.crop ?? null });
  if (isOwn(own?.item)) state.item = own.item;
  if (!state.photo && !state.like) state.crop = null;
  return state;
}

/** The words without one of their minus-words. */
export function dropWithout(text, word) {
  const same = (all, space, found) => (found.toLowerCase() === word ? '' : all);
  return text.replace(minus, same).trim();
}

export const within = (value, low, high) => Math.min(high, Math.max(low, value));
const clamp = (mix) => (Number.isFinite(mix) ? within(mix, 0, 1) : 0.5);

export const leastCrop = 0.12; // of a side: a smaller part has nothing left to see

/** A rectangle as fractions of the photo, [x, y, width, height], kept inside it and not too small; null for anything else. */
export function cleanCrop(numbers) {
  if (numbers?.length !== 4 || !numbers.every(Number.isFinite)) return null;
  const [width, height] = [within(numbers[2], leastCrop, 1), within(numbers[3], leastCrop, 1)];
  if (width > 0.995 && height > 0.995) return null; // the whole photo
  return [within(numbers[0], 0, 1 - width), within(numbers[1], 0, 1 - height), width, height].map((value) => Math.round(value * 1000) / 1000);
}

const minus = /(^|\s)[-−]([\p{L}\p{N}][\p{L}\p{N}-]*)/gu;

/** "dress -floral" → {words: "dress", without: ["floral"]} */
export function readWords(text) {
  const without = [];
  const words = text
    .replace(minus, (_, space, word) => (without.push(word.toLowerCase()), space))
    .replace(/\s+/g, ' ')
    .trim();
  return { words, without };
}

/** The address and the browser's own Back and Forward are the history of the search. */
export class History {
  constructor(onChange) {
    this.typing = false;
    // Every entry of ours says its depth; one that says nothing is an address that somebody wrote or followed by hand.
    history.replaceState({ ...history.state, depth: this.depth }, '');
    this.seen();
    const moved = () => {
      if (location.href === this.here) return; // browsers tell of a changed fragment twice
      if (!history.state) history.replaceState({ depth: this.last + 1 }, '');
      this.typing = false;
      onChange(this.current());
    };
    addEventListener('popstate', () => ((this.here = null), moved()));
    addEventListener('hashchange', moved);
  }

  current() {
    const address = rewritten(location);
    if (address !== null) history.replaceState(history.state, '', address);
    this.seen();
    return fromFragment(location.hash, history.state);
  }

  /** How many steps of this visit lie behind the present one. */
  get depth() {
    return history.state?.depth ?? 0;
  }

  seen() {
    [this.here, this.last] = [location.href, this.depth];
  }

  /** `typing`: a run of key presses is one step back, not one a letter. */
  record(state, { typing = false, replace = false } = {}) {
    const address = addressOf(location, toFragment(state));
    const like = isOwn(state.like) ? state.like : null;
    const item = isOwn(state.item) ? state.item : null;
    const entry = { photo: state.photo, crop: state.photo || like ? state.crop : null, like, item, depth: this.depth + 1 };
    if (replace || (typing && this.typing)) history.replaceState({ ...entry, depth: this.depth }, '', address);
    else history.pushState(entry, '', address);
    this.typing = typing;
    this.seen();
  }
}
