// What the visitor asked for, and its form in the address bar.
// A private photo is named by a key that means nothing outside this tab and never reaches the address.

export const empty = () => ({ words: '', like: null, photo: null, mix: 0.5, facets: {}, item: null });

/** Ids of a visitor's own photos are file names: private as well. */
export const ownId = (id) => `own/${id}`;
export const isOwn = (id) => id?.startsWith('own/') ?? false;

export function toSearch(state) {
  const search = new URLSearchParams();
  if (state.words.trim()) search.set('q', state.words.trim());
  if (state.like && !isOwn(state.like)) search.set('like', state.like);
  if (state.mix !== 0.5) search.set('mix', String(state.mix));
  for (const [name, values] of Object.entries(state.facets)) for (const value of values) search.append(`f.${name}`, value);
  if (state.item && !isOwn(state.item)) search.set('item', state.item);
  const text = search.toString();
  return text ? `?${text}` : '';
}

export function fromSearch(text, photo = null) {
  const state = empty();
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'q') state.words = value.slice(0, 300);
    else if (name === 'like') state.like = value;
    else if (name === 'item') state.item = value;
    else if (name === 'mix') state.mix = clamp(Number.parseFloat(value));
    else if (name.startsWith('f.')) (state.facets[name.slice(2)] ??= []).push(value);
  }
  if (photo) [state.photo, state.like] = [photo, null];
  return state;
}

const clamp = (mix) => (Number.isFinite(mix) ? Math.min(1, Math.max(0, mix)) : 0.5);

/** "dress -floral" → {words: "dress", without: ["floral"]} */
export function readWords(text) {
  const without = [];
  const words = text
    .replace(/(^|\s)[-−]([\p{L}\p{N}][\p{L}\p{N}-]*)/gu, (_, space, word) => (without.push(word.toLowerCase()), space))
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
      onChange(fromSearch(location.search, event.state?.photo ?? null));
    });
  }

  current() {
    return fromSearch(location.search, history.state?.photo ?? null);
  }

  /** `typing`: a run of key presses is one step back, not one a letter. */
  record(state, { typing = false, replace = false } = {}) {
    const address = location.pathname + toSearch(state);
    const entry = { photo: state.photo, depth: (history.state?.depth ?? 0) + 1 };
    if (replace || (typing && this.typing)) history.replaceState({ ...entry, depth: history.state?.depth ?? 0 }, '', address);
    else history.pushState(entry, '', address);
    this.typing = typing;
  }
}
