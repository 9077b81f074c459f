// Looks a sentence up in strings.js, in the best language that is asked for: the page asks for the visitor's, an element
// in another page for that page's.
import { strings } from './strings.js';

const asked = (typeof navigator === 'undefined' ? ['en'] : (navigator.languages ?? ['en'])).map(String);

/** `tags`: languages as BCP 47 names them, the preferred one first. */
export function speaker(tags) {
  const wanted = tags.filter(Boolean).map((tag) => tag.toLowerCase());
  const language = wanted.map((tag) => tag.split('-')[0]).find((tag) => tag in strings) ?? 'en';
  // Numbers follow the language of the sentences around them, not another one that is preferred.
  const locale = wanted.find((tag) => tag.split('-')[0] === language) ?? language;
  const plural = new Intl.PluralRules(locale);
  const integer = new Intl.NumberFormat(locale);

  function t(key, values = {}) {
    let sentence = strings[language][key] ?? strings.en[key] ?? key;
    if (typeof sentence === 'object') sentence = sentence[plural.select(values.n)] ?? sentence.other;
    return sentence.replace(/\{(\w+)\}/g, (all, name) => {
      const value = values[name];
      if (value === undefined) return all;
      return typeof value === 'number' ? integer.format(value) : value;
    });
  }

  function size(bytes) {
    const [unit, digits, value] =
      bytes >= 1e6 ? ['megabyte', bytes >= 1e7 ? 0 : 1, bytes / 1e6] : bytes >= 1e3 ? ['kilobyte', 0, bytes / 1e3] : ['byte', 0, bytes];
    return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);
  }

  const decimal = (value, digits) => value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

  return { language, t, size, decimal };
}

export const { language, t, size, decimal } = speaker(asked);

/** The language around an element, then the visitor's. */
export const speakerOf = (element) => speaker([element.closest('[lang]')?.lang, ...asked]);

/** Puts the visitor's language into the static part of the page. */
export function translate(root) {
  for (const node of root.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
}
