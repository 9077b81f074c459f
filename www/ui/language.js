// Which language this visitor reads, and the one file of sentences for it. The page runs this ahead of its other
// modules, so that the sentences come along with those and not after them.
import { verified } from './verified.js';

const files = {
  en: () => import('./strings/en.js'),
  de: () => import('./strings/de.js'),
  fr: () => import('./strings/fr.js'),
};

/** Languages as BCP 47 names them, the preferred one first. */
export const asked = (typeof navigator === 'undefined' ? ['en'] : (navigator.languages ?? ['en'])).map(String);

export const plain = (tags) => tags.filter(Boolean).map((tag) => tag.toLowerCase());

const best = (tags) =>
  plain(tags)
    .map((tag) => tag.split('-')[0])
    .find((language) => Object.hasOwn(files, language)) ?? 'en';

/** language → its sentences, as far as they were needed. */
export const learned = new Map();
const learning = new Map();

async function fetched(language) {
  await verified(`ui/strings/${language}.js`);
  learned.set(language, (await files[language]()).sentences);
}

/** Gets the sentences of the best language, or of another one where that cannot be had, as without a network. */
export async function learn(tags) {
  let failure;
  for (const language of new Set([best(tags), 'en', ...Object.keys(files)])) {
    try {
      if (!learning.has(language)) learning.set(language, fetched(language));
      return await learning.get(language);
    } catch (error) {
      learning.delete(language);
      failure ??= error;
    }
  }
  throw failure;
}

/** Gets the sentences of the panels too, in the language that the page speaks. */
export async function learnPanels(language) {
  await verified(`ui/strings/panels/${language}.js`);
  const { sentences } = await import(`./strings/panels/${language}.js`);
  Object.assign(learned.get(language), sentences);
}

learn(asked).catch(() => {}); // told where it is awaited
