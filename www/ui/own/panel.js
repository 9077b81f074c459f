// A visitor's own photos on the page: the dialog, and the switch between the shop's products and theirs.
import { el } from '../dom.js';
import { modal } from '../modal.js';
import { size, t } from '../i18n.js';
import { chosen } from '../own.js';
import { OwnPhotos } from './photos.js';
import { exactly } from '../../core/catalog.js';

const shownFailures = 8;
const quiet = 400; // ms without news from another tab before they show

/** What is said of a file that was left out, by the reason that the engine gives (src/error.rs). */
const sentences = {
  too_large: 'own_too_large',
  truncated: 'own_truncated',
  damaged: 'own_damaged',
  empty: 'own_empty',
};

const anyPhoto = 'image/' + '*'; // in two, as src/site/slim.rs takes the whole for a comment

export class Panel {
  /** `app`: what its catalog, engine and answers are asked of; `label`: the text of the button that opens it. */
  constructor(app, label) {
    this.app = app;
    this.label = label;
    this.photos = null;
    this.scope = 'shop'; // or 'both', 'own'
    this.host = el('div', { class: 'own-scope', hidden: true });
    app.part('heading').closest('.results-head').append(this.host);
    this.body = el('div', { class: 'privacy own' });
  }

  /** `start`: what the engine's worker was started with. */
  async attach(engine, start) {
    if (this.photos) return this.photos.attach(engine);
    this.photos = new OwnPhotos(this.app.catalog, start);
    this.photos.attach(engine);
    this.photos.addEventListener('change', (/** @type {any} */ { elsewhere }) =>
      elsewhere ? this.changedElsewhere() : this.changed(),
    );
    await this.photos.open();
    this.shown = this.photos.size;
    if (this.photos.size) this.choose('both', false);
    this.changed();
  }

  get count() {
    return this.photos?.size ?? 0;
  }

  // ---- what is searched ---------------------------------------------------------------------------------------

  /** What of the catalog is searched: `filter` is what was chosen, `free()` the same without the shop's filters. */
  async scoped(filter, free) {
    const first = this.app.catalog.manifest.count;
    const of = (passed, from, to) =>
      exactly(
        Array.from(passed?.rows ?? { length: to }, (row, i) => (passed ? row : i)).filter(
          (row) => row >= from && row < to,
        ),
      );
    if (!this.count || this.scope === 'both') return filter;
    if (this.scope === 'shop') return of(filter, 0, first);
    // The shop's filters say nothing of photos that only have a name.
    return of(await free(), first, first + this.count);
  }

  /** What is on the page when nothing is asked for, or null where it is the shop's own. */
  heading(n) {
    if (!this.count || this.scope === 'shop') return null;
    if (this.scope === 'own') return t('own_count', { n });
    return n === this.total
      ? `${t('all_products', { n: n - this.count })} · ${t('own_count', { n: this.count })}`
      : null;
  }

  get total() {
    return this.app.catalog.count + (this.scope === 'both' ? this.count : 0);
  }

  choose(scope, ask = true) {
    this.scope = scope;
    this.showScope();
    if (ask) this.app.run({});
  }

  showScope() {
    this.host.hidden = !this.count;
    if (!this.count) return this.host.replaceChildren();
    const focused = this.host.contains(document.activeElement);
    const choice = (scope) =>
      el(
        'label',
        { class: 'own-choice' },
        el('input', {
          type: 'radio',
          name: 'own-scope',
          value: scope,
          checked: scope === this.scope,
          on: { change: () => this.choose(scope) },
        }),
        el('span', {}, t(`own_scope_${scope}`)),
      );
    this.host.replaceChildren(
      el(
        'div',
        { class: 'own-choices', role: 'radiogroup', 'aria-label': t('own_scope') },
        choice('shop'),
        choice('both'),
        choice('own'),
      ),
    );
    if (focused) this.host.querySelector('input:checked').focus();
  }

  // ---- adding -------------------------------------------------------------------------------------------------

  /** What was dropped, once `list` has looked into its folders. */
  async take(list) {
    this.open();
    await this.add(await list());
  }

  async add(files) {
    this.nothing = !files.length;
    this.draw();
    if (files.length) await this.photos.add(files);
  }

  /** Another tab adds or clears: seen here once it is quiet, as results that move under the eye help nobody. */
  changedElsewhere() {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      this.anew = true;
      this.changed();
    }, quiet);
  }

  changed() {
    const { photos } = this;
    const { phase, done, total, failed, trouble } = photos;
    const share = total ? (done + failed.length) / total : 0;
    this.label.parentNode.dataset.busy = String(phase === 'working');
    this.label.textContent =
      phase === 'idle'
        ? photos.size
          ? t('own_button_n', { n: photos.size })
          : t('own_button')
        : t(phase === 'paused' ? 'own_button_paused' : 'own_button_busy', { percent: Math.floor(100 * share) });
    if ((this.anew || photos.size !== this.shown) && (phase === 'idle' || !this.shown)) {
      // The first photos show at once, the others when all are in: results that move under the eye help nobody.
      const first = !this.shown;
      this.shown = photos.size;
      this.anew = false;
      this.choose(!photos.size ? 'shop' : first ? 'both' : this.scope);
    }
    if (trouble) this.app.part('live').textContent = this.trouble();
    this.soon ??= setTimeout(() => ((this.soon = null), this.draw()), 120);
  }

  trouble() {
    const { trouble } = this.photos;
    return trouble.code === 'refused'
      ? t('limited_photo', { why: t(`why_${trouble.details.why ?? trouble.message}`) })
      : this.app.sentence(trouble);
  }

  // ---- the dialog ---------------------------------------------------------------------------------------------

  open() {
    if (this.dialog?.open) return;
    this.draw();
    this.dialog = modal('sheet privacy-sheet own-sheet', t('own_title'), t('close'), this.body);
    this.draw();
  }

  draw() {
    const focused = this.body.contains(document.activeElement) ? document.activeElement.id : null;
    this.body.replaceChildren(...this.about(), ...this.work(), ...this.failures(), ...this.kept());
    if (focused) (document.getElementById(focused) ?? this.body.querySelector('button'))?.focus();
  }

  press(name, run, { primary = false } = {}) {
    return el(
      'button',
      { type: 'button', id: `own-${name}`, class: primary ? 'button primary' : 'button', on: { click: run } },
      t(`own_${name}`),
    );
  }

  choosers() {
    const input = (properties) => {
      const node = el('input', {
        type: 'file',
        multiple: true,
        class: 'visually-hidden',
        tabindex: -1,
        'aria-hidden': 'true',
        on: { change: () => this.add(chosen(node.files)) },
        ...properties,
      });
      return node;
    };
    const [folder, files] = [
      input({ webkitdirectory: true, data: { own: 'folder' } }),
      input({ accept: anyPhoto, data: { own: 'files' } }),
    ];
    // Phones have no folders to choose from.
    const folders = 'webkitdirectory' in folder && !matchMedia('(pointer: coarse)').matches;
    return el(
      'p',
      { class: 'button-row' },
      folders ? this.press('choose_folder', () => folder.click(), { primary: true }) : null,
      this.press('choose_files', () => files.click(), { primary: !folders }),
      folder,
      files,
    );
  }

  about() {
    const { photos } = this;
    return [
      el('p', { class: 'privacy-count' }, photos.size ? t('own_count', { n: photos.size }) : t('own_title')),
      el('p', {}, t('own_text')),
      photos.outdated && !photos.size ? el('p', { class: 'faint' }, t('own_outdated')) : null,
      this.choosers(),
      this.nothing ? el('p', { role: 'alert' }, t('own_nothing')) : null,
      photos.trouble ? el('p', { role: 'alert' }, this.trouble()) : null,
    ].filter(Boolean);
  }

  work() {
    const { phase, done, total, failed, fresh, same } = this.photos;
    const through = done + failed.length;
    if (phase === 'idle')
      return total + same
        ? [
            el(
              'p',
              { class: 'faint', role: 'status', data: { fresh: String(fresh), same: String(same) } },
              t('own_done', { n: fresh, same }),
            ),
          ]
        : [];
    return [
      el('div', {
        class: 'own-progress',
        role: 'progressbar',
        'aria-valuemin': 0,
        'aria-valuemax': total,
        'aria-valuenow': through,
        'aria-label': t('own_working', { n: through, all: total }),
        css: { '--share': String(total ? through / total : 0) },
      }),
      el('p', {}, t(phase === 'paused' ? 'own_paused' : 'own_working', { n: through, all: total })),
      el(
        'p',
        { class: 'button-row' },
        phase === 'paused'
          ? this.press('resume', () => this.photos.resume())
          : this.press('pause', () => this.photos.pause()),
        this.press('cancel', () => this.photos.cancel()),
      ),
    ];
  }

  failures() {
    const { failed } = this.photos;
    if (!failed.length) return [];
    const why = ({ reason, bytes }) => t(sentences[reason] ?? 'own_unreadable', { size: size(bytes ?? 0) });
    const lines = failed
      .slice(0, shownFailures)
      .map((each) =>
        el(
          'li',
          { title: each.message ?? each.reason, data: { reason: each.reason } },
          el('span', { class: 'own-name' }, each.path),
          el('span', { class: 'faint' }, ` · ${why(each)}`),
        ),
      );
    const more = failed.length - lines.length;
    return [
      el('p', {}, t('own_failed', { n: failed.length })),
      el(
        'ul',
        { class: 'own-failures' },
        ...lines,
        more > 0 ? el('li', { class: 'faint' }, t('own_failed_more', { n: more })) : null,
      ),
    ];
  }

  kept() {
    const { photos } = this;
    if (!photos.size) return [];
    const line = photos.full
      ? t('own_full')
      : photos.inMemory
        ? t('own_in_memory')
        : t('own_kept', { size: size(photos.bytes) });
    const exportable = photos.phase === 'idle' && this.app.engine?.state.wasm === 'ready';
    return [
      el('h3', {}, t('storage')),
      el('p', { data: { kept: photos.full ? 'full' : photos.inMemory ? 'memory' : 'device' } }, line),
      el(
        'p',
        { class: 'button-row' },
        exportable ? this.press('export', () => this.save()) : null,
        exportable && globalThis.showDirectoryPicker ? this.press('export_folder', () => this.saveFolder()) : null,
        this.press('remove', () => this.remove()),
      ),
      el('p', { class: 'faint' }, this.saved ?? t('own_export_text')),
    ];
  }

  async save() {
    const name = 'own-photos';
    const link = el('a', { href: URL.createObjectURL(await this.photos.archive(name)), download: `${name}.zip` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.saved = t('own_exported', { name: `${name}.zip` });
    this.draw();
  }

  async saveFolder() {
    const folder = await globalThis.showDirectoryPicker({ mode: 'readwrite' }).catch(() => null);
    if (!folder) return;
    try {
      const photos = await folder.getDirectoryHandle('photos', { create: true });
      for (const [name, content] of await this.photos.files(folder.name)) {
        const inside = name.startsWith('photos/');
        const file = await (
          await (inside ? photos : folder).getFileHandle(name.replace('photos/', ''), { create: true })
        ).createWritable();
        await file.write(content);
        await file.close();
      }
      this.saved = t('own_exported', { name: folder.name });
    } catch (error) {
      this.saved = t('own_export_failed', { message: error.message });
    }
    this.draw();
  }

  async remove() {
    await this.photos.remove();
    this.saved = null;
    this.choose('shop');
    this.draw();
  }
}
