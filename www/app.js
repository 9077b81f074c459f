// Puts the page together: what is asked for (state) → who answers it (engine, or the catalog alone) → what is shown.
import { Attention } from './ui/attention.js';
import { Catalog } from './ui/catalog.js';
import { Composer, changeWords, photoBytes, photoLimit } from './ui/composer.js';
import { agree, metered, mustAsk } from './ui/consent.js';
import { DataError, Store, fetchManifest } from './ui/data.js';
import { el, safeColour } from './ui/dom.js';
import { Engine, Superseded } from './ui/engine.js';
import { Facets } from './ui/facets.js';
import { Grid } from './ui/grid.js';
import { decimal, language, size, t, translate } from './ui/i18n.js';
import { Own } from './ui/own.js';
import { Privacy, Requests } from './ui/privacy.js';
import { cut, described, fold } from './ui/relevance.js';
import { renew, running } from './ui/renew.js';
import { Sheet } from './ui/sheet.js';
import { History, dropWithout, isOwn, readWords, toFragment } from './ui/state.js';
import * as storage from './ui/storage.js';
import { Trail } from './ui/trail.js';
import { verified } from './ui/verified.js';

const wanted = 96; // results asked for at first; "show more" ends there, as nobody looks further down a ranking
const patience = 3000; // ms that the search waits for the first photos
const ownPhotos = 6; // of the visitor's photos, as many as the worker keeps

class App {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.base = new URL('./', document.baseURI).href;
    this.requests = new Requests();
    this.store = new Store(this.base);
    this.build = new URLSearchParams(location.search).get('build'); // for tests: the only build that may run
    this.backend = new URLSearchParams(location.search).get('backend'); // cpu or gpu, where a visitor insists
    this.photos = new Map(); // key → {source, title} of this tab's own photos
    this.crops = new Map(); // part of a photo → its own bytes and address
    this.notices = new Map();
    this.productsHere = new Promise((resolve) => (this.allHere = resolve));
    document.documentElement.lang = language;
    this.part('stuck').remove();
    translate(root);
    this.history = new History((state) => this.go(state));
    this.state = this.history.current();
    this.forgetLost();
    const act = this.actions();
    this.composer = new Composer(this.part, act);
    this.facets = new Facets(this.part, act);
    this.grid = new Grid(this.part, act);
    this.sheet = new Sheet(act);
    this.attention = new Attention(this.part('attention'));
    this.privacy = new Privacy(this);
    this.own = new Own(this);
    this.trail = new Trail(this.base, this.part, (state) => this.change(state));
    this.part('status').addEventListener('click', () => this.privacy.open());
    this.part('brand').addEventListener('click', (event) => {
      event.preventDefault();
      this.change({ words: '', like: null, photo: null, facets: {}, item: null });
    });
    // The fragment says what is asked for, so this link must not change it.
    root.querySelector('.skip').addEventListener('click', (event) => {
      event.preventDefault();
      this.part('results').focus();
    });
    addEventListener('online', () => this.connected());
    addEventListener('offline', () => this.showStatus());
    // "/" is where people who search a lot expect the search box.
    addEventListener('keydown', (event) => {
      if (event.key !== '/' || event.target.closest('input, textarea, dialog')) return;
      event.preventDefault();
      this.part('words').focus();
    });
    const early = this.part('words').value; // typed before this program was here
    if (early.trim()) this.change({ words: early });
  }

  // ---- start: products and filters first, then the search -----------------------------------------------------

  async start() {
    try {
      // The page names its build, so that a service worker gives it the site.json that belongs to it.
      const named = document.querySelector('link[rel="preload"][href^="site.json?v="]');
      this.site = (await fetchManifest(named?.href ?? new URL('site.json', this.base).href)).manifest;
      this.brand();
      const base = new URL(this.site.catalog, this.base).href;
      this.catalog = await Catalog.open(base);
      // Who comes with a question waits for its answer, so the search loads beside the products.
      if (this.state.words.trim() || this.state.like !== null) this.startEngine();
      await this.catalog.load(this.store, () => this.firstItems());
    } catch (error) {
      if (await this.renewed(error)) return;
      // A catalog that was replaced between its manifest and its files: the next load starts from the new manifest.
      this.notice('catalog', { text: t('error_catalog', { message: this.sentence(error) }), retry: () => location.reload(), alert: true });
      this.part('results').setAttribute('aria-busy', 'false');
      return;
    }
    this.loaded = true;
    this.allHere();
    this.run({ keep: true, redraw: true }); // now with every product and the neighbours at hand
    await this.leisure();
    await this.startEngine();
    this.serve();
  }

  /** A visitor who looks around gets the photos in view before the model's megabytes; one who asks waits for neither. */
  leisure() {
    if (this.question().kind !== 'browse') return null;
    const asked = new Promise((resolve) => (this.hurry = resolve));
    return Promise.race([this.grid.photos(), asked, new Promise((resolve) => setTimeout(resolve, patience))]);
  }

  firstItems() {
    if (!this.framed) this.grid.frame(this.catalog);
    this.framed = true;
    // The whole view is drawn once; later shards only add to what can be found.
    if (this.catalog.size < this.catalog.manifest.count && this.drawn) return;
    this.drawn = true;
    this.examples = this.catalog.examples(4);
    this.run({ keep: true });
  }

  brand() {
    const title = this.site.title || 'Vitrine';
    document.title = title;
    this.part('brand').textContent = title;
    if (this.site.logo) this.part('brand').replaceChildren(el('img', { class: 'logo', src: new URL(this.site.logo, this.base).href, alt: title }));
    const accent = safeColour(this.site.accent);
    if (accent) this.root.style.setProperty('--shop-accent', accent);
  }

  /** Once: beside the products or after them. */
  startEngine() {
    this.starting ??= this.launchEngine();
    return this.starting;
  }

  /** Whether the search can answer such a question, and the products that it may name are here. */
  able(kind) {
    return this.loaded && this.engine?.can(kind);
  }

  async launchEngine() {
    const url = new URL('model.json', new URL(this.site.model, this.base)).href;
    const engine = this.newEngine(); // its thread comes up meanwhile
    try {
      const { manifest, text } = await fetchManifest(url, 'vitrine-model');
      this.model = manifest;
      this.modelText = text;
      if (manifest.note) this.notice('model', { text: manifest.note, dismiss: true });
      this.held = await mustAsk(this.store, this.site, manifest);
      this.engine = engine;
      if (engine.refused) this.engineChanged();
      const texts = { model: text, catalog: this.catalog.text };
      const args = { base: this.base, build: this.build, backend: this.backend, site: this.site, model: manifest, catalog: this.catalog.manifest, texts, hold: this.held };
      this.productsHere.then(() => this.own.attach(this.engine, args)); // they stand behind the catalog's rows
      this.engine.start(args).then(
        () => this.onIdle(),
        () => {}, // told through the state
      );
    } catch (error) {
      engine.end('failed', error.message);
      if (await this.renewed(error)) return;
      this.starting = null;
      this.notice('engine', { text: this.sentence(error), retry: () => this.retry(() => this.startEngine()), alert: true });
    }
  }

  /** Whether what this page cannot read or may not run belongs to a newer build, which is then loaded: at most once. */
  async renewed({ code }) {
    return ['version', 'mismatch', 'later'].includes(code) && renew();
  }

  newEngine() {
    const engine = new Engine(this.base);
    engine.addEventListener('state', () => this.engine === engine && this.engineChanged());
    engine.addEventListener('requests', ({ data }) => this.requests.add(data.urls));
    engine.addEventListener('blocked', ({ data }) => this.requests.stopped.push(data.url));
    engine.addEventListener('restart', () => (this.handed = []));
    return engine;
  }

  /** The visitor, on a connection that counts bytes, wants the search. */
  release() {
    this.held = false;
    agree(this.base);
    this.notice('consent', null);
    this.resume();
  }

  /** The image encoder comes when nothing else is going on, unless the visitor's connection counts bytes. */
  onIdle() {
    if (this.held || metered()) return;
    storage.persist().catch(() => {});
    const later = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 1500));
    later(() => this.engine.call('load', { what: ['image'] }).then(() => this.keepAll(), () => {}));
  }

  /** Where the photos are not many, all of them are kept, so that the page is whole in a tunnel too. */
  keepAll() {
    if (!storage.controller(this.base) || metered() || !storage.isModest(this.catalog.manifest.count)) return;
    const urls = this.catalog.items.filter(({ own }) => !own).map((item) => this.catalog.photo(item));
    storage.keepPhotos(this.base, urls, undefined, { workers: 2 }).catch(() => {});
  }

  async serve() {
    const seen = () => [
      ...['catalog.json'].map((file) => new URL(file, this.catalog.base).href),
      new URL('model.json', new URL(this.site.model, this.base)).href,
      ...performance.getEntriesByType('resource').filter(({ initiatorType }) => initiatorType === 'img').map(({ name }) => name),
    ];
    // The shell in use may be an older one that the service worker kept: what the site holds now is asked for past it.
    const fresh = await fetch(new URL('site.json?fresh', this.base), { cache: 'no-store' }).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    const onUpdate = (apply) => this.notice('update', { text: t('update_ready'), action: t('update_now'), run: apply, dismiss: true });
    const mayReload = () => Boolean(this.site.isolate) && this.question().kind === 'browse' && scrollY < 40;
    await storage.serve(this.base, { version: (fresh ?? this.site).version, shown: this.site.version, language }, { seen, onUpdate, mayReload }).catch(() => {});
    const { shards, neighbours, cells = {} } = this.catalog.manifest;
    const near = [neighbours, ...shards.map((shard) => shard.neighbours)].filter((file) => file?.sha256);
    const kept = [...shards, ...shards.map(({ items }) => items), ...near, ...Object.values(cells), ...(this.model?.parts ?? []), ...this.site.wasm];
    // Which photos a clustered catalog has, this page never knows in full.
    const photos = this.catalog.manifest.cells ? { has: () => true } : new Set(this.catalog.items.filter(({ own }) => !own).map((item) => this.catalog.photo(item)));
    await storage.prune(this.base, new Set(kept.map(({ sha256 }) => sha256)), photos).catch(() => {});
  }

  // ---- what the visitor can do --------------------------------------------------------------------------------

  actions() {
    return {
      words: (words, { typing = false, submit = false } = {}) => {
        if (words.trim() !== this.state.words.trim()) this.change({ words }, { typing });
        if (submit && matchMedia('(pointer: coarse)').matches) this.part('words').blur(); // puts the phone's keyboard away
      },
      crop: () => this.crop(),
      clear: () => this.change({ words: '', like: null, photo: null, mix: 0.5 }),
      removeReference: () => (this.change({ like: null, photo: null, mix: 0.5 }), this.part('words').focus()),
      photo: (file) => this.addPhoto(file),
      folder: (transfer) => this.own.drop(transfer),
      mix: (mix) => this.change({ mix }, { replace: true }),
      facets: (facets) => this.change({ facets }),
      withWord: (word) => this.change({ words: dropWithout(this.state.words, word) }),
      redrawFacets: () => this.facets.show(this.catalog, this.state.facets, this.grid.hits.length, this.asked?.without),
      like: (id) => {
        this.change({ like: id, photo: null, words: '', mix: 0.5, item: null });
        this.top();
      },
      likeBut: (id, words = '') => {
        this.change({ like: id, photo: null, words, mix: 0.5, item: null });
        this.top();
        this.part('words').focus({ preventScroll: true });
      },
      itemHref: (id) => isOwn(id) ? '#' : `#item=${encodeURIComponent(id)}`,
      open: (id, options) => {
        if (!options?.replace) this.opened = true;
        this.change({ item: id }, options);
      },
      closeItem: (row) => {
        // Closing is the way back to what was there before; a sheet that came with the address has nothing before it.
        if (this.state.item && this.opened) history.back();
        else if (this.state.item) this.change({ item: null }, { replace: true });
        this.opened = false;
        const at = this.grid.has(row);
        if (at >= 0 && at < this.grid.shown && document.activeElement === document.body) this.grid.focus(at);
      },
      enterGrid: () => this.grid.focus(0),
      leaveGrid: () => this.part('words').focus(),
    };
  }

  change(changes, how) {
    if ('words' in changes) this.composer.settle();
    this.hurry?.();
    this.notice('photo', null);
    // Another photo or product is seen whole at first.
    const whole = ('like' in changes || 'photo' in changes) && !('crop' in changes) ? { crop: null } : {};
    this.state = { ...this.state, ...changes, ...whole };
    this.history.record(this.state, how);
    this.run({ only: Object.keys(changes).every((key) => key === 'item') ? 'item' : null });
  }

  go(state) {
    this.composer.settle();
    const before = this.address();
    this.state = state;
    this.forgetLost();
    this.run({ only: before === this.address() ? 'item' : null });
  }

  /** What is asked for, apart from the product that stands open; tells questions apart. */
  address({ photo, crop, like } = this.state) {
    return `${toFragment({ ...this.state, item: null })} ${photo ?? ''} ${crop ?? ''} ${like ?? ''}`;
  }

  /** A private photo is gone with the page load that knew it. */
  forgetLost() {
    if (this.state.photo && !this.photos.has(this.state.photo)) Object.assign(this.state, { photo: null, crop: null });
  }

  top() {
    scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  }

  async addPhoto(file) {
    if (file.size > photoLimit) {
      return this.notice('photo', { text: t('error_photo_size', { size: size(file.size), limit: size(photoLimit) }), dismiss: true, alert: true });
    }
    const bytes = await photoBytes(file);
    if (!bytes) return this.notice('photo', { text: t('error_photo_type'), dismiss: true, alert: true });
    const key = `photo-${Date.now()}`;
    this.photos.set(key, { source: URL.createObjectURL(file), title: t('your_photo'), own: true, bytes });
    // Going back finds the last few; more would fill the memory of somebody who tries one photo after the other.
    for (const [old, { source }] of [...this.photos].slice(0, -ownPhotos)) URL.revokeObjectURL(source), this.photos.delete(old);
    this.change({ photo: key, like: null, mix: 0.5, item: null });
    this.top();
  }

  /** A photo that the engine cannot read leaves the question, and the visitor is told why. */
  dropPhoto(error) {
    this.change({ photo: null }, { replace: true });
    this.notice('photo', { text: t('error_photo', { message: error.message }), dismiss: true, alert: true });
  }

  // ---- the answer -----------------------------------------------------------------------------------------------

  question() {
    const { words, without } = readWords(this.state.words);
    const row = this.state.like === null ? null : (this.catalog.rowOf.get(this.state.like) ?? null);
    const photo = this.state.photo;
    const { crop } = this.state;
    const alone = photo || (row !== null && crop) ? 'image' : row !== null ? 'like' : words ? 'text' : 'browse';
    const kind = words && alone !== 'text' && alone !== 'browse' ? 'composed' : alone;
    const rows = this.own.scoped(this.catalog.rows(this.state.facets, without), this.catalog.rows({}, without));
    return { kind, words, without, row, photo, crop, mix: this.state.mix, rows };
  }

  reference({ row, photo }) {
    if (photo) return this.photos.get(photo);
    if (row === null) return null;
    const item = this.catalog.items[row];
    return { source: this.catalog.photo(item), title: item.title, blob: item.blob };
  }

  /** The part of the photo that the visitor chose, in place of the whole. */
  async cropped(reference, crop) {
    if (!reference || !crop) return reference;
    const key = `${reference.source} ${crop}`;
    if (!this.crops.has(key)) {
      // Rarely more than a few, and each is small.
      for (const [old, { source }] of [...this.crops].slice(0, -5)) URL.revokeObjectURL(source), this.crops.delete(old);
      const { cutOut } = await this.cropper();
      this.crops.set(key, await cutOut(await this.bytesOf(reference), crop));
    }
    return { ...reference, ...this.crops.get(key) };
  }

  async cropper() {
    await verified('crop.js');
    return import('./ui/crop.js');
  }

  async crop() {
    const reference = this.reference(this.question());
    if (!reference) return;
    try {
      const { chooseCrop } = await this.cropper();
      chooseCrop(reference.source, this.state.crop, (crop) => this.change({ crop }));
    } catch (error) {
      this.notice('photo', { text: this.sentence(error), retry: () => this.crop(), alert: true });
    }
  }

  async run({ keep = false, only = null, redraw = false } = {}) {
    if (!this.catalog?.size) return;
    if (only !== 'item') await this.answer(keep);
    if (this.state.item) await this.catalog.visit?.(this.state.item).catch((error) => this.notice('query', { text: this.sentence(error), dismiss: true, alert: true }));
    if (this.state.item) this.sheet.show(this.catalog, this.state.item, this.grid.hits, redraw);
    else this.sheet.hide();
  }

  async answer(keep) {
    const question = this.question();
    this.asked = question;
    // A catalog of which only a part is here fetches what this question needs of the rest.
    if (this.catalog.prepare && !(await this.prepared(question))) return;
    const whole = this.reference(question);
    let reference = whole;
    this.composer.show(this.state, whole, this.examples?.[0]);
    this.suggest(question, null);
    this.part('hero').hidden = question.kind !== 'browse' || Object.keys(this.state.facets).length > 0;
    this.part('results').setAttribute('aria-busy', 'true');
    this.engine?.cancel();
    try {
      if (question.crop) this.composer.showChip((reference = await this.cropped(whole, question.crop)));
      if (this.asked !== question) return;
      const answer = this.able(question.kind) ? await this.ask(question, reference, keep) : this.standIn(question);
      await this.catalog.ensure?.(answer.hits);
      if (this.asked !== question) return;
      this.show(question, answer, reference, keep);
    } catch (error) {
      if (error instanceof Superseded || this.asked !== question) return;
      if (question.photo && error.code === 'engine') return this.dropPhoto(error);
      // Asked again as soon as the restarted engine can; a question that broke that one too is not.
      if (error.code === 'restarted') return this.show(question, this.standIn(question), reference, keep);
      question.hopeless = error.code === 'crash';
      this.notice('query', { text: t('error_query', { message: this.sentence(error) }), retry: () => this.retry(() => this.answer(false)), alert: true });
      this.show(question, question.photo ? { hits: [], by: 'none' } : this.standIn(question), reference, keep, true);
    }
  }

  /** What to ask next: examples at first, changes to a product or photo, or what would narrow the words. */
  suggest({ kind, words, row }, hits) {
    const say = (text) => this.composer.act.words(text, { submit: true });
    if (kind === 'browse') return this.composer.suggest(t('suggestions_try'), this.examples ?? [], say);
    const like = row ?? (kind === 'image' ? hits?.[0]?.row : undefined);
    if (like !== undefined && kind !== 'text') return this.composer.suggest(t('suggestions_but'), this.catalog.changes(like).map(changeWords).slice(0, 7), say);
    const near = kind === 'text' && hits ? this.catalog.refinements(hits.slice(0, 36).map((hit) => hit.row), words) : [];
    this.composer.suggest(t('suggestions_more'), near.map(changeWords), (more) => say(`${this.state.words.trim()} ${more}`));
  }

  empty({ kind }, by) {
    const filtered = Object.keys(this.state.facets).length > 0;
    if (by !== 'none' && this.question().without.length && !filtered) return el('div', { class: 'empty' }, el('p', {}, t('nothing_without')));
    const text = by === 'none' ? 'nothing_yet' : filtered ? 'nothing_filters' : 'nothing_words';
    const clear = filtered && el('button', { type: 'button', class: 'button', on: { click: () => this.change({ facets: {} }) } }, t('clear_filters'));
    return by === 'none' && this.engine?.refused ? null : el('div', { class: 'empty' }, el('p', {}, t(text)), kind === 'image' && by === 'none' ? null : clear);
  }

  /** Whether what a question needs is here now, and nobody has asked another one meanwhile. */
  async prepared(question) {
    try {
      await this.catalog.prepare(question, this.able(question.kind));
    } catch (error) {
      if (this.asked === question) this.notice('query', { text: t('error_query', { message: this.sentence(error) }), retry: () => this.retry(() => this.answer(false)), alert: true });
      return false;
    }
    return this.asked === question;
  }

  async ask(question, reference, keep) {
    const { kind, words, without, row, photo, crop, mix } = question;
    const rows = await this.unlike(without, question.rows);
    // The best so far, while more of a clustered catalog is on its way.
    const partial = this.catalog.ensure && (async (found) => {
      await this.catalog.ensure(found.hits);
      if (this.asked === question && this.answered?.question !== question) this.show(question, { ...found, by: 'engine', partial: true }, reference, keep);
    });
    if (kind === 'like') return { ...(await this.engine.ask('neighbours', { row, k: wanted, rows }, partial)), by: 'engine' };
    const query = { k: wanted };
    if (words) query.text = words;
    if (rows) query.rows = rows;
    if (kind !== 'text') {
      query.photo = `${photo ?? (reference.blob ? reference.source : `row ${row}`)} ${crop ?? ''}`;
      query.like = mix;
      if (row !== null) query.exclude = [row];
      await this.handOver(query.photo, reference);
    }
    const answer = await this.engine.ask('query', query, partial);
    this.ms = answer.ms;
    return { ...answer, by: 'engine' };
  }

  /**
   * Rows without what looks like the words in `without`. Where titles and details know a word, they have decided
   * already (`rows` leaves those products out); of any other word, what the search finds good matches for is left out.
   */
  async unlike(without, rows) {
    const { relevance } = this.site;
    const unknown = without.filter((word) => !this.catalog.knows(word));
    if (!relevance || !unknown.length || !this.engine.can('text')) return rows;
    const out = new Set();
    for (const text of unknown) {
      const { hits } = await this.engine.ask('query', { text, k: this.catalog.size });
      for (const { row } of described(hits, relevance)) out.add(row);
    }
    return Uint32Array.from(rows ?? this.catalog.items.keys()).filter((row) => !out.has(row));
  }

  /** The worker gets a photo's bytes once, and later questions name it by its key. */
  async handOver(key, reference) {
    this.handed ??= [];
    if (this.handed.includes(key)) return;
    const bytes = await this.bytesOf(reference);
    await this.engine.call('photo', { key, bytes }, [bytes.buffer]);
    this.handed = [...this.handed, key].slice(-6); // as many as the worker keeps
  }

  /** A copy of the bytes of what is asked with: a part of a photo, a private photo, or a product's. */
  async bytesOf({ bytes, blob, source }) {
    if (bytes) return bytes.slice();
    return blob ? new Uint8Array(await blob.arrayBuffer()) : this.fetchPhoto(source);
  }

  async fetchPhoto(url) {
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) throw new DataError(response ? 'status' : 'network', { file: url.split('/').pop(), status: String(response?.status) });
    return new Uint8Array(await response.arrayBuffer());
  }

  /** What the catalog alone can say, while the search loads or where it cannot run. */
  standIn({ kind, words, row, rows }) {
    if (kind === 'browse') return { hits: this.catalog.mixed(rows).map((each) => ({ row: each })), by: 'browse' };
    if (kind === 'like') return { hits: this.catalog.nearest(row, rows), by: 'neighbours' };
    if (kind === 'image') return { hits: [], by: 'none' };
    return { hits: this.catalog.match(words, rows, row), by: 'titles' };
  }

  show(question, answer, reference, keep, failed = false) {
    const { kind } = question;
    this.answered = { question, answer };
    if (!failed) this.notice('query', null);
    const { good, rest, few } = cut(answer.hits, answer.by === 'engine' ? this.site.relevance : null, kind, this.catalog.familiar(question.words));
    const folded = [good, rest].map((hits) => fold(hits, (row) => this.catalog.leader(row)));
    this.grid.show(this.catalog, folded[0], { keep, rest: folded[1], few, empty: this.empty(question, answer.by) });
    this.notice('few', few === 0 ? { text: t('no_match', { words: question.words }), calm: true } : null);
    answer.good = good.length;
    answer.few = few;
    this.suggest(question, answer.hits);
    this.facets.show(this.catalog, this.state.facets, question.rows?.length ?? this.catalog.size, question.without);
    this.attention.show(answer.attention, reference?.source, this.model?.preprocess?.fit);
    this.showHeading(question, answer, reference);
    this.remember(question, reference);
    this.showWaiting();
    const results = this.part('results');
    results.setAttribute('aria-busy', String(Boolean(answer.partial)));
    Object.assign(results.dataset, { kind, by: answer.by, words: question.words });
    if (answer.partial) return; // heard once it is whole
    const what = kind === 'browse' ? t('live_all') : this.part('heading').textContent;
    this.part('live').textContent = few === 0 ? t('no_match', { words: question.words }) : t('live_results', { n: good.length, what });
  }

  /** Into the list of what was asked in this tab, unless nothing was. */
  remember({ kind, without }, reference) {
    const address = this.address();
    const title = [this.part('heading').textContent, without.length ? t('without', { words: without.join(', ') }) : ''].filter(Boolean).join(' · ');
    if (kind !== 'browse') this.trail.add({ address, title, source: reference?.source ?? null, state: this.state, typing: this.history.typing });
    this.trail.show(this.history.depth, address);
  }

  showHeading({ kind, words, without, photo, crop }, { hits, good, few, ms, by }, reference) {
    const n = kind === 'browse' ? hits.length : few === 0 ? 0 : good;
    const all = this.own.total;
    const headings = {
      browse: () => this.own.heading(n) ?? (n === all ? t('all_products', { n }) : t('filtered_products', { n, all })),
      text: () => t('closest_words', { words }),
      image: () => t(crop ? 'closest_part' : 'closest_photo'),
      like: () => t('closest_product'),
      // the heading says "but" itself
      composed: () => t(photo ? 'closest_photo_words' : 'closest_product_words', { words: words.replace(/^(but|aber|mais)\s+/i, '') }),
    };
    const about = [];
    if (reference && !photo) about.push(el('span', { class: 'sub-reference' }, t('sub_reference', { title: reference.title })));
    if (kind !== 'browse' && n) about.push(by === 'engine' && ms ? t('sub_ms', { n, ms: decimal(ms.total, 0) }) : t('sub_ranked', { n }));
    if (without.length) about.push(t('without', { words: without.join(', ') }));
    this.part('heading').textContent = headings[kind]();
    this.part('subheading').replaceChildren(...about.flatMap((part, i) => (i ? [el('span', { class: 'sub-dot' }, ' · '), part] : [part])));
  }

  // ---- the engine's coming and going ----------------------------------------------------------------------------

  /** A part that nobody asked for yet may be missing without a word. */
  trouble() {
    const { error } = this.engine.state;
    const needsImage = ['image', 'composed'].includes(this.asked?.kind);
    return error && (needsImage || !/image/.test(error.stage)) ? error : null;
  }

  engineChanged() {
    const { state } = this.engine;
    if (state.why === 'changed' || state.error?.code === 'later') renew();
    const error = this.trouble();
    const able = ['like', 'text', 'image', 'composed'].filter((kind) => this.engine.can(kind)).join(' ');
    this.root.dataset.engine = state.wasm;
    this.root.dataset.build = state.build ?? '';
    this.root.dataset.backend = state.backend?.name ?? '';
    this.root.dataset.backendWhy = state.backend?.why ?? '';
    this.root.dataset.can = able;
    if (error) this.report(error);
    else if (this.notices.has('engine')) this.notice('engine', null);
    this.showStatus();
    const ask = this.held && state.total && { text: t('held_text', { size: size(state.total) }), action: t('held_get'), run: () => this.release(), dismiss: true, calm: true };
    this.notice('consent', ask || null);
    // An answer given without the engine is given again as soon as the engine can do better.
    const { question, answer } = this.answered ?? {};
    const better = question && question === this.asked && !question.hopeless && !['engine', 'browse'].includes(answer.by);
    if (better && this.able(question.kind)) this.answer(false);
    else this.showWaiting();
  }

  report(error) {
    const text = this.sentence(error);
    if (this.judged?.text === text && this.judged.moved) return;
    this.notice('engine', { text, retry: () => this.resume(), alert: true });
    if (['status', 'page', 'mismatch'].includes(error.code) && this.judged?.text !== text) this.checkMoved(text);
  }

  /** Files that are gone or others are what a tab meets that was open while the site was replaced: no retry helps then. */
  async checkMoved(text) {
    this.judged = { text, moved: false };
    const now = (file, base) => fetchManifest(new URL(file, base).href).then((fetched) => fetched.text);
    const texts = [now('catalog.json', this.catalog.base), now('model.json', new URL(this.site.model, this.base))];
    const [catalog, model] = await Promise.all(texts).catch(() => []);
    if (!catalog || this.judged?.text !== text || (catalog === this.catalog.text && model === this.modelText)) return;
    this.judged.moved = true;
    this.notice('engine', { text: t('error_moved'), action: t('update_now'), run: () => location.reload(), alert: true });
  }

  resume() {
    this.judged = null;
    this.held = false;
    const what = ['wasm', 'text', 'shards'];
    if (this.engine.state.image !== 'waiting' || this.asked?.photo) what.push('image');
    this.engine.call('load', { what }).then(
      () => this.onIdle(),
      () => {},
    );
  }

  connected() {
    this.showStatus();
    // A connection that comes back takes a broken download up again; verified parts are not fetched twice.
    if (this.engine?.state.error?.code === 'network') this.resume();
  }

  showStatus() {
    const state = this.engine?.state;
    if (!state) return;
    const loading = [state.wasm, state.text, state.image, state.shards].includes('loading');
    const share = state.total ? state.received / state.total : 0;
    const [key, mood] = this.status(state, loading);
    this.part('status').dataset.mood = mood;
    this.part('status-text').textContent = t(key, { percent: Math.floor(share * 100) });
    this.composer.progress(loading && share < 1 ? share : null);
  }

  status(state, loading) {
    if (this.engine.refused) return ['status_limited', 'limited'];
    if (this.held) return ['status_held', 'limited'];
    if (this.trouble()) return ['status_trouble', 'trouble'];
    if (state.paused) return ['status_paused', 'limited'];
    if (loading && state.received === state.total) return ['status_starting', 'loading'];
    if (loading) return [this.engine.can('text') ? 'status_photos' : 'status_loading', 'loading'];
    return [navigator.onLine === false ? 'status_offline' : 'status_ready', 'ready'];
  }

  /** Says what an answer lacks, and why, for as long as it lacks it. */
  showWaiting() {
    const { question, answer } = this.answered ?? {};
    if (!question || answer.by === 'engine' || question.kind === 'browse') return this.notice('waiting', null);
    const state = this.engine?.state;
    const progress = { got: size(state?.received ?? 0), all: size(state?.total ?? 0) };
    if (this.engine?.refused) {
      const key = { text: 'limited_words', image: 'limited_photo', like: 'limited_like', composed: question.photo ? 'limited_photo' : 'limited_composed' }[question.kind];
      return this.notice('waiting', { text: t(key, { why: t(`why_${state.why}`) }) });
    }
    if (this.held || question.kind === 'like' || (this.engine && this.trouble())) return this.notice('waiting', null);
    if (state?.paused) return this.notice('waiting', { text: t('paused_text'), action: t('resume'), run: () => this.resume() });
    const needsImage = question.kind !== 'text';
    if (needsImage && this.engine && state.image === 'waiting') this.engine.call('load', { what: ['image'] }).catch(() => {});
    if (!state?.total) return this.notice('waiting', { text: t('wait_start'), calm: true });
    this.notice('waiting', { text: t(needsImage ? 'wait_image' : 'wait_text', progress), calm: true });
  }

  // ---- sentences ------------------------------------------------------------------------------------------------

  sentence(error) {
    const details = error.details ?? {};
    if (['mismatch', 'network', 'status', 'page', 'version', 'crash', 'later'].includes(error.code)) return t(`error_${error.code}`, details);
    if (error.code === 'engine') return t('error_engine', { message: error.message });
    return error.message;
  }

  async retry(work) {
    this.notice('engine', null);
    await work();
  }

  /** One line above the results per subject; `null` takes it away. */
  notice(key, what) {
    const before = this.notices.get(key);
    if (!what) {
      before?.remove();
      this.notices.delete(key);
      return;
    }
    if (before && before.dataset.text === what.text) return;
    const button = (label, run) => el('button', { type: 'button', class: 'button small', on: { click: run } }, label);
    const node = el(
      'div',
      { class: 'notice', role: what.alert ? 'alert' : null, data: { notice: key, text: what.text, calm: String(Boolean(what.calm)) } },
      el('p', {}, what.text),
      what.retry ? button(t('retry'), () => (this.notice(key, null), what.retry())) : null,
      what.action ? button(what.action, what.run) : null,
      what.dismiss ? button(t('dismiss'), () => this.notice(key, null)) : null,
    );
    if (before) before.replaceWith(node);
    else this.part('notices').append(node);
    this.notices.set(key, node);
  }
}

running();
const app = new App(document.querySelector('[data-vitrine]'));
app.start();
