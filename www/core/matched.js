// Which words of a title a text query matched: as typed, in another form, unfinished, or with a typo where no product
// holds the word as typed. The page, the element and the module mark the same ones.
import { fold, stem } from './catalog.js';

/** @typedef {[number, number]} Span   where a matched word begins and ends */
/** @typedef {{forms: string[], plain: string, last: boolean, known: boolean}} Wanted */

const word = /[\p{L}\p{M}\p{N}]+(?:[-'’][\p{L}\p{M}\p{N}]+)*/gu;
const part = /[\p{L}\p{M}\p{N}]+/gu;
const unspaced = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}]+/gu;

// Words that hold a query together: marked everywhere they would say nothing.
const binding = new Set(
  [
    'and but for from into like more that the this with your',
    'aber auf aus bei das dem den der des die ein eine einem einen einer fur ist mit nach oder ohne und von wie zum',
    'aux avec comme dans les mais par plus pour sans sur une',
    'como con del las los para pero por sin una unas unos che gli per senza uno',
  ]
    .join(' ')
    .split(' '),
);

const umlauts = /** @type {Record<string, string>} */ ({ ä: 'ae', ö: 'oe', ü: 'ue' });

/** A word without its hyphens. @param {string} text */
const written = (text) => text.normalize('NFC').toLowerCase().replace(/ß/g, 'ss').replace(/[-'’]/g, '');

/** The ways in which a word is written: without accents, "ü" as "u" and as "ue", singular. @param {string} text */
function forms(text) {
  const plain = written(text);
  const spelled = plain.replace(/[äöü]/g, (letter) => umlauts[letter]);
  return [...new Set([plain, spelled].map((form) => stem(fold(form))))];
}

/** How many edits a word may be away, as in src/search/words: none of a short one. @param {string} form */
const typos = (form) => (form.length >= 8 ? 2 : form.length >= 4 ? 1 : 0);

/** Whether at most `most` letters were added, left out, exchanged or swapped. @param {string} a @param {string} b @param {number} most */
export function near(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return false;
  let [before, row] = [/** @type {number[]} */ ([]), Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (same ? 0 : 1));
      if (i > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length] <= most;
}

/** @param {string} text @param {(form: string) => boolean} knows @returns {Wanted[]} */
function wantedOf(text, knows) {
  const whole = [...text.matchAll(word)];
  return whole.flatMap(([found], i) => {
    const parts = found.match(part) ?? [];
    const said = [found, ...(parts.length > 1 ? parts : [])].filter((one) => !binding.has(fold(one)));
    const known = (parts.length ? parts : [found]).every((one) => forms(one).some(knows));
    const last = i === whole.length - 1;
    const telling = said.filter((one) => one.length > 2 || /[^a-z]/i.test(fold(one)));
    return telling.map((one) => ({ forms: forms(one), plain: fold(written(one)), last: last && one === found, known }));
  });
}

/** How many letters of a title's word a wanted word matches. @param {string} text @param {Wanted[]} wanted */
function letters(text, wanted) {
  const [own, plain] = [forms(text), fold(written(text))];
  if (wanted.some((one) => one.forms.some((form) => own.includes(form)))) return text.length;
  const open = wanted.filter(({ known }) => !known);
  const begun = open.find((one) => one.last && plain.startsWith(one.plain));
  if (begun) return Math.min(text.length, begun.plain.length);
  return open.some((one) => near(one.plain, plain, typos(one.plain))) ? text.length : 0;
}

/** Where parts of words stand that are written without blanks. @param {string} text @param {string[]} pieces @returns {Span[]} */
function inside(text, pieces) {
  return pieces.flatMap((piece) => {
    const at = text.indexOf(piece);
    return at < 0 ? [] : [/** @type {Span} */ ([at, at + piece.length])];
  });
}

/**
 * Finds the words of a title that one of `texts` names, or null where they name none. `knows(form)`: whether a product
 * holds a word; only words that none holds are taken for unfinished or mistyped.
 * @param {string[]} texts
 * @param {(form: string) => boolean} [knows]
 * @returns {((title: string) => Span[]) | null}
 */
export function matcher(texts, knows = () => true) {
  const wanted = texts.flatMap((text) => wantedOf(text, knows));
  const pieces = texts.flatMap((text) => text.match(unspaced) ?? []);
  if (!wanted.length) return null;
  return (title) => {
    const spans = [...title.matchAll(word)].flatMap(({ 0: found, index }) => {
      const whole = letters(found, wanted);
      if (whole) return [/** @type {Span} */ ([index, index + whole])];
      return [...found.matchAll(part)].flatMap((piece) => {
        const n = letters(piece[0], wanted);
        return n ? [/** @type {Span} */ ([index + piece.index, index + piece.index + n])] : [];
      });
    });
    return spans.length ? spans : inside(title, pieces);
  };
}

/** Whether a product of a catalog holds a word. @param {import('./catalog.js').Catalog} catalog */
export const knownTo = (catalog) => (/** @type {string} */ form) => catalog.words.some((words) => words?.has(form));
