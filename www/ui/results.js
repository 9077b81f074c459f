// Draws a response of the session on the page: the cards, what is said above them, and what may be searched for next.
import { changeWords } from './composer.js';
import { el } from './dom.js';
import { Facets, valueName } from './facets.js';
import { Grid } from './grid.js';
import { size, t } from './i18n.js';
import { Trail } from './trail.js';
import { sections } from '../core/relevance.js';

const limited = { text: 'limited_words', image: 'limited_photo', like: 'limited_like', composed: 'limited_composed' };

export class Results {
  constructor(app, act) {
    this.app = app;
    this.part = app.part;
    this.facets = new Facets(this.part, act);
    this.grid = new Grid(this.part, act);
    this.trail = new Trail(app.base, this.part, (state) => app.change(state));
  }

  /** What is asked, before there is a response. */
  asked(query, reference) {
    const { state, composer, examples } = this.app;
    composer.show(state, reference, examples?.[0]);
    this.suggest(query, null);
    this.part('hero').hidden = query.kind !== 'browse' || Object.keys(state.facets).length > 0;
    this.part('results').setAttribute('aria-busy', 'true');
  }

  /** What to search for next: examples at first, changes to a product or photo, or what would narrow the words. */
  suggest({ kind, words, row }, hits) {
    const { composer, catalog, examples, state } = this.app;
    const say = (text) => composer.act.words(text, { submit: true });
    if (kind === 'browse') return composer.suggest(t('suggestions_try'), examples ?? [], say);
    const like = row ?? (kind === 'image' ? hits?.[0]?.row : undefined);
    if (like !== undefined && kind !== 'text')
      return composer.suggest(t('suggestions_but'), catalog.changes(like).map(changeWords).slice(0, 7), say);
    const near =
      kind === 'text' && hits
        ? catalog.refinements(
            hits.slice(0, 36).map((hit) => hit.row),
            words,
          )
        : [];
    composer.suggest(t('suggestions_more'), near.map(changeWords), (more) => say(`${state.words.trim()} ${more}`));
  }

  show(query, response, reference, keep) {
    const { app } = this;
    const { catalog } = app;
    const { kind } = query;
    const laid = sections(app.offers?.order(response) ?? response, (row) => catalog.leader(row));
    app.offers?.draw();
    this.grid.show(catalog, laid, { keep, empty: this.empty(query, response) });
    app.notice('few', laid.few === 0 ? { text: t('no_match', { words: query.words }), calm: true } : null);
    app.notice('unknown', response.hits.length ? this.unknown(response) : null);
    this.suggest(query, response.hits);
    this.facets.show(catalog, app.state.facets, query.filter?.rows.length ?? catalog.size, query.without);
    this.heading(query, response, reference);
    this.remember(query, reference);
    this.waiting();
    const results = this.part('results');
    results.setAttribute('aria-busy', String(response.partial));
    Object.assign(results.dataset, { kind, by: response.by, words: query.words });
    if (!response.partial) this.tell(query, response, laid.few); // heard once it is whole
  }

  tell({ kind, words }, { good }, few) {
    const what = kind === 'browse' ? t('live_all') : this.part('heading').textContent;
    this.part('live').textContent = few === 0 ? t('no_match', { words }) : t('live_results', { n: good, what });
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

  /** Into the list of what was searched for in this tab, unless nothing was. */
  remember({ kind, without }, reference) {
    const { app } = this;
    const address = app.address();
    const title = [this.part('heading').textContent, without.length ? t('without', { words: without.join(', ') }) : '']
      .filter(Boolean)
      .join(' · ');
    if (kind !== 'browse')
      this.trail.add({
        address,
        title,
        source: reference?.source ?? null,
        state: app.state,
        typing: app.history.typing,
      });
    this.trail.show(address);
  }

  heading(query, { hits, good }, reference) {
    const { kind, without } = query;
    const n = kind === 'browse' ? hits.length : good;
    const about = [];
    if (reference && !this.app.state.photo)
      about.push(el('span', { class: 'sub-reference' }, t('sub_reference', { title: reference.title })));
    const capped = n >= query.k;
    if (kind !== 'browse' && n) about.push(t(capped ? 'sub_many' : 'sub_ranked', { n }));
    if (without.length) about.push(t('without', { words: without.join(', ') }));
    this.part('heading').textContent = this.title(query, n);
    document.title = kind === 'browse' ? this.app.name : `${this.title(query, n)} · ${this.app.name}`;
    this.part('subheading').replaceChildren(
      ...about.flatMap((part, i) => (i ? [el('span', { class: 'sub-dot' }, ' · '), part] : [part])),
    );
  }

  title({ kind, words }, n) {
    const { own, state } = this.app;
    if (kind === 'browse')
      return (
        own.heading(n) ?? (n === own.total ? t('all_products', { n }) : t('filtered_products', { n, all: own.total }))
      );
    if (kind === 'text') return t('closest_words', { words });
    if (kind === 'image') return t(state.crop ? 'closest_part' : 'closest_photo');
    if (kind === 'like') return t('closest_product');
    // the heading says "but" itself
    return t(state.photo ? 'closest_photo_words' : 'closest_product_words', {
      words: words.replace(/^(but|aber|mais)\s+/i, ''),
    });
  }

  /** Whether the visitor is among the cards, with the page or the keyboard. */
  read() {
    if (this.app.place.wanted) return false; // on the way to where they were
    const scrolled = this.part('results').getBoundingClientRect().top < 40;
    return scrolled || this.grid.list.contains(document.activeElement);
  }

  /** Says what a response lacks, and why, for as long as it lacks it. */
  waiting() {
    const { app } = this;
    const { query, response } = app.answered ?? {};
    const say = (what) => app.notice('waiting', what);
    if (!query || ['engine', 'instant'].includes(response.by) || query.kind === 'browse') return say(null);
    const state = app.engine?.state;
    if (app.engine?.refused) {
      const key = query.kind === 'composed' && app.state.photo ? 'limited_photo' : limited[query.kind];
      return say({ text: t(key, { why: t(`why_${state.why}`) }) });
    }
    app.launch.consent();
    if (app.launch.held || query.kind === 'like' || (app.engine && app.launch.trouble())) return say(null);
    if (state?.paused) return say({ text: t('paused_text'), action: t('resume'), run: () => app.resume() });
    const needsImage = query.kind !== 'text';
    if (needsImage && app.engine && state.image === 'waiting')
      app.engine.call('load', { what: ['image'] }).catch(() => {});
    if (!state?.total) return say({ text: t('wait_start'), calm: true });
    say({
      text: t(needsImage ? 'wait_image' : 'wait_text', { got: size(state.received), all: size(state.total) }),
      calm: true,
    });
  }
}
