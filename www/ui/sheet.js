// One product, close up: its photo, what is known of it, its neighbours, and the ways on from it.
import { el, icon, safeColour, safeLink } from './dom.js';
import { modal } from './modal.js';
import { shareButton } from './answer.js';
import { t } from './i18n.js';
import { changeWords } from './composer.js';
import { facetName } from './facets.js';
import { describe, price } from './grid.js';

export class Sheet {
  constructor(act) {
    this.act = act;
    this.dialog = null;
    this.shown = null;
  }

  /** `order`: the results, so that the arrows walk through them; `still`: whether it is wanted once all is here. */
  async show(catalog, id, order, redraw = false, still = () => true) {
    if (this.shown === id && this.dialog?.open && !redraw) return;
    const row = await catalog.product(id);
    const first = row === undefined ? row : catalog.shown(row).first;
    const all = row === undefined ? [] : await catalog.nearest(row, null);
    const near = all.filter((hit) => catalog.shown(hit.row).first !== first); // its other photos stand above
    if (!still()) return;
    if (row === undefined) return this.hide();
    this.shown = id;
    const content = this.content(catalog, row, order, near.slice(0, 8));
    if (this.dialog?.open) {
      this.dialog.querySelector('.dialog-body').replaceChildren(...content);
      this.dialog.setAttribute('aria-label', catalog.items[row].title);
      this.dialog.scrollTop = 0;
      return;
    }
    const dialog = modal('sheet product', catalog.items[row].title, t('close'), ...content);
    this.dialog = dialog;
    dialog.addEventListener('close', () => {
      if (this.dialog !== dialog) return;
      this.dialog = this.shown = null;
      this.act.closeItem(Number(row));
    });
    dialog.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowLeft') dialog.querySelector('[data-step="-1"]')?.click();
      if (event.key === 'ArrowRight') dialog.querySelector('[data-step="1"]')?.click();
    });
  }

  hide() {
    const { dialog } = this;
    this.dialog = this.shown = null;
    dialog?.close();
  }

  content(catalog, row, order, near) {
    const { act } = this;
    const item = catalog.items[row];
    const photo = el('img', { alt: describe(item), width: item.width, height: item.height });
    catalog.draw(photo, item, true);
    const link = safeLink(item.link);
    const { first, n } = catalog.shown(row);
    const photos = n > 1 ? [...catalog.known()].filter((other) => catalog.shown(other).first === first) : [];
    const changes = catalog.changes(row, 1).slice(0, 6);
    return [
      el(
        'div',
        { class: 'product-photo' },
        el(
          'div',
          { class: 'product-stage', css: { '--ratio': String(item.width / item.height) } },
          larger(catalog, item, photo),
          this.steps(catalog, row, order),
        ),
        photos.length > 1 ? strip(catalog, photos, act, row) : null,
      ),
      el(
        'div',
        { class: 'product-text' },
        el('h2', { class: 'product-title' }, item.title),
        el('p', { class: 'product-price' }, price(item)),
        link
          ? el(
              'a',
              { class: 'button primary', href: link, target: '_blank', rel: 'noopener noreferrer nofollow' },
              t('open_shop'),
              icon('out'),
            )
          : null,
        el(
          'div',
          { class: 'product-actions' },
          el(
            'button',
            { type: 'button', class: 'button', on: { click: () => act.like(item.id) } },
            icon('similar'),
            t('more_like'),
          ),
          el(
            'button',
            { type: 'button', class: 'button', on: { click: () => act.likeBut(item.id) } },
            icon('but'),
            t('like_but'),
          ),
          item.own
            ? null
            : shareButton(() => ({ title: item.title, url: addressOf(act.itemHref(item.id)) }), 'icon-button'),
        ),
        changes.length
          ? el(
              'div',
              { class: 'chips' },
              el('span', { class: 'chips-lead' }, t('suggestions_but')),
              ...changes.map((change) => {
                const words = changeWords(change);
                return el(
                  'button',
                  { type: 'button', class: 'chip', on: { click: () => act.likeBut(item.id, words) } },
                  words,
                );
              }),
            )
          : null,
        el(
          'dl',
          { class: 'product-details' },
          ...catalog
            .details(item)
            .flatMap(([name, value]) => [el('dt', {}, facetName(name)), el('dd', {}, String(value))]),
        ),
        near.length ? el('h3', { class: 'product-near' }, t('similar')) : null,
        near.length
          ? strip(
              catalog,
              near.map((hit) => hit.row),
              act,
            )
          : null,
      ),
    ];
  }

  steps(catalog, row, order) {
    const at = order.findIndex((hit) => hit.row === row);
    if (at < 0) return null;
    const step = (by, name, label) => {
      const next = order[at + by];
      return el(
        'button',
        {
          type: 'button',
          class: 'icon-button step',
          'aria-label': label,
          disabled: !next,
          data: { step: String(by) },
          on: { click: () => this.act.open(catalog.items[next.row].id, { replace: true }) },
        },
        icon(name),
      );
    };
    return el('div', { class: 'steps' }, step(-1, 'left', t('previous')), step(1, 'right', t('next')));
  }
}

const addressOf = (fragment) => new URL(fragment, location.href).href;

const framed = (item, photo) =>
  el('span', { class: 'frame', css: { '--tone': safeColour(item.tone) ?? 'var(--line)' } }, photo);

/** The photo as a button that shows it as large as the shop has it, and at least as large as the window. */
function larger(catalog, item, photo) {
  const show = () => {
    const image = el('img', { alt: photo.alt, css: { '--height': `${item.height}px` } });
    catalog.draw(image, item, true);
    const dialog = modal('zoom', item.title, t('close'), image);
    dialog.querySelector('.dialog-body').addEventListener('click', () => dialog.close());
    const middle = () => dialog.scrollTo((dialog.scrollWidth - dialog.clientWidth) / 2, 0);
    image.addEventListener('load', middle);
  };
  const button = {
    type: 'button',
    class: 'zoom-open',
    'aria-label': t('zoom', { title: item.title }),
    on: { click: show },
  };
  return el('button', button, framed(item, photo));
}

/** A small row of products, or of the photos of one, of which `shown` stands above it. */
function strip(catalog, rows, act, shown = null) {
  return el(
    'ul',
    { class: shown === null ? 'strip' : 'product-photos' },
    ...rows.map((row, i) => {
      const item = catalog.items[row];
      const photo = el('img', {
        alt: shown === null ? item.title : t('photo_of', { n: i + 1, all: rows.length }),
        width: item.width,
        height: item.height,
        loading: 'lazy',
      });
      catalog.draw(photo, item);
      return el(
        'li',
        {},
        el(
          'button',
          {
            type: 'button',
            class: 'strip-open',
            'aria-current': row === shown ? 'true' : null,
            on: { click: () => act.open(item.id, { replace: true }) },
          },
          framed(item, photo),
        ),
      );
    }),
  );
}
