// What is known of values by their names: how colours look, and in which order sizes stand. Filters are shown before it is
// here, and drawn again when it is. Their sheet on a phone is here too.
import { el } from './dom.js';
import { facetName } from './facets.js';
import { t } from './i18n.js';
import { verified } from './verified.js';
import { held } from '../core/names.js';

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

/** The colour of a name, if it is one. @param {string} name @returns {string | null} */
export const colourOf = (name) => held(colours, name) ?? null;

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

/** Colours as a grid of swatches, each over its name; values that no colour is known for stand below them as text. @param {string} name @param {HTMLElement} details   the group as it is drawn */
export function asGrid(name, details) {
  if (!/colou?r/i.test(name)) return;
  const host = details.querySelector('.facet-values');
  const labels = [...host.querySelectorAll('.facet-value')];
  const shown = labels.filter((label) => !label.querySelector('.swatch.none'));
  if (shown.length < 2) return;
  host.classList.add('colours');
  for (const label of shown) label.classList.add('colour');
  host.prepend(...shown);
}

/** The filters where there is no room for them beside the results. @param {any} facets */
export async function showSheet(facets) {
  await verified('ui/modal');
  const { modal } = await import('./modal.js');
  const { panel, part } = facets;
  const done = el('button', { type: 'button', class: 'button primary wide' }, '');
  facets.done = done;
  const dialog = modal(
    'sheet filters-sheet',
    t('filters'),
    t('close'),
    panel,
    el('div', { class: 'sheet-foot' }, done),
  );
  done.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    part('rail').append(panel);
    facets.done = null;
    part('open-filters').focus();
  });
  facets.redraw();
}
