// A visitor's own photos, as far as the page needs them before there are any: the button, and what is dropped. The rest
// is own/, which comes when it is first used, or when an earlier visit left photos.
import { el, icon } from './dom.js';
import { language, t } from './i18n.js';
import { learnPanels } from './language.js';
import { verified } from './verified.js';
import { hasOwn, ownPlace } from '../core/storage.js';

// ---- what was dropped or chosen → photo files with their paths; nothing is read here but names and sizes ------------

const photo = /\.(jpe?g|png|webp|avif|gif|heic|heif|bmp)$/i;

const isPhoto = (file, path) => photo.test(path) || file.type.startsWith('image/');
const hidden = (path) => path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');

/** Same path, size and time: the same file as last time. */
export const identity = ({ path, file }) => `${path}\n${file.size}\n${file.lastModified}`;

export const chosen = (files) =>
  [...files]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .filter(({ file, path }) => isPhoto(file, path) && !hidden(path));

/**
 * What was dropped, if it is for a collection rather than for one question: a folder, or several photos. Must be asked
 * while the event lasts; what it returns lists the files afterwards.
 */
function dropped(transfer) {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some(({ isDirectory }) => isDirectory)) return several(transfer);
  return async () =>
    (await Promise.all(entries.map(walk))).flat().filter(({ file, path }) => isPhoto(file, path) && !hidden(path));
}

function several(transfer) {
  const files = chosen(transfer?.files ?? []); // the list is empty once the event is over
  return files.length > 1 ? async () => files : null;
}

async function walk(entry) {
  const path = entry.fullPath.replace(/^\//, '');
  if (hidden(path)) return [];
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path }];
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break; // a folder is told in pieces
    inside.push(...some);
  }
  const found = [];
  for (const each of inside) found.push(...(await walk(each)));
  return found;
}

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
    this.button = el(
      'button',
      {
        type: 'button',
        class: 'status-pill own-button',
        'aria-haspopup': 'dialog',
        hidden: true,
        on: { click: () => this.open() },
      },
      icon('photo'),
      this.label,
    );
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
      await Promise.all([verified('ui/own/'), learnPanels(language)]);
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
    return this.panel?.total ?? this.app.catalog.count;
  }
}
