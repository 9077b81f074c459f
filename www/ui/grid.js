// The results: a list of cards, one of which is in the tab order; arrows move between them.
import { el, icon, safeColour } from './dom.js';
import { decimal, t } from './i18n.js';

const chunk = 48;
const inView = 12; // about as many photos as a first view shows; they need not wait until it is laid out
const kept = 4 * chunk; // cards that stay made, on the page or not: a question like the one before asks for most of them again

export function describe(item) {
  const details = Object.values(item.attributes ?? {}).join(', ');
  return details || item.title;
}

const [columns, rows] = [3, 4]; // BLUR in src/catalog/format.rs

/** The few pixels that came with the catalog, drawn large until the photo is there; null where there are none. */
export function blur(item) {
  if (!/^[0-9a-f]+$/.test(item.blur ?? '') || item.blur.length !== columns * rows * 3) return null;
  const canvas = el('canvas', { class: 'blur', width: columns, height: rows, 'aria-hidden': 'true' });
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    for (let c = 0; c < 3; c++) pixels.data[i * 4 + c] = Number.parseInt(item.blur[i * 3 + c], 16) * 17;
    pixels.data[i * 4 + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export class Grid {
  constructor(part, act) {
    this.part = part;
    this.act = act;
    this.list = part('grid');
    this.cards = new Map(); // row → its card, the latest last, kept so that a photo on the screen is never loaded or laid out twice
    this.drawn = new WeakMap(); // card → its item
    this.hits = [];
    this.laid = []; // the cards on the page, in order
    this.unfolded = new Set(); // rows whose near-duplicates stand open
    this.shown = 0;
    this.at = 0;
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('focusin', (event) => this.focusIn(event));
    this.more = el('button', { type: 'button', class: 'button', on: { click: () => this.grow(true) } }, t('show_more'));
    new IntersectionObserver((entries) => entries.some(({ isIntersecting }) => isIntersecting) && this.grow(), { rootMargin: '600px' }).observe(part('end'));
  }

  /** One frame for all photos, in the catalog's own proportions: nothing jumps, little is cut off. */
  frame(catalog) {
    const ratios = Object.values(catalog.items).map(({ width, height }) => width / height).filter((ratio) => ratio > 0).sort((a, b) => a - b);
    const median = ratios[ratios.length >> 1] ?? 0.8;
    this.list.style.setProperty('--frame', String(Math.min(1.1, Math.max(0.68, median))));
  }

  /**
   * `hits`: [{row, score?, alike?}]. `rest`: hits below the good ones, shown only when asked for. `few`: how many good
   * ones there are, where there are few. `empty`: what stands in place of results where there are none.
   */
  show(catalog, hits, { keep = false, empty = null, rest = [], few } = {}) {
    if (this.catalog !== catalog) this.cards.clear();
    if (!keep) this.unfolded.clear();
    Object.assign(this, { catalog, good: hits, rest, few, restShown: false });
    this.lay(keep, empty);
  }

  lay(keep, empty = null) {
    const all = this.restShown ? [...this.good, ...this.rest] : this.good;
    this.below = this.restShown ? this.good.length : -1; // where the divider stands, counted before unfolding
    this.hits = all.flatMap((hit, i) => {
      const own = { ...hit, divided: i === this.below };
      return this.unfolded.has(hit.row) ? [own, ...hit.alike.map((alike) => ({ ...alike, of: hit.row }))] : [own];
    });
    const count = Math.min(this.hits.length, keep ? Math.max(this.shown, chunk) : chunk);
    if (!keep) this.at = 0;
    this.shown = count;
    this.laid = [];
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    this.list.replaceChildren(...this.cardsOf(0, count));
    // A card that stays keeps the focus, which it loses by being laid anew.
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    this.end(this.hits.length ? null : empty);
  }

  cardsOf(from, to) {
    const cards = this.hits.slice(from, to).flatMap((hit, i) => {
      const card = this.card(hit, from + i);
      this.laid.push(card);
      return hit.divided ? [el('li', { class: 'grid-divider' }, t('less_close')), card] : [card];
    });
    this.forget();
    return cards;
  }

  /** Lets the oldest cards go; those on the page are the latest. Else a long visit would hold every product it came across. */
  forget() {
    for (const row of this.cards.keys()) {
      if (this.cards.size <= Math.max(kept, this.laid.length)) return;
      this.cards.delete(row);
    }
  }

  grow(focus = false) {
    if (this.shown >= this.hits.length) return;
    const from = this.shown;
    this.shown = Math.min(this.hits.length, from + chunk);
    this.list.append(...this.cardsOf(from, this.shown));
    if (focus) this.focus(from);
    this.end();
  }

  showRest() {
    const from = this.hits.length;
    this.restShown = true;
    this.shown += chunk;
    this.lay(true);
    this.focus(from);
  }

  unfold(row) {
    if (!this.unfolded.delete(row)) this.unfolded.add(row);
    this.lay(true);
  }

  end(empty = null) {
    const part = this.part('end');
    if (empty) return part.replaceChildren(empty);
    if (this.shown < this.hits.length) return part.replaceChildren(this.more);
    if (!this.rest?.length || this.restShown) return part.replaceChildren();
    const said = this.few === undefined ? 'good_end' : this.few ? 'few_matches' : 'closest_end';
    part.replaceChildren(
      el(
        'div',
        { class: 'cut', data: { few: String(this.few ?? '') } },
        el('p', {}, t(said, { n: this.few ?? 0 })),
        el('button', { type: 'button', class: 'button', on: { click: () => this.showRest() } }, t('show_rest', { n: this.rest.length })),
      ),
    );
  }

  /** "+2 alike" on the best of a group of near-duplicates. */
  badge(card, { row, alike, of }) {
    card.querySelector('.alike')?.remove();
    card.toggleAttribute('data-alike', of !== undefined);
    if (!alike?.length) return;
    const open = this.unfolded.has(row);
    const title = this.catalog.items[row].title;
    card.append(
      el(
        'button',
        {
          type: 'button',
          class: 'alike',
          'aria-expanded': String(open),
          'aria-label': t(open ? 'alike_fold_of' : 'alike_of', { n: alike.length, title }),
          on: { click: () => (this.unfold(row), card.querySelector('.alike').focus()) },
        },
        t(open ? 'alike_fold' : 'alike', { n: alike.length }),
      ),
    );
  }

  card(hit, index) {
    const known = this.cards.get(hit.row);
    // A visitor's own photos come and go, and then a row is another's.
    const card = known && this.drawn.get(known) === this.catalog.items[hit.row] ? known : this.make(hit.row, index < inView);
    this.drawn.set(card, this.catalog.items[hit.row]);
    this.cards.delete(hit.row);
    this.cards.set(hit.row, card);
    card.dataset.index = String(index);
    this.badge(card, hit);
    this.tabbable(card, index === this.at);
    const scored = hit.score !== undefined;
    const score = card.querySelector('.score');
    score.hidden = !scored;
    if (scored) {
      const text = decimal(hit.score, 2);
      score.style.setProperty('--score', String(Math.min(1, Math.max(0.02, hit.score))));
      score.setAttribute('aria-label', t('score', { score: text }));
      score.title = t('score_title', { score: decimal(hit.score, 3) });
      score.lastElementChild.textContent = text;
    }
    return card;
  }

  make(row, atOnce) {
    const { catalog, act } = this;
    const item = catalog.items[row];
    const photo = el('img', { alt: describe(item), width: item.width, height: item.height, loading: atOnce ? 'eager' : 'lazy', decoding: 'async' });
    const frame = el('span', { class: 'frame', css: { '--tone': safeColour(item.tone) ?? 'var(--line)' } }, blur(item), photo);
    photo.addEventListener('load', () => (frame.dataset.loaded = ''));
    photo.addEventListener('error', () => (frame.dataset.missing = ''));
    photo.src = catalog.photo(item);
    if (item.own) frame.append(el('span', { class: 'own-mark' }, t('own_yours')));
    const action = (name, label, full, run) =>
      el('button', { type: 'button', class: 'card-action', 'aria-label': full, title: label, on: { click: run } }, icon(name), el('span', { class: 'card-action-text' }, label));
    return el(
      'li',
      { class: 'card', data: { row: String(row), id: item.id } },
      el(
        'a',
        {
          class: 'card-open',
          href: act.itemHref(item.id),
          on: {
            click: (event) => {
              if (event.metaKey || event.ctrlKey || event.shiftKey) return;
              event.preventDefault();
              act.open(item.id);
            },
          },
        },
        frame,
        el('span', { class: 'card-title' }, item.title),
        item.price ? el('span', { class: 'card-price' }, String(item.price)) : null,
      ),
      el('div', { class: 'score', role: 'img' }, el('span', { class: 'score-track' }, el('span', { class: 'score-bar' })), el('span', { class: 'score-text' }, '')),
      el(
        'div',
        { class: 'card-actions' },
        action('similar', t('more_like'), t('more_like_of', { title: item.title }), () => act.like(item.id)),
        action('but', t('like_but'), t('like_but_of', { title: item.title }), () => act.likeBut(item.id)),
      ),
    );
  }

  tabbable(card, on) {
    for (const node of card.querySelectorAll('a, button')) node.tabIndex = on ? 0 : -1;
  }

  focusIn(event) {
    const card = event.target.closest('.card');
    if (!card || Number(card.dataset.index) === this.at) return;
    const before = this.laid[this.at];
    if (before) this.tabbable(before, false);
    this.at = Number(card.dataset.index);
    this.tabbable(card, true);
  }

  /** Until the first photos are there, or cannot be had. */
  photos() {
    const arrived = (photo) => photo.complete || new Promise((resolve) => ['load', 'error'].forEach((type) => photo.addEventListener(type, resolve, { once: true })));
    return Promise.all(this.laid.slice(0, inView).map((card) => arrived(card.querySelector('img'))));
  }

  focus(index) {
    this.laid[index]?.querySelector('.card-open').focus();
  }

  get columns() {
    return getComputedStyle(this.list).gridTemplateColumns.split(' ').length;
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    if (event.key === 'Escape') return this.act.leaveGrid();
    let to = event.key === 'Home' ? 0 : event.key === 'End' ? this.laid.length - 1 : null;
    if (step) to = this.at + step;
    if (to === null) return;
    event.preventDefault();
    if (to < 0) return this.act.leaveGrid();
    if (to >= this.laid.length) this.grow();
    this.focus(Math.min(to, this.laid.length - 1));
  }

  has(row) {
    return this.hits.findIndex((hit) => hit.row === row);
  }
}

/** A small row of products, for the sheet. */
export function strip(catalog, hits, act) {
  return el(
    'ul',
    { class: 'strip' },
    ...hits.map(({ row }) => {
      const item = catalog.items[row];
      const photo = el('img', { src: catalog.photo(item), alt: item.title, width: item.width, height: item.height, loading: 'lazy' });
      return el(
        'li',
        {},
        el('button', { type: 'button', class: 'strip-open', on: { click: () => act.open(item.id, { replace: true }) } }, el('span', { class: 'frame', css: { '--tone': safeColour(item.tone) ?? 'var(--line)' } }, photo)),
      );
    }),
  );
}

