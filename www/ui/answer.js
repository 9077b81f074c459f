// What comes right after the first view and belongs to an answer: which words of a title were matched, which were not
// understood, what stands in place of no products, how many products a further filter would leave, and how others get to
// see it.
import { el, icon } from './dom.js';
import { valueName } from './facets.js';
import { t } from './i18n.js';
import { verified } from './verified.js';
import { knownTo, matcher } from '../core/matched.js';
import { isOwn } from '../core/state.js';

const remembered = 12; // counts of groups, so that setting another filter in one asks for nothing

/** A text with what was matched in it marked. @param {string} text @param {[number, number][]} spans */
export function marked(text, spans) {
  const ends = [0, ...spans.flat(), text.length];
  const pieces = ends.slice(1).map((end, i) => ({ piece: text.slice(ends[i], end), found: i % 2 === 1 }));
  return pieces.filter(({ piece }) => piece).map(({ piece, found }) => (found ? el('mark', {}, piece) : piece));
}

/** One calm button that hands an address on: to the phone's own menu, or into the clipboard. @param {() => {title: string, url: string}} what */
export function shareButton(what, look = 'button') {
  const said = el('span', { role: 'status' }, t('share'));
  const say = (/** @type {string} */ key) => {
    said.textContent = t(key);
    button.dataset.said = '';
    setTimeout(() => {
      said.textContent = t('share');
      delete button.dataset.said;
    }, 2600);
  };
  const share = async () => {
    const { title, url } = what();
    try {
      if (navigator.share && matchMedia('(pointer: coarse)').matches) return await navigator.share({ title, url });
      await navigator.clipboard.writeText(url);
      say('share_copied');
    } catch (/** @type {any} */ error) {
      if (error.name !== 'AbortError') say('share_failed');
    }
  };
  const button = el(
    'button',
    { type: 'button', class: `${look} share`, title: t('share'), on: { click: share } },
    icon('share'),
    said,
  );
  return button;
}

export class Answer {
  /** @type {((text: string) => [number, number][]) | null} */
  find = null;
  /** @type {Map<string, Uint32Array>} */
  known = new Map();
  /** @type {Promise<unknown>} counted one after the other, so that a query never waits for more than one */
  turn = Promise.resolve();

  /** @param {any} app */
  constructor(app) {
    this.app = app;
    app.more = this;
    const { grid } = app.results;
    grid.dress.push((/** @type {HTMLElement} */ card) => this.mark(card));
    this.share = shareButton(() => ({ title: document.title, url: location.href }), 'icon-button');
    this.share.hidden = true;
    app.part('earlier').before(this.share);
    this.several().catch(() => {});
    const { query, response, reference } = app.answered ?? {};
    if (query && query === app.query) app.results.show(query, response, reference, true);
  }

  /** Photos to leaf through, where a product has several. */
  async several() {
    const { catalog, results } = this.app;
    if (![...catalog.links.values()].some(({ n }) => n > 1)) return;
    await verified('ui/leaf');
    const { leaves } = await import('./leaf.js');
    results.grid.dress.push(leaves(this.app));
    results.grid.layAgain(true);
  }

  /** Before an answer is drawn. @param {any} query @param {any} response */
  begin(query, response) {
    const { catalog, state } = this.app;
    this.response = response;
    const texts = [query.words, response.reading?.english].filter(Boolean);
    this.find = matcher(texts, knownTo(catalog));
    if (query.row !== null) this.withoutItself(query.row, response);
    this.share.hidden = query.kind === 'browse' || Boolean(state.photo) || isOwn(state.like);
  }

  /** Other photos of a product are no others like it. @param {number} row @param {any} response */
  withoutItself(row, response) {
    const { catalog } = this.app;
    const { first } = catalog.shown(row);
    const other = (/** @type {any} */ hit) => catalog.shown(hit.row).first !== first;
    response.good = response.hits.slice(0, response.good).filter(other).length;
    response.hits = response.hits.filter(other);
  }

  /** Which words nobody here understood. */
  unknown({ by, reading }) {
    if (!['engine', 'instant'].includes(by)) return null; // the encoder on its way may know them
    if (reading?.script) return { text: t('unread_script', { script: reading.script }), calm: true };
    const words = reading?.unknown.map((word) => `“${word}”`).join(', ');
    return words ? { text: t('unknown_words', { words }), calm: true } : null;
  }

  /** Kinds of products to look at where a query came to nothing. */
  kinds() {
    const { catalog, act } = this.app;
    const facet = catalog.facet(/^(category|type|article)/i);
    const chip = (value) =>
      el(
        'button',
        { type: 'button', class: 'chip', on: { click: () => act.kind(facet.name, value) } },
        valueName(value),
      );
    return facet && el('div', { class: 'chips' }, ...facet.values.slice(0, 8).map(chip));
  }

  empty({ kind, without }, response) {
    const { app } = this;
    const { by } = response;
    const filtered = Object.keys(app.state.facets).length > 0 || Boolean(app.state.price) || app.state.stock;
    const note = (...content) => el('div', { class: 'empty' }, ...content);
    if (by === 'none')
      return app.engine?.refused
        ? null
        : note(el('p', {}, t('nothing_yet')), kind === 'image' ? null : this.clearFilters(filtered));
    if (without.length && !filtered) return note(el('p', {}, t('nothing_without')));
    const { text } = this.unknown(response) ?? { text: t('nothing_words') };
    return note(el('p', {}, filtered ? t('nothing_filters') : text), this.clearFilters(filtered) || this.kinds());
  }

  clearFilters(filtered) {
    return (
      filtered &&
      el(
        'button',
        {
          type: 'button',
          class: 'button',
          on: { click: () => this.app.change({ facets: {}, price: '', stock: false }) },
        },
        t('clear_filters'),
      )
    );
  }

  /** @param {HTMLElement} card */
  mark(card) {
    for (const node of card.querySelectorAll('.card-title, .card-brand')) {
      const text = node.textContent ?? '';
      const spans = this.find?.(text) ?? [];
      if (spans.length || node.childElementCount) node.replaceChildren(...marked(text, spans));
    }
  }

  /** How many products each value of a group in which something is chosen would leave, or undefined until that is known. @param {string} name @returns {Uint32Array | undefined} */
  counts(name) {
    const { app, response } = this;
    const { [name]: _, ...facets } = app.state.facets;
    const key = [
      name,
      response.by,
      app.catalog.size,
      app.own.panel?.scope,
      app.address({ ...app.state, facets }),
    ].join();
    const { query } = app;
    if (!this.known.has(key) && !app.catalog.manifest.cells)
      this.turn = this.turn.then(() => this.count(query, name, facets, key)).catch(() => {}); // left blank
    return this.known.get(key);
  }

  /** @param {any} query @param {string} name @param {Record<string, string[]>} facets   the others that are chosen @param {string} key */
  async count(query, name, facets, key) {
    const { app } = this;
    const { catalog, results, session, stop } = app;
    if (app.query !== query || this.known.has(key)) return;
    const able = ['engine', 'instant'].includes(this.response.by);
    const other = app.read(facets);
    await session.prepare(other, able);
    const { hits, good } = await (able ? session.search(other, { signal: stop.signal }) : session.standIn(other));
    const counts = catalog.counts(hits.slice(0, good).map((/** @type {any} */ { row }) => row)).get(name);
    this.known.set(key, counts);
    for (const oldest of [...this.known.keys()].slice(0, -remembered)) this.known.delete(oldest);
    if (app.query !== query) return;
    results.facets.answer.counts.set(name, counts);
    results.facets.redraw();
  }
}
