// Filters with counts: a list of groups beside the grid, or in a sheet where there is no room beside it.
import { el, icon } from './dom.js';
import { t } from './i18n.js';
import { verified } from './verified.js';
import { held } from '../core/names.js';

const shownAtFirst = 8;
const openAtFirst = 3;

/** @type {typeof import('./values.js') | null} */
let values = null;

export function swatch(value) {
  const name = value.toLowerCase();
  const colour =
    values?.colourOf(name) ?? (CSS.supports('color', name.replace(/\s/g, '')) ? name.replace(/\s/g, '') : null);
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

export class Facets {
  /** @type {HTMLElement | null} the button of the sheet, where it stands open */
  done = null;
  /** @type {{counts: Map<string, Uint32Array | undefined>, query: string, n: number, without: string[]} | null} what was shown last */
  answer = null;
  catalog = null;
  selected = {};
  without = [];

  constructor(part, act) {
    this.part = part;
    this.act = act;
    this.open = new Map(); // group → does it stand open
    this.long = new Set(); // groups shown in full
    this.order = new Map(); // group → codes of its values as they stand
    this.panel = el('div', { class: 'facets' });
    /** @type {HTMLElement | null} what stands above the groups: prices and stock, where a catalog has them */
    this.above = null;
    part('rail').append(this.panel);
    part('open-filters').addEventListener('click', () =>
      this.learn()
        .then(() => values.showSheet(this))
        .catch(() => {}),
    );
    this.learn().catch(() => {}); // filters work without
  }

  async learn() {
    await verified('ui/values');
    values = await import('./values.js');
    if (this.answer) this.redraw();
  }

  /**
   * `counts`: how many products of the answer have each value, by facet, as far as that is known; `query`: tells queries
   * apart, filters not among them; `n`: how many products are shown; `without`: the words that products must not have.
   */
  show(catalog, selected, answer) {
    const { counts, query, n, without } = answer;
    if (this.answer?.query !== query && !this.panel.matches(':focus-within')) this.order.clear();
    Object.assign(this, { catalog, selected, answer, without });
    const chosen = Object.values(selected).reduce((sum, values) => sum + values.length, 0);
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
      this.above ?? '',
      ...catalog.facets.map((facet, i) => this.group(facet, counts.get(facet.name), i)),
    );
    if (focused) document.getElementById(focused)?.focus();
    this.part('open-filters').replaceChildren(icon('filters'), chosen ? t('filters_n', { n: chosen }) : t('filters'));
    this.part('open-filters').hidden = !catalog.facets.length && !this.above;
    if (this.done) this.done.textContent = t('show_products', { n });
    this.showActive();
  }

  redraw() {
    this.show(this.catalog, this.selected, this.answer);
  }

  group(facet, counts, index) {
    const selected = held(this.selected, facet.name) ?? [];
    const open = this.open.get(facet.name) ?? (index < openAtFirst || selected.length > 0);
    const rows = this.codes(facet, counts).map((code) => ({
      value: facet.values[code],
      n: counts?.[code],
      chosen: selected.includes(facet.values[code]),
    }));
    const long = this.long.has(facet.name);
    const known = rows.filter(({ chosen }, i) => long || i < shownAtFirst || chosen);
    const visible = values?.inOrder(facet.name, known) ?? known;
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
    values?.asGrid(facet.name, details);
    return details;
  }

  /** What the answer has comes first, else as in the catalog; while a query stands nothing moves under the pointer. */
  codes({ name, values }, counts) {
    const some = (code) => !counts || counts[code] > 0;
    if (!this.order.has(name))
      this.order.set(
        name,
        [...values.keys()].sort((a, b) => +some(b) - +some(a)),
      );
    return this.order.get(name);
  }

  value(facet, { value, n, chosen }) {
    const id = `facet-${this.catalog.facets.indexOf(facet)}-${facet.codes.get(value)}`;
    return el(
      'label',
      { class: 'facet-value', data: { empty: String(n === 0 && !chosen) } },
      el('input', {
        type: 'checkbox',
        id,
        checked: chosen,
        data: { facet: facet.name, value },
        on: { change: () => this.toggle(facet.name, value) },
      }),
      /colou?r/i.test(facet.name) ? swatch(value) : null,
      valueName(value, 'facet-name'),
      el('span', { class: 'facet-count' }, n === undefined ? '' : String(n)),
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
    this.redraw();
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
}
