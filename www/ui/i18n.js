// Looks a sentence up in strings.js, in the best language the visitor's browser asks for.
import { strings } from './strings.js';

const wanted = (typeof navigator === 'undefined' ? ['en'] : navigator.languages ?? ['en']).map((tag) => tag.toLowerCase());

export const language = wanted.map((tag) => tag.split('-')[0]).find((tag) => tag in strings) ?? 'en';

// Numbers follow the language of the sentences around them, not another one the browser may prefer.
const locale = wanted.find((tag) => tag.split('-')[0] === language) ?? language;
const plural = new Intl.PluralRules(locale);
const integer = new Intl.NumberFormat(locale);

export function t(key, values = {}) {
  let sentence = strings[language][key] ?? strings.en[key] ?? key;
  if (typeof sentence === 'object') sentence = sentence[plural.select(values.n)] ?? sentence.other;
  return sentence.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name];
    if (value === undefined) return all;
    return typeof value === 'number' ? integer.format(value) : value;
  });
}

export function size(bytes) {
  const [unit, digits, value] =
    bytes >= 1e6 ? ['megabyte', bytes >= 1e7 ? 0 : 1, bytes / 1e6] : bytes >= 1e3 ? ['kilobyte', 0, bytes / 1e3] : ['byte', 0, bytes];
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);
}

export const decimal = (value, digits) => value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Puts the visitor's language into the static part of the page. */
export function translate(root) {
  for (const node of root.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
}
