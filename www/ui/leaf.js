// Several photos of one product on one card: small dots and arrows over the photo, and a swipe of the finger.
import { el, icon } from './dom.js';
import { t } from './i18n.js';

const mostDots = 6; // more of them would count nothing at a glance
const swipe = 34; // pixels

/** Photos of products by the first row of each. @param {any} catalog @returns {Map<number, number[]>} */
export function photosOf(catalog) {
  /** @type {Map<number, number[]>} */
  const photos = new Map();
  for (const row of catalog.known()) {
    const { first, n } = catalog.shown(row);
    if (n > 1) photos.set(first, [...(photos.get(first) ?? []), row]);
  }
  return photos;
}

/** What is put on a card whose product has several photos; `app`: whose catalog and grid. @param {any} app */
export function leaves({ catalog, results }) {
  const photos = photosOf(catalog);
  return (/** @type {HTMLElement} */ card, /** @type {{row: number}} */ { row }) => {
    const all = photos.get(catalog.shown(row).first) ?? [];
    if (all.length > 1 && !card.dataset.photos)
      new Leaf(card, results.grid, [row, ...all.filter((one) => one !== row)]);
  };
}

class Leaf {
  at = 0;

  /** @param {HTMLElement} card @param {any} grid @param {number[]} rows   of the photos, the one that was found first */
  constructor(card, grid, rows) {
    this.card = card;
    this.grid = grid;
    this.rows = rows;
    card.dataset.photos = String(rows.length);
    this.title = grid.title({ row: rows[0] });
    this.dots = el('span', { class: 'leaf' });
    this.said = el('span', { class: 'visually-hidden', role: 'status' });
    const step = (/** @type {number} */ by, /** @type {string} */ name) =>
      el(
        'button',
        {
          type: 'button',
          class: 'leaf-step',
          tabindex: card.querySelector('a')?.tabIndex ?? -1,
          'aria-label': t(by > 0 ? 'photo_next' : 'photo_previous', { title: this.title }),
          on: { click: () => this.turn(by, true) },
        },
        icon(name),
      );
    card
      .querySelector('.card-open')
      ?.after(el('div', { class: 'leaf-steps' }, step(-1, 'left'), step(1, 'right'), this.said));
    this.draw();
    this.listen();
  }

  get frame() {
    return /** @type {HTMLElement} */ (this.card.querySelector('.frame'));
  }

  /** A swipe that goes more sideways than down; the link under it is then not followed. */
  listen() {
    /** @type {{x: number, y: number} | null} */
    let from = null;
    let swiped = false;
    const open = /** @type {HTMLElement} */ (this.card.querySelector('.card-open'));
    open.addEventListener('pointerdown', ({ clientX: x, clientY: y, pointerType }) => {
      from = pointerType === 'mouse' ? null : { x, y };
      swiped = false;
    });
    open.addEventListener('pointerup', ({ clientX, clientY }) => {
      const [across, down] = from ? [clientX - from.x, clientY - from.y] : [0, 0];
      from = null;
      swiped = Math.abs(across) > swipe && Math.abs(across) > 1.5 * Math.abs(down);
      if (swiped) this.turn(across < 0 ? 1 : -1);
    });
    open.addEventListener(
      'click',
      (event) => {
        if (!swiped) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        swiped = false;
      },
      true,
    );
  }

  /** @param {number} by @param {boolean} [aloud] */
  turn(by, aloud = false) {
    const { rows, grid } = this;
    this.at = (this.at + by + rows.length) % rows.length;
    this.frame.replaceWith(grid.photo(grid.subject({ row: rows[this.at] }), true));
    this.draw();
    if (aloud) this.said.textContent = t('photo_of', { n: this.at + 1, all: rows.length });
  }

  draw() {
    const { at, dots, rows } = this;
    const dot = (/** @type {number} */ _, /** @type {number} */ i) =>
      el('span', { class: 'leaf-dot', data: i === at ? { on: '' } : {} });
    dots.replaceChildren(
      ...(rows.length > mostDots ? [el('span', { class: 'leaf-count' }, `${at + 1} / ${rows.length}`)] : rows.map(dot)),
    );
    dots.setAttribute('aria-hidden', 'true');
    this.frame.append(dots);
  }
}
