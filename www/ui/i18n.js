// Says sentences in the best language that is asked for: the page asks for the visitor's, an element in another page
// for that page's.
import { held } from '../core/names.js';
import { asked, learn, learned, plain } from './language.js';

/** `tags`: languages as BCP 47 names them, the preferred one first; only those that were learned are spoken. */
export function speaker(tags) {
  const wanted = plain(tags);
  const language =
    wanted.map((tag) => tag.split('-')[0]).find((tag) => learned.has(tag)) ??
    (learned.has('en') ? 'en' : [...learned.keys()][0]);
  const sentences = learned.get(language);
  // Numbers follow the language of the sentences around them, not another one that is preferred.
  const locale = wanted.find((tag) => tag.split('-')[0] === language) ?? language;
  const plural = new Intl.PluralRules(locale);
  const integer = new Intl.NumberFormat(locale);

  function t(key, values = {}) {
    let sentence = held(sentences, key) ?? key;
    if (typeof sentence === 'object') sentence = sentence[plural.select(values.n)] ?? sentence.other;
    return sentence.replace(/\{(\w+)\}/g, (all, name) => {
      const value = held(values, name);
      if (value === undefined) return all;
      return typeof value === 'number' ? integer.format(value) : value;
    });
  }

  function size(bytes) {
    const [unit, digits, value] =
      bytes >= 1e6
        ? ['megabyte', bytes >= 1e7 ? 0 : 1, bytes / 1e6]
        : bytes >= 1e3
          ? ['kilobyte', 0, bytes / 1e3]
          : ['byte', 0, bytes];
    return new Intl.NumberFormat(locale, {
      style: 'unit',
      unit,
      unitDisplay: 'short',
      maximumFractionDigits: digits,
    }).format(value);
  }

  const decimal = (value, digits) =>
    value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

  return { language, t, size, decimal };
}

await learn(asked);
export const { language, t, size, decimal } = speaker(asked);

const around = (element) => [element.closest('[lang]')?.lang, ...asked];

/** The language around an element, then the visitor's, once it has been learned. */
export const speakerOf = (element) => speaker(around(element));
export const learnFor = (element) => learn(around(element));

/** Puts the visitor's language into the static part of the page. */
export function translate(root) {
  for (const node of root.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
}
