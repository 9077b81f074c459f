// The results: a list of cards, one of which is in the tab order; arrows move between them.
import { el, icon, safeColour } from './dom.js';
import { decimal, t } from './i18n.js';

const chunk = 48;

export function describe(item) {
  const details = Object.values(item.attributes ?? {}).join(', ');
  return details || item.title;
}

export class Grid {
  constructor(part, act) {
    this.part = part;
    this.act = act;
    this.list = part('grid');
    this.cards = new Map(); // row → its card, kept so that a photo on the screen is never loaded or laid out twice
    this.hits = [];
    this.shown = 0;
    this.at = 0;
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('focusin', (event) => this.focusIn(event));
    this.more = el('button', { type: 'button', class: 'button', on: { click: () => this.grow(true) } }, t('show_more'));
    new IntersectionObserver((entries) => entries.some(({ isIntersecting }) => isIntersecting) && this.grow(), { rootMargin: '600px' }).observe(part('end'));
  }

  /** One frame for all photos, in the catalog's own proportions: nothing jumps, little is cut off. */
  frame(catalog) {
    const ratios = catalog.items.map(({ width, height }) => width / height).filter((ratio) => ratio > 0).sort((a, b) => a - b);
    const median = ratios[ratios.length >> 1] ?? 0.8;
    this.list.style.setProperty('--frame', String(Math.min(1.1, Math.max(0.68, median))));
  }

  /** `empty`: what stands in place of results where there are none. */
  show(catalog, hits, { keep = false, empty = null } = {}) {
    if (this.catalog !== catalog) this.cards.clear();
    this.catalog = catalog;
    this.hits = hits;
    const count = Math.min(hits.length, keep ? Math.max(this.shown, chunk) : chunk);
    if (!keep) this.at = 0;
    this.shown = count;
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    this.list.replaceChildren(...hits.slice(0, count).map((hit, i) => this.card(hit, i)));
    // A card that stays keeps the focus, which it loses by being laid anew.
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    this.end(hits.length ? null : empty);
  }

  grow(focus = false) {
    if (this.shown >= this.hits.length) return;
    const from = this.shown;
    this.shown = Math.min(this.hits.length, from + chunk);
    this.list.append(...this.hits.slice(from, this.shown).map((hit, i) => this.card(hit, from + i)));
    if (focus) this.focus(from);
    this.end();
  }

  end(empty = null) {
    this.part('end').replaceChildren(...(empty ? [empty] : this.shown < this.hits.length ? [this.more] : []));
  }

  card(hit, index) {
    const card = this.cards.get(hit.row) ?? this.make(hit.row);
    this.cards.set(hit.row, card);
    card.dataset.index = String(index);
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

  make(row) {
    const { catalog, act } = this;
    const item = catalog.items[row];
    const photo = el('img', { alt: describe(item), width: item.width, height: item.height, loading: 'lazy', decoding: 'async' });
    const frame = el('span', { class: 'frame', css: { '--tone': safeColour(item.tone) ?? 'var(--line)' } }, photo);
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
    const before = this.list.children[this.at];
    if (before) this.tabbable(before, false);
    this.at = Number(card.dataset.index);
    this.tabbable(card, true);
  }

  focus(index) {
    this.list.children[index]?.querySelector('.card-open').focus();
  }

  get columns() {
    return getComputedStyle(this.list).gridTemplateColumns.split(' ').length;
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    if (event.key === 'Escape') return this.act.leaveGrid();
    let to = event.key === 'Home' ? 0 : event.key === 'End' ? this.list.children.length - 1 : null;
    if (step) to = this.at + step;
    if (to === null) return;
    event.preventDefault();
    if (to < 0) return this.act.leaveGrid();
    if (to >= this.list.children.length) this.grow();
    this.focus(Math.min(to, this.list.children.length - 1));
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

