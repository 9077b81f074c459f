// Puts the page together: what is searched for (state) → the session's response → what is drawn.
import { site } from './ui/ahead.js';
import { Composer } from './ui/composer.js';
import { el, safeColour } from './ui/dom.js';
import { language, t, translate } from './ui/i18n.js';
import { learnPanels } from './ui/language.js';
import { Launch, renewed } from './ui/launch.js';
import { Notices, sentence } from './ui/notices.js';
import { Own } from './ui/own.js';
import { Place } from './ui/place.js';
import { References } from './ui/reference.js';
import { running } from './ui/renew.js';
import { Requests, openPrivacy } from './ui/requests.js';
import { Results } from './ui/results.js';
import { History } from './ui/trail.js';
import { verified } from './ui/verified.js';
import { Catalog } from './core/catalog.js';
import { Store } from './core/data.js';
import { Session } from './core/session.js';
import { dropWithout, isOwn, toFragment } from './core/state.js';

const writing = 'textarea, dialog, input:not([type="checkbox"], [type="radio"], [type="range"])';
const patience = 3000; // ms that the search waits for the first photos

class App {
  site = null; // site.json
  catalog = null;
  model = null;
  session = null;
  engine = null;
  query = null; // the newest
  answered = null; // {query, response} that is drawn
  /** @type {import('./ui/offers.js').Offers | null} */
  offers = null;
  /** @type {import('./ui/answer.js').Answer | null} */
  more = null;
  sheet = null; // of the product that stands open, once there was one
  ms = null; // how long the engine's last response took, by step
  examples = [];
  name = ''; // the shop's
  stop = new AbortController(); // gives the newest query up
  loaded = false; // whether all products are here
  drawn = false;
  /** @type {import('./ui/complete.js').Complete | null} */
  complete = null;
  /** @type {() => void} called when a response was drawn */
  seen = () => {};
  opened = false; // whether a product's sheet was opened on this page

  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.base = new URL('./', document.baseURI).href;
    this.requests = new Requests();
    this.store = new Store(this.base);
    this.here = new Promise((resolve) => (this.allHere = resolve));
    this.asked = new Promise((resolve) => (this.hurry = resolve));
    document.documentElement.lang = language;
    this.part('stuck').remove();
    translate(root);
    this.notices = new Notices(this.part('notices'));
    this.references = new References(this);
    this.history = new History((state) => this.go(state));
    this.state = this.history.current();
    const act = (this.act = this.actions());
    this.composer = new Composer(this.part, act);
    this.results = new Results(this, act);
    this.place = new Place(this.results.grid);
    this.launch = new Launch(this);
    this.own = new Own(this);
    this.listen();
    const early = this.part('words').value; // typed before this program was here
    if (early.trim()) this.change({ words: early });
  }

  listen() {
    const { part, root } = this;
    part('status').addEventListener('click', () => openPrivacy(this));
    part('brand').addEventListener('click', (event) => {
      event.preventDefault();
      this.change({ words: '', like: null, photo: null, facets: {}, price: '', stock: false, item: null });
    });
    const completing = () => this.completing().catch(() => {}); // typing works without a list
    part('words').addEventListener('focus', completing, { once: true });
    root.addEventListener('pointerdown', completing, { once: true }); // a drag may follow
    // The fragment says what is searched for, so this link must not change it.
    root.querySelector('.skip').addEventListener('click', (event) => {
      event.preventDefault();
      part('results').focus();
    });
    // "/" is where people who search a lot expect the search box.
    addEventListener('keydown', (event) => {
      if (event.key !== '/' || /** @type {Element} */ (event.target).closest(writing)) return;
      event.preventDefault();
      part('words').focus();
    });
  }

  // ---- start: products and filters first, then the search -----------------------------------------------------

  async start() {
    await this.references.recall(this.state.photo).catch(() => {});
    this.forgetLost();
    try {
      await this.load();
    } catch (error) {
      if (await renewed(error)) return;
      // A catalog that was replaced between its manifest and its files: the next load starts from the new manifest.
      this.notice('catalog', {
        text: t('error_catalog', { message: sentence(error) }),
        retry: () => location.reload(),
        alert: true,
      });
      this.part('results').setAttribute('aria-busy', 'false');
      return;
    }
    await this.withOffers();
    this.loaded = true;
    this.allHere();
    this.run({ keep: true, redraw: true }); // now with every product and the neighbours at hand
    this.withMore().catch(() => {}); // it answers without
    await this.leisure();
    await this.launch.start();
    if (!this.site.isolate) await this.launch.calm;
    this.launch.serve().catch(() => {}); // the page is there without it
    this.catalog.nearby().catch(() => {}); // so that it is here without a network too
  }

  /** Prices and stock, where the shop says them; without their part of the page they are shown and no more. */
  async withOffers() {
    const { catalog } = this;
    if (
      catalog.manifest.cells ||
      !catalog.items.some(({ offer, price, in_stock }) => offer || price || in_stock === false)
    )
      return;
    try {
      await Promise.all([verified('ui/offers'), learnPanels(language)]);
      const { Offers } = await import('./ui/offers.js');
      this.offers = new Offers(this);
    } catch {
      this.offers = null;
    }
  }

  /** Marks, counts and photos to leaf through come right after the first view. */
  async withMore() {
    await Promise.all([verified('ui/answer'), verified('core/matched'), learnPanels(language)]);
    const { Answer } = await import('./ui/answer.js');
    new Answer(this);
  }

  async load() {
    this.site = await site;
    this.brand();
    this.catalog = await Catalog.open(new URL(this.site.catalog, this.base).href, verified);
    // like every module of the start, it came with its hash
    if (this.catalog.packs) (await import('./ui/packed.js')).drawPacked(this.catalog);
    this.session = new Session(this.catalog, this.site.relevance ?? null);
    this.session.scope = (filter, free) => this.own.scoped(filter, free);
    // Who comes with a query waits for its response, so the search loads beside the products.
    if (this.state.words.trim() || this.state.like !== null) {
      this.results.grid.hold();
      this.launch.start();
    }
    await this.catalog.load(this.store, () => this.firstItems());
  }

  /** A visitor who looks around gets the photos in view before the model's megabytes; one who searches waits for neither. */
  async leisure() {
    if (this.kind !== 'browse') return;
    await Promise.race([
      this.results.grid.photos(),
      this.asked,
      new Promise((resolve) => setTimeout(resolve, patience)),
    ]);
  }

  firstItems() {
    // The whole view is drawn once; later shards only add to what can be found.
    if (this.catalog.size < this.catalog.manifest.count && this.drawn) return;
    if (!this.drawn) this.results.grid.frame(this.catalog);
    this.drawn = true;
    this.examples = this.catalog.examples(4);
    this.run({ keep: true });
  }

  brand() {
    const { accent, logo, title: given } = this.site;
    const title = (this.name = given || 'Vitrine');
    document.title = title;
    this.part('brand').textContent = title;
    if (logo)
      this.part('brand').replaceChildren(el('img', { class: 'logo', src: new URL(logo, this.base).href, alt: title }));
    if (safeColour(accent)) this.root.style.setProperty('--shop-accent', accent);
  }

  use(engine) {
    this.engine = engine;
    this.session.use(engine);
  }

  // ---- what the visitor can do --------------------------------------------------------------------------------

  actions() {
    const nothing = { words: '', like: null, photo: null, mix: 0.5 };
    const like = (id, words = '') => {
      this.change({ ...nothing, like: id, words, item: null });
      this.top();
    };
    return {
      words: (words, { typing = false, submit = false } = {}) => {
        if (words.trim() !== this.state.words.trim()) this.change({ words }, { typing });
        if (submit) this.history.typing = false; // what is typed next is another query, and another step
        if (submit && this.query) this.results.hero();
        if (submit && matchMedia('(pointer: coarse)').matches) this.part('words').blur(); // puts the phone's keyboard away
      },
      crop: () => this.reference && this.references.choose(this.reference, this.state.crop),
      clear: () => this.change(nothing),
      removeReference: () => (this.change({ like: null, photo: null, mix: 0.5 }), this.part('words').focus()),
      photo: (file) => this.references.add(file),
      folder: (transfer) => this.own.drop(transfer),
      mix: (mix) => this.change({ mix }, { replace: true }),
      facets: (facets) => this.change({ facets }),
      withWord: (word) => this.change({ words: dropWithout(this.state.words, word) }),
      kind: (name, value) => this.change({ ...nothing, facets: { [name]: [value] } }),
      like: (id) => like(id),
      likeBut: (id, words) => {
        like(id, words);
        this.part('words').focus({ preventScroll: true });
      },
      itemHref: (id) => (isOwn(id) ? '#' : `#item=${encodeURIComponent(id)}`),
      open: (id, options) => {
        if (!options?.replace) this.opened = true;
        this.change({ item: id }, options);
      },
      closeItem: (row) => this.closeItem(row),
      enterGrid: () => this.results.grid.focus(0),
      leaveGrid: () => this.part('words').focus(),
    };
  }

  /** Closing is the way back to what was there before; a sheet that came with the address has nothing before it. */
  closeItem(row) {
    const { grid } = this.results;
    if (this.state.item && this.opened) history.back();
    else if (this.state.item) this.change({ item: null }, { replace: true });
    this.opened = false;
    const at = grid.has(row);
    if (at >= 0 && at < grid.shown && document.activeElement === document.body) grid.focus(at);
  }

  change(changes, how) {
    if ('words' in changes) this.composer.settle();
    this.hurry();
    this.notice('photo', null);
    // Another photo or product is seen whole at first.
    const whole = ('like' in changes || 'photo' in changes) && !('crop' in changes) ? { crop: null } : {};
    this.state = { ...this.state, ...changes, ...whole };
    const only = Object.keys(changes).every((key) => key === 'item') ? 'item' : null;
    this.place.keep();
    this.history.record(this.state, how);
    if (!only) this.place.begin(this.part('results'));
    this.run({ only });
  }

  go(state) {
    this.composer.settle();
    const before = this.address();
    this.state = state;
    this.place.seek();
    this.forgetLost();
    this.run({ only: before === this.address() ? 'item' : null });
  }

  /** What is searched for, apart from the product that stands open; tells queries apart. */
  address({ photo, crop, like } = this.state) {
    return `${toFragment({ ...this.state, item: null })} ${photo ?? ''} ${crop ?? ''} ${like ?? ''}`;
  }

  /** A private photo is gone with the page load that knew it. */
  forgetLost() {
    if (this.state.photo && !this.references.photos.has(this.state.photo))
      Object.assign(this.state, { photo: null, crop: null });
  }

  top() {
    scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  }

  // ---- query and response -----------------------------------------------------------------------------------------

  get kind() {
    return this.read().kind;
  }

  /** The state as the session takes it. */
  read(facets = this.state.facets) {
    const { words, like, photo, crop, mix } = this.state;
    const { text, highest } = this.offers?.read(words) ?? { text: words, highest: null };
    const test = this.offers?.test(this.state, highest) ?? null;
    const row = like === null ? null : (this.catalog.rowOf(like) ?? null);
    const shown = photo || (row !== null && crop) ? this.photo(row) : null;
    return this.session.read({ text, row, photo: shown, mix, facets, test });
  }

  photo(row) {
    const { photo, crop } = this.state;
    const whole = () => this.references.of({ photo, row });
    const source = photo ?? (this.catalog.items[row]?.own ? whole().source : `row ${row}`);
    const bytes = async () => this.references.bytesOf(await this.references.cropped(whole(), crop));
    return { key: `${source} ${crop ?? ''}`, bytes };
  }

  /** Whether the search can answer such a query, and the products that it may name are here. */
  able(kind) {
    return this.loaded && this.session.can(kind);
  }

  async run({ keep = false, only = null, redraw = false } = {}) {
    if (!this.catalog?.size) return;
    if (only !== 'item') await this.answer(keep);
    const { item } = this.state;
    if (!item) return this.sheet?.hide();
    try {
      await this.open(item, redraw);
    } catch (error) {
      this.notice('query', { text: sentence(error), dismiss: true, alert: true });
    }
  }

  /** Shows a product close up. */
  async open(item, redraw) {
    this.sheet ??= await this.newSheet();
    await this.missing('item');
    await this.sheet.show(this.catalog, item, this.results.grid.hits, redraw, () => this.state.item === item);
  }

  /** The list under the bar comes when somebody is about to type. */
  async completing() {
    await Promise.all([verified('ui/complete'), learnPanels(language)]);
    const { Complete } = await import('./ui/complete.js');
    this.complete ??= new Complete(this);
  }

  /** Says so where the address names a product that the catalog no longer has. */
  async missing(name) {
    const id = this.state[name];
    const gone = id !== null && this.loaded && (await this.catalog.product(id)) === undefined;
    if (gone) this.notice('gone', { text: t('gone'), dismiss: true });
    else if (id !== null) this.notice('gone', null);
  }

  async newSheet() {
    await verified('ui/sheet');
    const { Sheet } = await import('./ui/sheet.js');
    return this.sheet ?? new Sheet(this.act);
  }

  async answer(keep) {
    const query = (this.query = this.read());
    this.missing('like');
    this.stop.abort();
    this.stop = new AbortController();
    const able = this.able(query.kind);
    const newest = () => this.query === query;
    try {
      await this.session.prepare(query, able);
    } catch (error) {
      if (newest()) this.failed(error);
      return;
    }
    if (!newest()) return;
    const { crop, photo } = this.state;
    this.reference = this.references.of({ photo, row: query.row });
    this.results.asked(query, this.reference);
    let reference = this.reference;
    try {
      if (crop) this.composer.showChip((reference = await this.references.cropped(reference, crop)));
      if (newest()) await this.respond(query, able, reference, keep);
    } catch (error) {
      if (newest()) await this.stumbled(query, error, reference, keep);
    }
  }

  async respond(query, able, reference, keep) {
    const { signal } = this.stop;
    const draw = (response) => this.show(query, response, reference, keep);
    // The best so far, while more of a clustered catalog is on its way.
    const response = await (able ? this.session.search(query, { signal, partial: draw }) : this.session.standIn(query));
    if (this.query !== query) return;
    draw(response);
    this.better(); // what can answer better may have come meanwhile
  }

  /** What is shown where the engine could not answer. */
  async stumbled(query, error, reference, keep) {
    const { photo } = this.state;
    if (photo && error.code === 'engine') return this.dropPhoto(error);
    // Asked again as soon as the restarted engine can; a query that broke that one too is not.
    const again = error.code === 'restarted';
    query.hopeless = error.code === 'crash';
    if (!again) this.failed(error);
    const nothing = { by: 'none', hits: [], good: 0, attention: null, reading: null, ms: null, partial: false };
    const response = photo && !again ? nothing : await this.session.standIn(query);
    if (this.query === query) this.show(query, response, reference, keep, !again);
  }

  failed(error) {
    const retry = () => (this.notice('query', null), this.answer(false));
    this.notice('query', { text: t('error_query', { message: sentence(error) }), retry, alert: true });
  }

  /** A photo that the engine cannot read leaves the query, and the visitor is told why. */
  dropPhoto(error) {
    this.change({ photo: null }, { replace: true });
    this.notice('photo', { text: t('error_photo', { message: error.message }), dismiss: true, alert: true });
  }

  show(query, response, reference, keep, failed = false) {
    this.answered = { query, response, reference };
    if (['engine', 'instant'].includes(response.by) && response.ms) this.ms = response.ms;
    if (!failed) this.notice('query', null);
    this.notice('closer', null);
    this.results.show(query, response, reference, keep);
    this.place.find();
    this.seen();
  }

  /** Until the best answer that can be had for now is drawn. */
  async settled() {
    const open = () => !['engine', 'instant', 'browse'].includes(this.answered?.response.by);
    while (this.query && open() && this.able(this.query.kind))
      await new Promise((resolve) => (this.seen = () => resolve(null)));
  }

  /** A response without the engine is given again as soon as the engine can do better. */
  better() {
    const { query, response } = this.answered ?? {};
    const open = query && query === this.query && !query.hopeless && !['engine', 'browse'].includes(response.by);
    const able = open && (response.by === 'instant' ? this.session.full : this.able(query.kind));
    const more = open && (able || (response.by === 'titles' && this.session.speaks(query)));
    if (!more) return this.results.waiting();
    if (this.notices.has('closer')) return;
    if (!this.results.read()) return void this.answer(true);
    // nothing moves under somebody who looks at it
    const run = () => (this.place.begin(this.part('results')), this.answer(false));
    this.notice('waiting', null);
    this.notice('closer', { text: t('closer'), action: t('closer_show'), run, calm: true });
  }

  resume() {
    this.launch.resume();
  }

  sentence(error) {
    return sentence(error);
  }

  notice(key, what) {
    this.notices.set(key, what);
  }
}

running();
const app = new App(document.querySelector('[data-vitrine]'));
app.start();
