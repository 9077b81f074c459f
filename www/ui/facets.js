// Filters with counts: a list of groups beside the grid, or in a sheet where there is no room beside it.
import { el, icon, modal } from './dom.js';
import { t } from './i18n.js';
import { held } from '../core/names.js';

const shownAtFirst = 8;
const openAtFirst = 3;

// Cloth is softer than the pure colours that CSS has under the same names.
const colours = {
  black: '#22211f',
  white: '#ffffff',
  grey: '#8d8f92',
  gray: '#8d8f92',
  red: '#c3352f',
  blue: '#3a62ad',
  green: '#41804f',
  yellow: '#e6bd3c',
  orange: '#dd7a33',
  pink: '#e59bb0',
  purple: '#77509c',
  brown: '#7a5136',
  navy: '#1f2a4d',
  'navy blue': '#1f2a4d',
  olive: '#70713b',
  teal: '#2d7d7d',
  beige: '#e2d3b8',
  cream: '#f3ead2',
  ivory: '#f6f1e2',
  mustard: '#d6a129',
  burgundy: '#6d1f33',
  maroon: '#6d1f33',
  charcoal: '#3c4045',
  camel: '#b88a57',
  khaki: '#aa9b6f',
  'off white': '#f4f1ea',
  nude: '#dcb9a1',
  rust: '#a6492a',
  blush: '#e8c1bd',
  copper: '#b06a45',
  bronze: '#80603a',
  silver: '#c3c6c9',
  gold: '#c9a54c',
  peach: '#f6c3a1',
  mauve: '#a98aa8',
  lavender: '#b9a7d8',
  magenta: '#b83a86',
  'grey melange': '#b9bbbd',
  'turquoise blue': '#35a5ab',
  turquoise: '#35a5ab',
  'sea green': '#3c8d6f',
  rose: '#d9899a',
  taupe: '#8b7d6f',
  sage: '#a3b096',
  terracotta: '#bd6147',
  denim: '#4a6484',
  emerald: '#1f7a5a',
  lilac: '#c3aed6',
  sand: '#d8c4a0',
  'sky blue': '#8ec1e6',
  'light blue': '#9cc3e4',
  mint: '#a9dbc2',
  coral: '#ee7f6a',
  plum: '#66375f',
  tan: '#c49a6c',
};

export function swatch(value) {
  const name = value.toLowerCase();
  const colour =
    held(colours, name) ?? (CSS.supports('color', name.replace(/\s/g, '')) ? name.replace(/\s/g, '') : null);
  const many = /multi|print|mixed/.test(name);
  if (!colour && !many) return el('span', { class: 'swatch none', 'aria-hidden': 'true' });
  return el('span', {
    class: many ? 'swatch many' : 'swatch',
    'aria-hidden': 'true',
    css: many ? {} : { '--swatch': colour },
  });
}

/** "baseColour", "base_colour" → "Base colour": names come from a shop's columns. */
export function facetName(name) {
  const words = name
    .replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')
    .replace(/[_-]+/g, ' ')
    .trim();
  const rest = words.slice(1);
  return words.charAt(0).toUpperCase() + (/^\p{Lu}+$/u.test(rest) ? rest : rest.toLowerCase());
}

/** "printed" is shown as "Printed" beside "Solid"; what has a capital anywhere is written as the shop wants it. */
export const valueName = (value, more = '') =>
  el('span', { class: /\p{Lu}/u.test(value) ? more : `${more} plain-name` }, value);

const letters = ['xxxs', 'xxs', 'xs', 's', 'm', 'l', 'xl', 'xxl', 'xxxl', 'xxxxl'];
const short = (size) =>
  size
    .toLowerCase()
    .replace(/^(\d)(?=x+[sl]$)/, '')
    .replace(/^([2-5])(?=[sl]$|x[sl]$)/, (n) => 'x'.repeat(Number(n) - 1));

/** Where a size stands among sizes: letters from small to large, then numbers, then the rest. */
function sizePlace(value) {
  const at = letters.indexOf(short(value.trim()));
  if (at >= 0) return at;
  const number = Number.parseFloat(value.replace(',', '.').replace(/^[^\d]*/, ''));
  return Number.isNaN(number) ? 1e9 : 100 + number;
}

/** Values in the order in which a visitor looks for them: sizes in their own, all others as the catalog has them. */
export function inOrder(name, rows) {
  if (!/(^|[^\p{L}])(size|größe|groesse|taille|talla|taglia|maat)s?($|[^\p{L}])/iu.test(facetName(name))) return rows;
  return rows.toSorted((a, b) => sizePlace(a.value) - sizePlace(b.value));
}

export class Facets {
  constructor(part, act) {
    this.part = part;
    this.act = act;
    this.open = new Map(); // group → does it stand open
    this.long = new Set(); // groups shown in full
    this.panel = el('div', { class: 'facets' });
    part('rail').append(this.panel);
    part('open-filters').addEventListener('click', () => this.showSheet());
  }

  /** `without`: the words that products must not have. */
  show(catalog, selected, shown, without = []) {
    this.catalog = catalog;
    this.without = without;
    this.selected = selected;
    const chosen = Object.values(selected).reduce((sum, values) => sum + values.length, 0);
    const counts = catalog.counts(selected);
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.id : null;
    this.panel.replaceChildren(
      el(
        'div',
        { class: 'facets-head' },
        el('h2', {}, t('filters')),
        chosen
          ? el(
              'button',
              { type: 'button', class: 'link', on: { click: () => this.act.facets({}) } },
              t('clear_filters'),
            )
          : null,
      ),
      ...catalog.facets.map((facet, i) => this.group(facet, counts.get(facet.name), i)),
    );
    if (focused) document.getElementById(focused)?.focus();
    this.part('open-filters').replaceChildren(icon('filters'), chosen ? t('filters_n', { n: chosen }) : t('filters'));
    this.part('open-filters').hidden = !catalog.facets.length;
    if (this.done) this.done.textContent = t('show_products', { n: shown });
    this.showActive();
  }

  group(facet, counts, index) {
    const selected = held(this.selected, facet.name) ?? [];
    const open = this.open.get(facet.name) ?? (index < openAtFirst || selected.length > 0);
    // The order is the whole catalog's, so that nothing moves under the pointer when a filter is set.
    const rows = facet.values.map((value, code) => ({ value, n: counts[code], chosen: selected.includes(value) }));
    const long = this.long.has(facet.name);
    const visible = inOrder(
      facet.name,
      rows.filter(({ chosen }, i) => long || i < shownAtFirst || chosen),
    );
    const details = el(
      'details',
      { class: 'facet', open },
      el('summary', {}, facetName(facet.name)),
      el(
        'div',
        { class: 'facet-values', role: 'group', 'aria-label': facetName(facet.name) },
        ...visible.map((row) => this.value(facet, row)),
        rows.length > shownAtFirst
          ? el(
              'button',
              {
                type: 'button',
                class: 'link',
                id: `facet-${index}-all`,
                on: { click: () => this.toggleLong(facet.name) },
              },
              long ? t('facet_fewer') : t('facet_all', { n: rows.length }),
            )
          : null,
      ),
    );
    details.addEventListener('toggle', () => this.open.set(facet.name, details.open));
    return details;
  }

  value(facet, { value, n, chosen }) {
    const id = `facet-${this.catalog.facets.indexOf(facet)}-${facet.codes.get(value)}`;
    return el(
      'label',
      { class: 'facet-value', data: { empty: String(!n && !chosen) } },
      el('input', {
        type: 'checkbox',
        id,
        checked: chosen,
        data: { facet: facet.name, value },
        on: { change: () => this.toggle(facet.name, value) },
      }),
      /colou?r/i.test(facet.name) ? swatch(value) : null,
      valueName(value, 'facet-name'),
      el('span', { class: 'facet-count' }, String(n)),
    );
  }

  toggle(name, value) {
    const values = held(this.selected, name) ?? [];
    const next = values.includes(value) ? values.filter((other) => other !== value) : [...values, value];
    const facets = { ...this.selected, [name]: next };
    if (!next.length) delete facets[name];
    this.act.facets(facets);
  }

  toggleLong(name) {
    if (!this.long.delete(name)) this.long.add(name);
    this.act.redrawFacets();
  }

  /** The filters in force, above the results, each with its way out. */
  showActive() {
    const chips = Object.entries(this.selected).flatMap(([name, values]) =>
      values.map((value) =>
        el(
          'button',
          {
            type: 'button',
            class: 'chip on',
            'aria-label': t('remove_filter', { name: facetName(name), value }),
            on: { click: () => this.toggle(name, value) },
          },
          /colou?r/i.test(name) ? swatch(value) : null,
          valueName(value),
          icon('close'),
        ),
      ),
    );
    const banned = this.without.map((word) =>
      el(
        'button',
        {
          type: 'button',
          class: 'chip on',
          'aria-label': t('remove_without', { word }),
          on: { click: () => this.act.withWord(word) },
        },
        t('without', { words: word }),
        icon('close'),
      ),
    );
    this.part('active').replaceChildren(...banned, ...chips);
    this.part('active').hidden = !chips.length && !banned.length;
  }

  showSheet() {
    const { panel } = this;
    this.done = el('button', { type: 'button', class: 'button primary wide' }, '');
    const dialog = modal(
      'sheet filters-sheet',
      t('filters'),
      t('close'),
      panel,
      el('div', { class: 'sheet-foot' }, this.done),
    );
    this.done.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      this.part('rail').append(panel);
      this.done = null;
      this.part('open-filters').focus();
    });
    this.act.redrawFacets();
  }
}
