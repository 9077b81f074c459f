// <vitrine-search catalog="…/">: the search inside another page, in a shadow tree of its own. element.d.ts and the
// package's README say what a shop can set, place and listen to.
import { learnFor, speakerOf } from '../ui/i18n.js';
import { sections } from '../core/relevance.js';
import { open } from './vitrine.js';
import { View } from './view.js';

export * from './vitrine.js';

const pause = 180; // ms without a key press before the words are searched
const nothing = () => ({ words: '', product: null, image: null, filter: {}, sort: '', price: null });

/** Where there is no document, such as on a server that renders pages, the module is there and the element is not. */
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

export class VitrineSearch extends Base {
  static observedAttributes = ['catalog', 'words', 'product', 'k', 'filters'];

  #root = this.attachShadow({ mode: 'open' });
  #made = null; // the view, and who speaks in it
  #engine = null;
  #lent = false; // the engine came from the page around, which closes it
  #opening = null;
  #asked = nothing();
  #reference = null; // {source, title} of the photo or product asked with
  #shown = null;
  #k = 0;
  #timer = 0;
  #stop = null;
  #waiting = null; // the sentence to show while downloads go on

  /** Made when it is first needed: an element that stands in no page yet does not know the language around it. */
  get #view() {
    return this.#speaking.view;
  }

  #t(key, values) {
    return this.#speaking.t(key, values);
  }

  get #speaking() {
    if (!this.#made) {
      const speaker = speakerOf(this);
      this.#made = { ...speaker, view: new View(this, this.#root, this.#act(), speaker.t) };
    }
    return this.#made;
  }

  // ---- for the page around ------------------------------------------------------------------------------------

  get engine() {
    return this.#engine;
  }

  set engine(engine) {
    this.#leave();
    if (engine) this.#use(engine, true);
  }

  get results() {
    return this.#shown;
  }

  get words() {
    return this.#asked.words;
  }

  set words(words) {
    this.search({ ...this.#asked, words: String(words ?? '') });
  }

  get product() {
    return this.#asked.product;
  }

  set product(product) {
    this.search({ ...this.#asked, product: product ?? null, image: null });
  }

  get filter() {
    return this.#asked.filter;
  }

  set filter(filter) {
    this.search({ ...this.#asked, filter: filter ?? {} });
  }

  /** Asks for words, a product or a photo. Resolves with what is shown in the end, or null if it was given up. */
  search(question = {}) {
    clearTimeout(this.#timer);
    const { words, product, image, filter, sort, price } = { ...nothing(), ...question };
    this.#asked = { words, product, image, filter, sort, price };
    this.#k = this.#step;
    return this.#answer(false);
  }

  focus(options) {
    this.#view.input.focus(options);
  }

  // ---- life ---------------------------------------------------------------------------------------------------

  connectedCallback() {
    this.#asked.words ||= this.getAttribute('words') ?? '';
    this.#asked.product ??= this.getAttribute('product');
    this.#open();
  }

  disconnectedCallback() {
    // Being moved within the page is no reason to load everything again.
    queueMicrotask(() => this.isConnected || this.#leave());
  }

  attributeChangedCallback(name, before, now) {
    if (!this.isConnected || before === now) return;
    if (name === 'words' || name === 'product') this[name] = now;
    else if (name === 'catalog') {
      this.#leave();
      this.#asked = nothing();
      this.#open();
    } else {
      this.#k = this.#step;
      this.#answer(false);
    }
  }

  get #step() {
    return Math.max(1, Number.parseInt(this.getAttribute('k'), 10) || 24);
  }

  async #open() {
    const site = this.getAttribute('catalog');
    if (!site || this.#opening || this.#engine) return;
    const program = this.getAttribute('program') ?? undefined;
    const opening = open({
      site: new URL(site, document.baseURI),
      program,
      keep: !this.hasAttribute('forget'),
      eager: this.getAttribute('loading') === 'eager',
    });
    this.#opening = opening;
    opening.catch(() => {}); // told below
    try {
      await learnFor(this);
      if (this.#opening === opening) this.#view.say(this.#t('wait_start'));
      const engine = await opening;
      if (this.#opening !== opening) return engine.close();
      this.#use(engine, false);
    } catch (error) {
      if (this.#opening !== opening) return;
      this.#opening = null;
      this.#trouble(this.#t('error_catalog', { message: this.#sentence(error) }), error, () => this.#open());
    }
  }

  #use(engine, lent) {
    [this.#engine, this.#lent, this.#k] = [engine, lent, this.#step];
    engine.addEventListener('progress', this.#progress);
    this.#tell('vitrine-ready', { engine });
    this.#answer(false);
  }

  #leave() {
    clearTimeout(this.#timer);
    this.#stop?.abort();
    this.#engine?.removeEventListener('progress', this.#progress);
    if (this.#engine && !this.#lent) this.#engine.close();
    this.#engine = this.#opening = this.#shown = this.#waiting = null;
    this.#made?.view.reset();
  }

  // ---- what visitors do ---------------------------------------------------------------------------------------

  /** What stays when something else is asked. */
  get #limits() {
    const { filter, sort, price } = this.#asked;
    return { filter, sort, price };
  }

  #act() {
    return {
      words: (words, now) => {
        clearTimeout(this.#timer);
        const ask = () => words.trim() === this.#asked.words.trim() || this.search({ ...this.#asked, words });
        if (now) ask();
        else this.#timer = setTimeout(ask, pause);
      },
      clear: () => (this.search(this.#limits), this.focus()),
      withoutReference: () => (this.search({ words: this.#asked.words, ...this.#limits }), this.focus()),
      image: (image) => this.search({ image, ...this.#limits }),
      like: (product) => this.search({ product, ...this.#limits }),
      likeBut: (product) => (this.search({ product, ...this.#limits }), this.focus()),
      filter: (name, value) => {
        const { [name]: _, ...others } = this.#asked.filter;
        this.search({ ...this.#asked, filter: value ? { ...others, [name]: [value] } : others });
      },
      more: () => {
        if (this.#below) return this.#view.grid.showRest();
        this.#k += this.#step;
        this.#answer(true);
      },
      laid: () => this.#end(),
      draw: (image, hit) => this.#engine?.draw(image, hit),
      select: (row) => this.#tell('vitrine-select', { hit: this.#shown.hits.find((hit) => hit.row === row) }, true),
    };
  }

  #tell(type, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, cancelable, detail }));
  }

  // ---- question and answer ------------------------------------------------------------------------------------

  /** Shows at once what can be said at once, then the engine's answer when it is there. */
  async #answer(keepPlace) {
    const engine = this.#engine;
    if (!engine) return null;
    this.#stop?.abort();
    const { signal } = (this.#stop = new AbortController());
    const { words, ...rest } = this.#asked;
    const query = { text: words, ...rest, k: this.#k, signal };
    try {
      await learnFor(this);
      if (signal.aborted) return null;
      this.#question(engine);
      this.#view.busy(true);
      const first = await engine.search({ ...query, wait: false });
      if (signal.aborted) return null;
      this.#show(first, keepPlace);
      if (first.refused || first.by === 'browse' || first.by === 'engine') return first;
      this.#waiting = first.kind === 'text' ? 'wait_text' : 'wait_image';
      this.#progress();
      const early = (some) => {
        if (signal.aborted || some.by !== 'instant') return; // the first answer is here already
        this.#show(some, keepPlace);
        this.#waiting = 'wait_text';
        this.#progress();
      };
      const results = await engine.search({ ...query, early });
      if (signal.aborted) return null;
      this.#show(results, keepPlace);
      return results;
    } catch (error) {
      if (signal.aborted) return null;
      this.#failed(error);
      return null;
    }
  }

  #failed(error) {
    this.#waiting = null;
    this.#view.busy(false);
    if (error.code === 'refused')
      return this.#trouble(
        this.#t('limited_photo', { why: this.#t(`why_${error.details.why ?? error.message}`) }),
        error,
      );
    this.#trouble(
      this.#t(error.code === 'photo' ? 'error_photo' : 'error_query', { message: this.#sentence(error) }),
      error,
      () => this.#answer(true),
    );
  }

  #question(engine) {
    const { words, product, image, filter } = this.#asked;
    if (this.#reference?.own !== image && this.#reference?.own) URL.revokeObjectURL(this.#reference.source);
    const known = product && engine.product(product);
    if (image instanceof Blob && this.#reference?.own !== image)
      this.#reference = { source: URL.createObjectURL(image), title: this.#t('your_photo'), own: image };
    else if (!image) this.#reference = known ? { source: known.photo, title: known.title, hit: known } : null;
    else if (this.#reference?.own !== image)
      this.#reference = typeof image === 'string' ? { source: image, title: this.#t('your_photo') } : null;
    const [example] = engine.examples(1);
    this.#view.question(this.#asked, this.#reference, example);
    this.#view.choose(this.#facets(engine), filter);
    const asks = (more) => this.search({ ...this.#asked, words: more });
    if (known) this.#view.suggest(this.#t('suggestions_but'), words ? [] : engine.changes(product).slice(0, 6), asks);
    else this.#view.suggest(this.#t('suggestions_try'), words || image ? [] : engine.examples(4), asks);
  }

  /** Which facets get a menu: those that `filters` names, the first three without it, none for "none". */
  #facets(engine) {
    const wanted = this.getAttribute('filters');
    if (wanted === null) return engine.facets.slice(0, 3);
    const names = wanted.split(/[\s,]+/);
    return engine.facets.filter(({ name }) => names.includes(name));
  }

  #show(results, keepPlace) {
    const { hits, good, by, refused, kind } = results;
    this.#shown = results;
    this.#waiting = null;
    this.#view.busy(false);
    this.#view.progress(null);
    this.#lay(keepPlace);
    if (refused && by !== 'browse') {
      const key = { text: 'limited_words', like: 'limited_like', image: 'limited_photo', composed: 'limited_composed' }[
        kind
      ];
      this.#view.say(this.#t(key, { why: this.#t(`why_${refused}`) }), { alert: true });
    } else if (by === 'browse')
      this.#view.say(
        this.#t('filtered_products', { n: new Set(hits.map(({ group }) => group)).size, all: this.#engine.count }),
      );
    else if (hits.length && !good) this.#view.say(this.#t('no_match', { words: this.#asked.words }));
    else this.#view.say(this.#t('sub_ranked', { n: good }));
    this.#tell('vitrine-results', { query: { ...this.#asked }, results });
  }

  /** The good matches, one card for photos that show the same; the others where they are wanted. */
  #lay(keepPlace) {
    const { hits } = this.#shown;
    const of = new Map(hits.map((hit) => [hit.row, hit]));
    const { grid } = this.#view;
    const beyond = keepPlace && grid.restShown;
    grid.lay(
      sections(this.#shown, (row) => of.get(row).group),
      keepPlace,
    );
    if (!beyond) return;
    grid.restShown = true;
    grid.layAgain(true);
  }

  /** What stands below the cards. */
  #end() {
    if (!this.#shown) return this.#view.end({ anything: false });
    const { hits, by, good } = this.#shown;
    const { few } = this.#view.grid.sections;
    const below = this.#below;
    const said = below
      ? this.#t(few === undefined ? 'good_end' : few ? 'few_matches' : 'closest_end', { n: few ?? good })
      : '';
    const more = below
      ? this.#t('show_rest', { n: below })
      : hits.length === this.#k && hits.length < this.#engine.count
        ? this.#t('show_more')
        : null;
    this.#view.end({ said, more, anything: by !== 'none' });
  }

  /** Hits below those that are shown. */
  get #below() {
    const { rest } = this.#view.grid.sections;
    return this.#view.grid.restShown ? 0 : rest.reduce((n, { alike }) => n + 1 + alike.length, 0);
  }

  #progress = () => {
    const { received, total } = this.#engine.progress;
    this.#view.progress(total && received < total ? received / total : null);
    if (this.#waiting)
      this.#view.say(
        total
          ? this.#t(this.#waiting, { got: this.#speaking.size(received), all: this.#speaking.size(total) })
          : this.#t('wait_start'),
      );
  };

  /** What went wrong, for a visitor. */
  #sentence(error) {
    const told = ['mismatch', 'network', 'status', 'page', 'version'].includes(error.code) && error.details?.file;
    return told ? this.#t(`error_${error.code}`, error.details) : error.message;
  }

  #trouble(text, error, retry = null) {
    this.#view.say(text, { alert: true, retry });
    this.#tell('vitrine-error', { error });
  }
}

if (globalThis.customElements && !customElements.get('vitrine-search'))
  customElements.define('vitrine-search', VitrineSearch);
