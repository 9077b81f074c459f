// The results: a list of cards, one of which is in the tab order; arrows move between them. CardGrid is the one grid of
// the page and of the element in another page; each says what its cards look like.
import { el, icon, safeColour } from './dom.js';
import { t } from './i18n.js';
import { held } from '../core/names.js';

/** @typedef {import('../core/catalog.js').Item} Item */
/** @typedef {import('../core/relevance.js').Folded} Folded */
/** @typedef {import('../core/catalog.js').Hit & {alike?: any[], of?: number, divided?: boolean}} Laid   `of`: the row that it is unfolded from */
/** @typedef {{good: Folded[], rest: Folded[], few?: number}} Sections */

const chunk = 48;
const inView = 12; // about as many photos as a first view shows; they need not wait until it is laid out
const kept = 4 * chunk; // cards that stay made, on the page or not: a query like the one before needs most of them again

/** @param {{title: string, attributes?: Record<string, string>}} item */
export function describe(item) {
  const details = Object.values(item.attributes ?? {}).join(', ');
  return details || item.title;
}

/** How a product's price is shown: as the shop wrote it, or by its parts once ui/offers.js is here. @type {(item: Item) => HTMLElement | string | null} */
let shown = ({ price: text }) => text ?? null;

/** @param {typeof shown} by */
export const showPrices = (by) => void (shown = by);

/** @param {Item} item */
export function price(item) {
  const content = shown(item);
  return content === null ? null : el('span', { class: 'card-price' }, content);
}

/** Who made a product, as far as the shop says it. @param {Item} item */
export const brandOf = ({ brand, attributes }) =>
  brand ?? held(attributes, 'brand') ?? held(attributes, 'Brand') ?? null;

/** A title whose first words the line above it says already: what is left tells products apart. @param {string} title @param {string | null} brand */
export function withoutBrand(title, brand) {
  const same = brand && title.toLowerCase().startsWith(`${brand.toLowerCase()} `);
  return same ? title.slice(brand.length + 1).trim() || title : title;
}

const [columns, rows] = [3, 4]; // BLUR in src/catalog/format.rs

/** The few pixels that came with the catalog, drawn large until the photo is there; null where there are none. @param {Item} item */
export function blur({ blur: hex = '' }) {
  if (!/^[0-9a-f]+$/.test(hex) || hex.length !== columns * rows * 3) return null;
  const canvas = /** @type {HTMLCanvasElement} */ (
    el('canvas', { class: 'blur', width: columns, height: rows, 'aria-hidden': 'true' })
  );
  const context = canvas.getContext('2d');
  if (!context) return null;
  const pixels = context.createImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    for (let c = 0; c < 3; c++) pixels.data[i * 4 + c] = Number.parseInt(hex[i * 3 + c], 16) * 17;
    pixels.data[i * 4 + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** One frame for all photos, in their own proportions: nothing jumps, little is cut off. @param {{width: number, height: number}[]} photos */
export function frameOf(photos) {
  const ratios = photos
    .map(({ width, height }) => width / height)
    .filter((ratio) => ratio > 0)
    .sort((a, b) => a - b);
  const median = ratios[ratios.length >> 1];
  return median === undefined ? null : String(Math.min(1.1, Math.max(0.68, median)));
}

export class CardGrid {
  /** @type {Map<number, HTMLElement>} row → its card, the latest last, kept so that a photo on the screen is never loaded or laid out twice */
  cards = new Map();
  /** @type {WeakMap<HTMLElement, unknown>} card → what it shows */
  drawn = new WeakMap();
  /** @type {Laid[]} */
  hits = [];
  /** @type {HTMLElement[]} the cards on the page, in order */
  laid = [];
  /** @type {Set<number>} rows whose near-duplicates stand open */
  unfolded = new Set();
  /** @type {Sections} */
  sections = { good: [], rest: [], few: undefined };
  restShown = false;
  shown = 0;
  at = 0; // the card in the tab order
  chunk = Number.POSITIVE_INFINITY; // cards that are laid at a time

  /** @param {HTMLElement} list @param {(key: string, values?: object) => string} say   says things in its language */
  constructor(list, say) {
    this.list = list;
    this.say = say;
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('focusin', (event) => this.focusIn(/** @type {HTMLElement} */ (event.target)));
  }

  // ---- what the page and the element do differently --------------------------------------------------------------

  /** What a hit's card shows; another one needs another card. @param {Laid} hit @returns {unknown} */
  subject({ row }) {
    return row;
  }

  /** @param {Laid} _hit @returns {string} */
  title(_hit) {
    return '';
  }

  /** @param {Laid} _hit @param {boolean} _atOnce   whether its photo is among the first in view @returns {HTMLElement} */
  make(_hit, _atOnce) {
    return el('li', { class: 'card' });
  }

  /** What changes about a card that is made already. @param {HTMLElement} _card @param {Laid} _hit */
  update(_card, _hit) {}

  /** @param {number} row */
  drop(row) {
    this.cards.delete(row);
  }

  /** Draws what stands below the cards. */
  end() {}

  /** The focus leaves the cards upwards. */
  leave() {}

  /** The link or button that opens a card. @param {HTMLElement | undefined} card @returns {HTMLElement | null | undefined} */
  opener(card) {
    return card?.querySelector('a, button');
  }

  // ---- laying -----------------------------------------------------------------------------------------------------

  /** Good hits first; the rest only when it is wanted. `keep`: the place and what stands open. @param {Sections} sections @param {boolean} keep */
  lay(sections, keep) {
    if (!keep) this.unfolded.clear();
    this.sections = sections;
    this.restShown = false;
    this.layAgain(keep);
  }

  /** @param {boolean} keep */
  layAgain(keep) {
    const { good, rest } = this.sections;
    const divider = this.restShown ? good.length : -1; // counted before unfolding
    this.hits = (this.restShown ? [...good, ...rest] : good).flatMap((hit, i) => {
      const own = { ...hit, divided: i === divider };
      return this.unfolded.has(hit.row) ? [own, ...hit.alike.map((alike) => ({ ...alike, of: hit.row }))] : [own];
    });
    if (!keep) this.at = 0;
    this.shown = Math.min(this.hits.length, keep ? Math.max(this.shown, this.chunk) : this.chunk);
    this.laid = [];
    const root = /** @type {Document | ShadowRoot} */ (this.list.getRootNode());
    const focused = this.list.contains(root.activeElement) ? /** @type {HTMLElement} */ (root.activeElement) : null;
    this.list.replaceChildren(...this.cardsOf(0, this.shown));
    // A card that stays keeps the focus, which it loses by being laid anew.
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    this.end();
  }

  /** @param {number} from @param {number} to */
  cardsOf(from, to) {
    const cards = this.hits.slice(from, to).flatMap((hit, i) => {
      const card = this.card(hit, from + i);
      this.laid.push(card);
      return hit.divided ? [this.divider(), card] : [card];
    });
    this.forget();
    return cards;
  }

  /** @returns {HTMLElement | string} */
  divider() {
    return '';
  }

  /** Lets the oldest cards go; those on the page are the latest. Else a long visit would hold every product it came across. */
  forget() {
    for (const row of this.cards.keys()) {
      if (this.cards.size <= Math.max(kept, this.laid.length)) return;
      this.drop(row);
    }
  }

  /** More of the hits, where not all are laid. */
  grow(focus = false) {
    if (this.shown >= this.hits.length) return;
    const from = this.shown;
    this.shown = Math.min(this.hits.length, from + this.chunk);
    this.list.append(...this.cardsOf(from, this.shown));
    if (focus) this.focus(from);
    this.end();
  }

  /** At least as many cards as there once were. @param {number} shown */
  growTo(shown) {
    while (this.shown < Math.min(shown, this.hits.length)) this.grow();
  }

  showRest() {
    const from = this.hits.length;
    this.restShown = true;
    this.shown += this.chunk;
    this.layAgain(true);
    this.focus(from);
  }

  /** @param {number} row */
  unfold(row) {
    if (!this.unfolded.delete(row)) this.unfolded.add(row);
    this.layAgain(true);
  }

  /** @param {Laid} hit @param {number} index */
  card(hit, index) {
    const known = this.cards.get(hit.row);
    const subject = this.subject(hit);
    const card = known && this.drawn.get(known) === subject ? known : this.make(hit, index < inView);
    this.drawn.set(card, subject);
    this.cards.delete(hit.row);
    this.cards.set(hit.row, card);
    card.dataset.index = String(index);
    this.badge(card, hit);
    this.update(card, hit);
    this.tabbable(card, index === this.at);
    return card;
  }

  /** "+2 alike" on the best of a group of near-duplicates. @param {HTMLElement} card @param {Laid} hit */
  badge(card, hit) {
    const { row, alike = [], of } = hit;
    card.querySelector('.alike')?.remove();
    card.toggleAttribute('data-alike', of !== undefined);
    if (!alike.length) return;
    const open = this.unfolded.has(row);
    const [n, title] = [alike.length, this.title(hit)];
    const press = () => {
      this.unfold(row);
      /** @type {HTMLElement | null} */ (card.querySelector('.alike'))?.focus();
    };
    const label = this.say(open ? 'alike_fold_of' : 'alike_of', { n, title });
    const button = {
      type: 'button',
      class: 'alike',
      part: 'button alike',
      'aria-expanded': String(open),
      'aria-label': label,
      on: { click: press },
    };
    card.append(el('button', button, this.say(open ? 'alike_fold' : 'alike', { n })));
  }

  // ---- the keyboard -----------------------------------------------------------------------------------------------

  /** @param {HTMLElement} card @param {boolean} on */
  tabbable(card, on) {
    for (const node of /** @type {NodeListOf<HTMLElement>} */ (card.querySelectorAll('a, button')))
      node.tabIndex = on ? 0 : -1;
  }

  /** @param {HTMLElement} target */
  focusIn(target) {
    const card = /** @type {HTMLElement | null} */ (target.closest('.card'));
    if (!card || Number(card.dataset.index) === this.at) return;
    const before = this.laid[this.at];
    if (before) this.tabbable(before, false);
    this.at = Number(card.dataset.index);
    this.tabbable(card, true);
  }

  /** @param {number} index */
  focus(index) {
    this.opener(this.laid[index])?.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Escape') return this.leave();
    const across = getComputedStyle(this.list).gridTemplateColumns.split(' ').length;
    const last = this.laid.length - 1;
    /** @type {Record<string, number>} */
    const places = {
      ArrowRight: this.at + 1,
      ArrowLeft: this.at - 1,
      ArrowDown: this.at + across,
      ArrowUp: this.at - across,
      Home: 0,
      End: last,
    };
    const to = places[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0) return this.leave();
    if (to > last) this.grow();
    this.focus(Math.min(to, this.laid.length - 1));
  }

  /** Where a row stands, or -1. @param {number} row */
  has(row) {
    return this.hits.findIndex((hit) => hit.row === row);
  }
}

export class Grid extends CardGrid {
  chunk = chunk;
  /** @type {((card: HTMLElement, hit: Laid) => void)[]} what other parts of the page put on a card */
  dress = [];
  /** @type {import('../core/catalog.js').Catalog | null} */
  catalog = null;
  /** @type {HTMLElement | null} what stands in place of results where there are none */
  empty = null;
  /** @type {IntersectionObserver | null} tells which photos are seen, while others wait */
  held = null;
  /** @type {Map<Element, () => void>} photos that wait, and what fetches each */
  waiting = new Map();

  /** @param {(name: string) => HTMLElement} part @param {any} act */
  constructor(part, act) {
    super(part('grid'), t);
    this.part = part;
    this.act = act;
    this.more = el('button', { type: 'button', class: 'button', on: { click: () => this.grow(true) } }, t('show_more'));
    const seen = (/** @type {IntersectionObserverEntry[]} */ entries) =>
      entries.some(({ isIntersecting }) => isIntersecting) && this.grow();
    new IntersectionObserver(seen, { rootMargin: '600px' }).observe(part('end'));
  }

  /** @param {import('../core/catalog.js').Catalog} catalog */
  frame(catalog) {
    this.list.style.setProperty('--frame', frameOf(Object.values(catalog.items)) ?? '0.8');
  }

  /**
   * @param {import('../core/catalog.js').Catalog} catalog
   * @param {Sections} sections
   * @param {{keep: boolean, empty: HTMLElement | null}} options
   */
  show(catalog, sections, { keep, empty }) {
    if (this.catalog !== catalog) this.cards.clear();
    this.catalog = catalog;
    this.empty = empty;
    this.lay(sections, keep);
  }

  /** From now on photos are fetched when they are seen: what answers a query has the line first. */
  hold() {
    this.held ??= new IntersectionObserver((entries) =>
      entries.filter(({ isIntersecting }) => isIntersecting).forEach(({ target }) => this.fetch(target)),
    );
  }

  /** All photos are fetched, as near as the browser likes. */
  release() {
    this.held?.disconnect();
    this.held = null;
    for (const photo of this.waiting.keys()) this.fetch(photo);
  }

  /** @param {Element} photo */
  fetch(photo) {
    this.held?.unobserve(photo);
    this.waiting.get(photo)?.();
    this.waiting.delete(photo);
  }

  /** @param {Laid} hit @returns {Item} */
  subject({ row }) {
    return /** @type {Item} */ (this.catalog?.items[row]); // a visitor's own photos come and go, and then a row is another's
  }

  /** @param {Laid} hit */
  title(hit) {
    return this.subject(hit).title;
  }

  divider() {
    return el('li', { class: 'grid-divider' }, t('less_close'));
  }

  leave() {
    this.act.leaveGrid();
  }

  end() {
    const part = this.part('end');
    const { rest, few } = this.sections;
    if (!this.hits.length && this.empty) return part.replaceChildren(this.empty);
    if (this.shown < this.hits.length) return part.replaceChildren(this.more);
    if (!rest.length || this.restShown) return part.replaceChildren();
    const said = few === undefined ? 'good_end' : few ? 'few_matches' : 'closest_end';
    const button = el(
      'button',
      { type: 'button', class: 'button', on: { click: () => this.showRest() } },
      t('show_rest', { n: rest.length }),
    );
    part.replaceChildren(
      el('div', { class: 'cut', data: { few: String(few ?? '') } }, el('p', {}, t(said, { n: few ?? 0 })), button),
    );
  }

  /** The score is for those who measure; a visitor sees the order. @param {HTMLElement} card @param {Laid} hit */
  update(card, hit) {
    const { score, cosine = score } = hit;
    delete card.dataset.score;
    delete card.dataset.cosine;
    if (score !== undefined && cosine !== undefined)
      Object.assign(card.dataset, { score: score.toFixed(3), cosine: cosine.toFixed(3) });
    for (const dress of this.dress) dress(card, hit);
  }

  /** @param {Laid} hit @param {boolean} atOnce */
  make(hit, atOnce) {
    const { act } = this;
    const item = this.subject(hit);
    const { id, title } = item;
    const action = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {string} */ full,
      /** @type {() => void} */ click,
    ) =>
      el(
        'button',
        { type: 'button', class: 'card-action', 'aria-label': full, title: label, on: { click } },
        icon(name),
        el('span', { class: 'card-action-text' }, label),
      );
    const open = (/** @type {MouseEvent} */ event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      act.open(id);
    };
    const brand = brandOf(item);
    return el(
      'li',
      { class: 'card', data: { row: String(hit.row), id } },
      el(
        'a',
        { class: 'card-open', href: act.itemHref(id), on: { click: open } },
        this.photo(item, atOnce),
        brand ? el('span', { class: 'card-brand' }, brand) : null,
        el('span', { class: 'card-title' }, withoutBrand(title, brand)),
        price(item),
      ),
      el(
        'div',
        { class: 'card-actions' },
        action('similar', t('more_like'), t('more_like_of', { title }), () => act.like(id)),
      ),
    );
  }

  /** @param {Item} item @param {boolean} atOnce */
  photo(item, atOnce) {
    const photo = /** @type {HTMLImageElement} */ (
      el('img', {
        alt: describe(item),
        width: item.width,
        height: item.height,
        loading: atOnce ? 'eager' : 'lazy',
        decoding: 'async',
      })
    );
    const frame = el(
      'span',
      { class: 'frame', css: { '--tone': safeColour(item.tone) ?? 'var(--line)' } },
      blur(item),
      photo,
    );
    photo.addEventListener('load', () => (frame.dataset.loaded = ''));
    photo.addEventListener('error', () => (frame.dataset.missing = ''));
    this.waiting.set(photo, () => this.catalog?.draw(/** @type {HTMLImageElement} */ (photo), item));
    if (this.held) this.held.observe(photo);
    else this.fetch(photo);
    if (item.own) frame.append(el('span', { class: 'own-mark' }, t('own_yours')));
    return frame;
  }

  /** Until the first photos are there, or cannot be had. */
  photos() {
    const photos = this.laid
      .slice(0, inView)
      .map((card) => /** @type {HTMLImageElement} */ (card.querySelector('img')));
    const arrived = (/** @type {HTMLImageElement} */ photo) =>
      (photo.src && photo.complete) ||
      new Promise((resolve) =>
        ['load', 'error'].forEach((type) => photo.addEventListener(type, resolve, { once: true })),
      );
    return Promise.all(photos.map(arrived));
  }
}
