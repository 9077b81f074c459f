// What the visitor asked for, and its form in the address bar.
// A private photo is named by a key that means nothing outside this tab and never reaches the address.

// `crop`: the part of the product's or own photo that counts, [x, y, width, height] as fractions of it.
export const empty = () => ({ words: '', like: null, photo: null, crop: null, mix: 0.5, facets: {}, item: null });

/** Ids of a visitor's own photos are file names: private as well. */
export const ownId = (id) => `own/${id}`;
export const isOwn = (id) => id?.startsWith('own/') ?? false;

export function toSearch(state) {
  const search = new URLSearchParams();
  if (state.words.trim()) search.set('q', state.words.trim());
  if (state.like && !isOwn(state.like)) search.set('like', state.like);
  if (state.like && !isOwn(state.like) && state.crop) search.set('crop', state.crop.join(','));
  if (state.mix !== 0.5) search.set('mix', String(state.mix));
  for (const [name, values] of Object.entries(state.facets)) for (const value of values) search.append(`f.${name}`, value);
  if (state.item && !isOwn(state.item)) search.set('item', state.item);
  const text = search.toString();
  return text ? `?${text}` : '';
}

/** `own`: {photo, crop, like, item} as far as they are private: the browser's history remembers them, the address does not. */
export function fromSearch(text, own = null) {
  const state = empty();
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'q') state.words = value.slice(0, 300);
    else if (name === 'like') state.like = value;
    else if (name === 'item') state.item = value;
    else if (name === 'crop') state.crop = cleanCrop(value.split(',').map(Number));
    else if (name === 'mix') state.mix = clamp(Number.parseFloat(value));
    else if (name.startsWith('f.')) (state.facets[name.slice(2)] ??= []).push(value);
  }
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
    addEventListener('popstate', (event) => {
      this.typing = false;
      onChange(fromSearch(location.search, event.state));
    });
  }

  current() {
    return fromSearch(location.search, history.state);
  }

  /** How many steps of this visit lie behind the present one. */
  get depth() {
    return history.state?.depth ?? 0;
  }

  /** `typing`: a run of key presses is one step back, not one a letter. */
  record(state, { typing = false, replace = false } = {}) {
    const address = location.pathname + toSearch(state);
    const like = isOwn(state.like) ? state.like : null;
    const item = isOwn(state.item) ? state.item : null;
    const entry = { photo: state.photo, crop: state.photo || like ? state.crop : null, like, item, depth: this.depth + 1 };
    if (replace || (typing && this.typing)) history.replaceState({ ...entry, depth: this.depth }, '', address);
    else history.pushState(entry, '', address);
    this.typing = typing;
  }
}
