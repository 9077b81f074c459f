// A visitor's own photos, as far as the page needs them before there are any: the button, and what is dropped. The rest
// is own/, which comes when it is first used, or when an earlier visit left photos.
import { el, icon } from './dom.js';
import { t } from './i18n.js';
import { verified } from './verified.js';
import { dropped } from './own/files.js';
import { hasOwn, ownPlace } from '../core/storage.js';

export class Own {
  /** @type {import('../core/engine.js').Engine | null} */
  engine = null;
  start = null; // what its worker was started with
  /** @type {BroadcastChannel | null} other tabs, which may add photos */
  others = null;
  /** @type {Promise<void> | null} */
  loading = null;

  /** `app`: what its catalog, engine and answers are asked of. */
  constructor(app) {
    this.app = app;
    this.panel = null;
    this.label = el('span', {}, t('own_button'));
    this.button = el('button', { type: 'button', class: 'status-pill own-button', 'aria-haspopup': 'dialog', hidden: true, on: { click: () => this.open() } }, icon('photo'), this.label);
    app.part('status').before(this.button);
  }

  /** `start`: what the engine's worker was started with. */
  async attach(engine, start) {
    Object.assign(this, { engine, start });
    this.button.hidden = false;
    // Where there are none yet, another tab may add some.
    this.others ??= globalThis.BroadcastChannel && new BroadcastChannel(ownPlace(this.app.base));
    if (this.others) this.others.onmessage = () => this.panel || this.use(() => {});
    if (this.panel) this.panel.attach(engine, start);
    else if (await hasOwn(this.app.base)) this.use(() => {});
  }

  load() {
    this.loading ??= (async () => {
      await Promise.all([verified('ui/own/'), verified('ui/privacy.css')]);
      const { Panel } = await import('./own/panel.js');
      this.panel = new Panel(this.app, this.label);
      this.panel.attach(this.engine, this.start);
    })();
    return this.loading;
  }

  /** What `work` does with the panel, once that is here. */
  async use(work) {
    try {
      await this.load();
      this.app.notice('own', null);
    } catch (error) {
      this.loading = null;
      return this.app.notice('own', { text: this.app.sentence(error), retry: () => this.use(work), alert: true });
    }
    work(this.panel);
  }

  open() {
    return this.use((panel) => panel.open());
  }

  /** Takes what was dropped if it is a collection; says whether it did. Asked while the event lasts. */
  drop(transfer) {
    const list = this.start && dropped(transfer);
    if (!list) return false;
    this.use((panel) => panel.take(list));
    return true;
  }

  // ---- what is searched ---------------------------------------------------------------------------------------

  /** What of the catalog is searched: see own/panel.js. */
  async scoped(filter, free) {
    return this.panel ? this.panel.scoped(filter, free) : filter;
  }

  /** What is on the page when nothing is asked for, or null where it is the shop's own. */
  heading(n) {
    return this.panel?.heading(n) ?? null;
  }

  get total() {
    return this.panel?.total ?? this.app.catalog.manifest.count;
  }
}
