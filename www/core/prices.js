// What a product costs, as a number, and what a visitor may ask of it: a range, stock, an order.

/** The number of a price as a shop writes it: "1.299,00 €", "$1,299.00", "49". @param {unknown} text */
export function amount(text) {
  const digits =
    String(text ?? '')
      .match(/\d[\d.,'’\s]*/)?.[0]
      .replace(/['’\s]/g, '') ?? '';
  const decimals = digits.match(/[.,](\d{1,2})$/)?.[1];
  const whole = (decimals === undefined ? digits : digits.slice(0, -decimals.length - 1)).replace(/[.,]/g, '');
  return whole ? Number(`${whole}.${decimals ?? 0}`) : null;
}

/** What a product costs now, or null. @param {import('../core/catalog.js').Item} item */
export const priceOf = ({ offer, price }) => amount(offer?.now ?? price);

/** @typedef {{from?: number | null, to?: number | null, stock?: boolean}} Limits */

/**
 * The test that products must pass, or null where any may be shown. One without a price passes no range.
 * @param {Limits} limits
 * @param {(row: number) => import('../core/catalog.js').Item} item
 * @param {(row: number) => number | null} cost
 */
export function within({ from, to, stock }, item, cost) {
  const [least, most] = [from ?? 0, to ?? Number.POSITIVE_INFINITY];
  const any = !least && most === Number.POSITIVE_INFINITY;
  if (any && !stock) return null;
  return (/** @type {number} */ row) => {
    const price = cost(row);
    const fits = any || (price !== null && price >= least && price <= most);
    return fits && !(stock && item(row).in_stock === false);
  };
}

/**
 * Good hits in the order of their price, `sort` being 'price' or '-price'; what has none comes last.
 * @template {{hits: import('../core/catalog.js').Hit[], good: number}} Ranked
 * @param {Ranked} response
 * @param {string} sort
 * @param {(row: number) => number | null} cost
 * @returns {Ranked}
 */
export function inOrder(response, sort, cost) {
  if (!sort) return response;
  const by = sort === 'price' ? 1 : -1;
  const at = (/** @type {{row: number}} */ { row }) => cost(row) ?? by * Number.POSITIVE_INFINITY;
  const good = response.hits.slice(0, response.good).sort((a, b) => by * (at(a) - at(b)) || 0);
  return { ...response, hits: [...good, ...response.hits.slice(response.good)] };
}
