// Draws a response of the session on the page: the cards, what is said above them, and what may be searched for next.
import { changeWords } from './composer.js';
import { el } from './dom.js';
import { Facets } from './facets.js';
import { Grid } from './grid.js';
import { size, t } from './i18n.js';
import { Trail } from './trail.js';
import { sections } from '../core/relevance.js';
import { controller } from '../core/storage.js';

const limited = { text: 'limited_words', image: 'limited_photo', like: 'limited_like', composed: 'limited_composed' };

export class Results {
  constructor(app, act) {
    this.app = app;
    this.part = app.part;
    // who was here before knows what this is; a service worker then stands behind the page
    this.part('hero').toggleAttribute('data-known', Boolean(controller(app.base)));
    this.facets = new Facets(this.part, act);
    this.grid = new Grid(this.part, act);
    this.trail = new Trail(app.base, this.part, (state) => app.change(state));
  }

  /** What is asked, before there is a response. */
  asked(query, reference) {
    const { state, composer, examples } = this.app;
    composer.show(state, reference, examples?.[0]);
    this.suggest(query, null);
    // the field stays where it is while somebody types
    if (!this.app.history.typing) this.hero();
    this.part('results').setAttribute('aria-busy', 'true');
  }

  hero() {
    const { query, state } = this.app;
    this.part('hero').hidden = query.kind !== 'browse' || Object.keys(state.facets).length > 0;
  }

  /** What to search for next: examples at first, changes to a product or photo, or what would narrow the words. */
  suggest({ kind, words, row }, hits) {
    const { composer, catalog, examples, state } = this.app;
    const say = (text) => composer.act.words(text, { submit: true });
    if (kind === 'browse') return composer.suggest(t('suggestions_try'), examples ?? [], say);
    const add = (more) => say(`${state.words.trim()} ${more}`);
    const like = row ?? (kind === 'text' ? undefined : hits?.[0]?.row);
    if (like !== undefined)
      return composer.suggest(t('suggestions_but'), catalog.changes(like, 2, words).map(changeWords).slice(0, 7), add);
    const near =
      kind === 'text' && hits
        ? catalog.refinements(
            hits.slice(0, 36).map((hit) => hit.row),
            words,
          )
        : [];
    composer.suggest(t('suggestions_more'), near.map(changeWords), add);
  }

  show(query, response, reference, keep) {
    const { app } = this;
    const { catalog } = app;
    const { kind } = query;
    app.more?.begin(query, response);
    const laid = sections(
      app.offers?.order(response) ?? response,
      (row) => catalog.leader(row),
      (row) => catalog.shown(row).first,
    );
    app.offers?.draw();
    this.grid.show(catalog, laid, { keep, empty: app.more?.empty(query, response) ?? null });
    app.notice('few', laid.few === 0 ? { text: t('no_match', { words: query.words }), calm: true } : null);
    app.notice('unknown', response.hits.length ? app.more?.unknown(response) : null);
    this.suggest(query, response.hits);
    this.filters(query, response, laid.n || this.grid.hits.length);
    this.heading(query, response, laid.n, reference);
    this.remember(query, reference);
    this.waiting();
    const results = this.part('results');
    results.setAttribute('aria-busy', String(response.partial));
    Object.assign(results.dataset, { kind, by: response.by, words: query.words });
    if (!response.partial) this.tell(query, laid); // heard once it is whole
  }

  /** The filters, with how many products of this answer each leaves. */
  filters({ kind, text, row, photo, without }, { by, hits, good }, n) {
    const { catalog, more, state } = this.app;
    const whole = kind === 'browse' && catalog.manifest.cells;
    const counts = catalog.counts(whole ? null : hits.slice(0, good).map((hit) => hit.row));
    // of a group in which something is chosen, only an answer without that choice can tell
    if (!whole) for (const name of Object.keys(state.facets)) counts.set(name, more?.counts(name));
    this.facets.show(catalog, state.facets, {
      counts,
      query: `${by} ${kind} ${text} ${row} ${photo?.key}`,
      n,
      without,
    });
  }

  tell({ kind, words }, { n, few }) {
    const what = kind === 'browse' ? t('live_all') : this.part('heading').textContent;
    this.part('live').textContent = few === 0 ? t('no_match', { words }) : t('live_results', { n, what });
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

  heading(query, { good }, n, reference) {
    const { kind, without } = query;
    const about = [];
    if (reference && !this.app.state.photo)
      about.push(el('span', { class: 'sub-reference' }, t('sub_reference', { title: reference.title })));
    const capped = good >= query.k;
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
    const missing = (needsImage ? ['image', 'text'] : []).filter((part) => state?.[part] === 'waiting');
    if (missing.length) app.engine.call('load', { what: missing }).catch(() => {});
    if (!state?.total) return say({ text: t('wait_start'), calm: true });
    say({
      text: t(needsImage ? 'wait_image' : 'wait_text', { got: size(state.received), all: size(state.total) }),
      calm: true,
    });
  }
}
