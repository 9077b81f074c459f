// Prices and stock, where a catalog has them: the order of results, a price range, and what can be had at once. It comes
// only with catalogs that say such things.
import { el } from './dom.js';
import { showPrices } from './grid.js';
import { language, t } from './i18n.js';
import { inOrder, priceOf, within } from '../core/prices.js';

const most =
  /(?:^|\s)(?:under|below|less than|up to|max|unter|höchstens|bis|weniger als|moins de|jusqu['’]à|menos de|hasta|meno di|fino a)\s*[€$£]?\s*(\d+(?:[.,]\d{1,2})?)\s*(?:[€$£]|eur(?:os?)?|usd|gbp|chf|dollars?|pounds?)?(?=$|\s)/iu;

/** What a product costs, what it cost before, and whether it is sold out. @param {import('../core/catalog.js').Item} item */
function priced({ price: text, offer, in_stock }) {
  const was = offer?.was && el('s', {}, money(offer.was, offer.currency));
  const now = offer?.now
    ? `${money(offer.now, offer.currency)}${offer.to ? `–${money(offer.to, offer.currency)}` : ''}`
    : text;
  const gone = in_stock === false && el('span', { class: 'card-gone' }, t('sold_out'));
  return now || gone ? el('span', {}, now, (was || gone) && ' ', was, gone) : null;
}

/** @param {string} amount @param {string} [currency] */
function money(amount, currency) {
  if (!currency) return amount;
  try {
    return new Intl.NumberFormat(language, { style: 'currency', currency }).format(Number(amount));
  } catch {
    return `${amount} ${currency}`;
  }
}

export class Offers {
  /** @param {any} app */
  constructor(app) {
    this.app = app;
    this.prices = app.catalog.items.map(priceOf);
    this.priced = this.prices.some((/** @type {number | null} */ price) => price !== null);
    const stocked = app.catalog.items.some((/** @type {any} */ item) => item.in_stock === false);
    showPrices(priced);
    app.results.grid.cards.clear(); // drawn before
    const range = () => (this.from.value || this.to.value ? `${this.from.value}-${this.to.value}` : '');
    const end = (/** @type {string} */ name) =>
      el('input', {
        type: 'number',
        id: `offers-${name}`,
        min: 0,
        inputmode: 'decimal',
        placeholder: t(name),
        'aria-label': t(name),
        on: { change: () => app.change({ price: range() }) },
      });
    /** @type {any} */
    this.from = end('price_from');
    /** @type {any} */
    this.to = end('price_to');
    const stock = () => app.change({ stock: this.stock.checked });
    this.stock = el('input', { type: 'checkbox', id: 'offers-stock', on: { change: stock } });
    const option = (/** @type {string} */ value, /** @type {string} */ name) => el('option', { value }, t(name));
    this.sort = el(
      'select',
      {
        class: 'sort',
        'aria-label': t('sort'),
        hidden: !this.priced,
        on: { change: () => app.change({ sort: this.sort.value }) },
      },
      option('', 'sort_best'),
      option('price', 'sort_cheap'),
      option('-price', 'sort_dear'),
    );
    app.part('results').querySelector('.results-tools').prepend(this.sort);
    // among the filters, beside the results or in their sheet
    app.results.facets.above = el(
      'div',
      { class: 'offers' },
      this.priced && el('div', { class: 'offers-range' }, this.from, this.to),
      stocked && el('label', {}, this.stock, t('in_stock')),
    );
    this.draw();
  }

  /** Shows what the state says, in the fields that are there. */
  draw() {
    const { sort, price, stock } = this.app.state;
    const [least, highest = ''] = price.split('-');
    this.from.value = least;
    this.to.value = highest;
    this.stock.checked = stock;
    this.sort.value = sort;
  }

  /** "dress under 50" → the words without the price, and the price. @param {string} text */
  read(text) {
    const found = this.priced && text.match(most);
    if (!found) return { text, highest: null };
    return { text: text.replace(most, ' ').trim(), highest: Number(found[1].replace(',', '.')) };
  }

  /** The test that products must pass, or null where any may be shown. @param {{price: string, stock: boolean}} state @param {number | null} highest */
  test({ price, stock }, highest) {
    const [from, to] = price.split('-').map((end) => (end ? Number(end) : null));
    const top = Math.min(to ?? Number.POSITIVE_INFINITY, highest ?? Number.POSITIVE_INFINITY);
    const { items } = this.app.catalog;
    return within(
      { from, to: top, stock },
      (row) => items[row],
      (row) => this.prices[row],
    );
  }

  /** Good hits in the order that was chosen; what has no price comes last. @param {any} response */
  order(response) {
    return inOrder(response, this.app.state.sort, (row) => this.prices[row]);
  }
}
