// The search program's coming and going on the page: when it is fetched, what its state is called, what is done about
// trouble, and what is kept for the next visit.
import { begunEngine } from './ahead.js';
import { language, size, t } from './i18n.js';
import { sentence } from './notices.js';
import { renew } from './renew.js';
import { listed, verified } from './verified.js';
import { fetchManifest } from '../core/data.js';
import { Engine } from '../core/engine.js';
import { needs } from '../core/session.js';
import * as storage from '../core/storage.js';

/** Whether what this page cannot read or may not run belongs to a newer build, which is then loaded: at most once. */
export const renewed = async ({ code }) => ['version', 'mismatch', 'later'].includes(code) && renew();

const patience = 3000; // ms that what nobody waits for waits for the answer and its photos
const pause = () => new Promise((resolve) => setTimeout(resolve, patience));

async function kept() {
  await verified('core/kept');
  return import('../core/kept.js');
}

export class Launch {
  /** @type {Promise<void> | null} */
  starting = null;
  held = false; // the connection counts bytes, and the visitor has not been asked or has not agreed
  /** @type {Promise<void> | null} */
  calm = null; // until the answer that the visitor came for is drawn with its photos, or cannot be had
  judged = null; // the trouble that was last looked into: {text, moved}
  modelText = '';

  constructor(app) {
    this.app = app;
    this.url = new URLSearchParams(location.search); // `build`, for tests, and `backend`, where a visitor insists
    addEventListener('online', () => this.connected());
    addEventListener('offline', () => this.status());
  }

  /** Once: beside the products or after them. */
  start() {
    this.starting ??= this.begin();
    return this.starting;
  }

  async begin() {
    const { app } = this;
    const engine = this.engine(); // its thread comes up meanwhile
    try {
      const { manifest, text } = await fetchManifest(
        new URL('model.json', new URL(app.site.model, app.base)).href,
        'vitrine-model',
      );
      [app.model, this.modelText] = [manifest, text];
      if (manifest.note) app.notice('model', { text: manifest.note, dismiss: true });
      this.held = await storage.mustAsk(app.store, app.site, manifest);
      app.use(engine);
      if (engine.refused) this.changed();
      const args = this.args(manifest, text);
      app.here.then(() => app.own.attach(engine, args)); // they stand behind the catalog's rows
      const started = engine.start({ ...args, later: true });
      this.calm = started.catch(() => {}).then(() => this.quiet());
      const rested = started.then(() => this.calm).then(() => this.rest(engine));
      rested.catch(() => {}); // told through the state
    } catch (error) {
      app.results.grid.release();
      engine.end('failed', error.message);
      if (await renewed(error)) return;
      this.starting = null;
      app.notice('engine', {
        text: sentence(error),
        retry: () => (app.notice('engine', null), this.start()),
        alert: true,
      });
    }
  }

  /** Nothing else uses the line until the best answer for now is drawn, and then its photos come. */
  async quiet() {
    const { app } = this;
    const { grid } = app.results;
    await Promise.race([app.settled(), pause()]);
    grid.release();
    await Promise.race([grid.photos(), pause()]);
  }

  /** The encoders, unless the visitor's connection counts bytes: that of texts answers better than the instant tier. */
  async rest(engine) {
    if (this.held) return;
    engine.allow();
    await engine.call('load', { what: ['text'] });
    this.idle();
  }

  args(model, text) {
    const { base, site, catalog } = this.app;
    const [build, backend] = ['build', 'backend'].map((name) => this.url.get(name));
    return {
      base,
      language,
      build,
      backend,
      site,
      model,
      catalog: catalog.manifest,
      texts: { model: text, catalog: catalog.text },
      hold: this.held,
    };
  }

  engine() {
    const { requests } = this.app;
    const engine = begunEngine() ?? new Engine(this.app.base, listed());
    engine.addEventListener('state', () => this.app.engine === engine && this.changed());
    engine.addEventListener('requests', (/** @type {any} */ { data }) => requests.add(data.urls));
    engine.addEventListener('blocked', (/** @type {any} */ { data }) => requests.stopped.push(data.url));
    return engine;
  }

  /** The visitor, on a connection that counts bytes, wants the search. */
  release() {
    storage.agree(this.app.base);
    this.app.notice('consent', null);
    this.resume();
  }

  /** The image encoder comes when nothing else is going on, unless the visitor's connection counts bytes. */
  idle() {
    if (this.held || storage.metered()) return;
    storage.persist().catch(() => {});
    const later = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 1500));
    const load = () => this.app.engine.call('load', { what: ['image'] });
    later(() =>
      load()
        .then(() => this.keepAll())
        .catch(() => {}),
    );
  }

  /** Where the photos are not many, all of them are kept, so that the page is whole in a tunnel too. */
  async keepAll() {
    const { base, catalog } = this.app;
    if (!storage.controller(base) || storage.metered()) return;
    const { isModest, keepPhotos } = await kept();
    if (isModest(catalog.manifest.count)) await keepPhotos(base, catalog.photos(), undefined, { workers: 2 });
  }

  /** Has a service worker keep the page, and lets go of what older catalogs left. */
  async serve() {
    const { app } = this;
    // The shell in use may be an older one that the service worker kept: what the site holds now is asked for past it.
    const asked = fetch(new URL('site.json?fresh', app.base), { cache: 'no-store' });
    const fresh = await asked.then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    const onUpdate = (run) =>
      app.notice('update', { text: t('update_ready'), action: t('update_now'), run, dismiss: true });
    const mayReload = () => Boolean(app.site.isolate) && app.kind === 'browse' && scrollY < 40;
    const builds = { version: (fresh ?? app.site).version, shown: app.site.version, language };
    const { prune, serve } = await kept();
    await serve(app.base, builds, { seen: () => this.seen(), onUpdate, mayReload }).catch(() => {});
    // Which photos a clustered catalog has, this page never knows in full.
    const photos = app.catalog.manifest.cells ? { has: () => true } : new Set(app.catalog.photos());
    const hashes = new Set(this.files().map(({ sha256 }) => sha256));
    await prune(app.base, hashes, photos).catch(() => {});
  }

  /** Addresses that this visit fetched and that are kept as they were seen. */
  seen() {
    const { base, catalog, site } = this.app;
    const fetched = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('resource'));
    const images = fetched.filter(({ initiatorType }) => initiatorType === 'img');
    return [
      new URL('catalog.json', catalog.base).href,
      new URL('model.json', new URL(site.model, base)).href,
      ...images.map(({ name }) => name),
    ];
  }

  /** Every file that this site's manifests name. */
  files() {
    const { catalog, model, site } = this.app;
    const { shards, neighbours, cells = {} } = catalog.manifest;
    const near = [neighbours, ...shards.map((shard) => shard.neighbours)].filter((file) => file?.sha256);
    return [
      ...shards,
      ...shards.map(({ items }) => items),
      ...near,
      ...Object.values(cells),
      ...(model?.parts ?? []),
      ...(model?.instant ? [model.instant] : []),
      ...site.wasm,
      ...(site.glossaries ?? []),
    ];
  }

  // ---- its state ------------------------------------------------------------------------------------------------

  /** A part that nobody needed yet may be missing without a word. */
  trouble() {
    const { error } = this.app.engine.state;
    if (error && /instant/.test(error.stage)) return null; // the text encoder answers in its place
    return error && (['image', 'composed'].includes(this.app.query?.kind) || !/image/.test(error.stage)) ? error : null;
  }

  changed() {
    const { app } = this;
    const { state } = app.engine;
    if (state.why === 'changed' || state.error?.code === 'later') renew();
    const can = Object.keys(needs)
      .filter((kind) => app.engine.can(kind))
      .join(' ');
    const { name = '', why } = state.backend ?? {};
    Object.assign(app.root.dataset, {
      engine: state.wasm,
      build: state.build ?? '',
      backend: name,
      backendWhy: why ?? '',
      can,
    });
    const error = this.trouble();
    if (error) this.report(error);
    else app.notice('engine', null);
    this.status();
    this.consent();
    app.better();
  }

  /** On a connection that counts bytes, the visitor is asked before megabytes come. With the instant tier words are
   * answered without them, and only who searches with a photo is asked. */
  consent() {
    const { engine, model, query } = this.app;
    const small = Boolean(model?.instant) && engine?.state.instant !== 'failed';
    const needed = this.held && (!small || ['image', 'composed'].includes(query?.kind));
    const total = small ? model.parts.reduce((sum, part) => sum + part.bytes, 0) : engine?.state.total;
    const ask = needed &&
      total && {
        text: t(small ? 'held_photo' : 'held_text', { size: size(total) }),
        action: t('held_get'),
        run: () => this.release(),
        dismiss: true,
        calm: true,
      };
    this.app.notice('consent', ask || null);
  }

  report(error) {
    const text = sentence(error);
    if (this.judged?.text === text && this.judged.moved) return;
    this.app.notice('engine', { text, retry: () => this.resume(), alert: true });
    if (['status', 'page', 'mismatch'].includes(error.code) && this.judged?.text !== text) this.checkMoved(text);
  }

  /** Files that are gone or others are what a tab meets that was open while the site was replaced: no retry helps then. */
  async checkMoved(text) {
    const { base, catalog: shown, site } = this.app;
    this.judged = { text, moved: false };
    const now = (file, folder) => fetchManifest(new URL(file, folder).href).then((fetched) => fetched.text);
    const texts = [now('catalog.json', shown.base), now('model.json', new URL(site.model, base))];
    const [catalog, model] = await Promise.all(texts).catch(() => []);
    if (!catalog || this.judged?.text !== text || (catalog === shown.text && model === this.modelText)) return;
    this.judged.moved = true;
    this.app.notice('engine', {
      text: t('error_moved'),
      action: t('update_now'),
      run: () => location.reload(),
      alert: true,
    });
  }

  resume() {
    const { engine, state } = this.app;
    this.judged = null;
    this.held = false;
    engine.allow();
    const what = ['wasm', 'words', 'text', 'shards'];
    if (engine.state.image !== 'waiting' || state.photo) what.push('image');
    engine.call('load', { what }).then(
      () => this.idle(),
      () => {},
    );
  }

  connected() {
    this.status();
    // A connection that comes back takes a broken download up again; verified parts are not fetched twice.
    if (this.app.engine?.state.error?.code === 'network') this.resume();
  }

  status() {
    const { engine, part, composer } = this.app;
    if (!engine) return;
    const { wasm, text, image, shards, received, total } = engine.state;
    const loading = [wasm, text, image, shards].includes('loading');
    const share = total ? received / total : 0;
    const [key, mood] = this.mood(engine, loading);
    part('status').dataset.mood = mood;
    part('status-text').textContent = t(key, { percent: Math.floor(share * 100) });
    composer.progress(loading && share < 1 ? share : null);
  }

  mood(engine, loading) {
    const { paused, received, total } = engine.state;
    if (engine.refused) return ['status_limited', 'limited'];
    if (this.held && !engine.can('text')) return ['status_held', 'limited'];
    if (this.trouble()) return ['status_trouble', 'trouble'];
    if (paused) return ['status_paused', 'limited'];
    if (loading && received === total) return ['status_starting', 'loading'];
    if (loading) return [engine.can('text') ? 'status_photos' : 'status_loading', 'loading'];
    return [navigator.onLine === false ? 'status_offline' : 'status_ready', 'ready'];
  }
}
