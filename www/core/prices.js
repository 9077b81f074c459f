// What a product costs, as a number.

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
