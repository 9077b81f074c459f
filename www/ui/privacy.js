// The promise and its proof: what was requested from where, where the search ran, what the device keeps.
import { el } from './dom.js';
import { modal } from './modal.js';
import { decimal, size, t } from './i18n.js';
import { Attention } from './attention.js';
import { keepPhotos, used } from '../core/kept.js';
import * as storage from '../core/storage.js';

const partNames = ['wasm', 'instant', 'tokenizer', 'text', 'fusion', 'image', 'shards', 'gpu'];

export class Privacy {
  constructor(app) {
    this.app = app;
    this.body = el('div', { class: 'privacy' });
    this.weighed = el('div'); // what the last query weighed
    this.attention = new Attention(this.weighed);
    this.dialog = null;
  }

  open() {
    this.body.replaceChildren();
    this.draw();
    const { answered, model } = this.app;
    this.attention.show(answered?.response.attention, answered?.reference?.source, model?.preprocess?.fit);
    this.dialog = modal('sheet privacy-sheet', t('privacy_title'), t('close'), this.body, this.weighed);
    this.timer = setInterval(() => this.draw(), 500);
    this.dialog.addEventListener('close', () => clearInterval(this.timer));
  }

  draw() {
    const focused = this.body.contains(document.activeElement) ? document.activeElement.id : null;
    this.body.replaceChildren(...this.proof(), ...this.place(), ...this.parts(), ...this.kept(), ...this.about());
    if (focused) document.getElementById(focused)?.focus();
  }

  proof() {
    const { requests } = this.app;
    return [
      el(
        'p',
        { class: 'privacy-count', data: { away: String(requests.away.length) } },
        t('privacy_requests', { n: requests.away.length }),
      ),
      el(
        'p',
        {},
        t('privacy_same', { n: requests.same, host: location.host }),
        requests.blocked ? ` ${t('privacy_blocked', { n: requests.blocked })}` : '',
      ),
      el('p', { class: 'faint' }, t('privacy_text')),
    ];
  }

  place() {
    const { engine, ms } = this.app;
    const where = engine?.refused
      ? t(`why_${engine.state.why}`)
      : engine?.state.wasm === 'ready'
        ? this.backend(engine.state)
        : t('backend_none');
    const steps = Object.entries(ms ?? {}).filter(
      ([name, value]) =>
        value >= 0.05 && ['decode', 'image', 'text', 'fusion', 'device', 'search', 'total'].includes(name),
    );
    return [
      el('h3', {}, t('privacy_where')),
      el('p', {}, where),
      steps.length
        ? el(
            'dl',
            { class: 'figures' },
            ...steps.flatMap(([name, value]) => [
              el('dt', {}, t(`timing_${name}`)),
              el('dd', {}, t('timing', { ms: decimal(value, value < 10 ? 1 : 0) })),
            ]),
          )
        : null,
    ].filter(Boolean);
  }

  /** Which engine answers, and why not the other one. */
  backend({ backend }) {
    if (backend?.name === 'gpu')
      return `${t('backend_gpu', { adapter: backend.adapter })} ${t(`gpu_why_${backend.why ?? 'faster'}`)}`;
    return `${t('backend_cpu')} ${t(`gpu_why_${backend?.why ?? 'undecided'}`, { adapter: backend?.adapter ?? 'WebGPU' })}`;
  }

  parts() {
    const { engine } = this.app;
    const known = engine?.state.parts ?? [];
    if (!known.length) return [];
    const rows = partNames.flatMap((name) => {
      const part = known.find((candidate) => candidate.name === name);
      if (!part) return [];
      const here = part.wanted || part.state === 'ready';
      const state = part.state === 'failed' ? t('part_failed') : here ? null : t('part_waiting');
      const share = part.bytes ? part.received / part.bytes : 1;
      return [
        el('dt', {}, t(`part_${name}`)),
        el(
          'dd',
          {},
          el('span', { class: 'meter', 'aria-hidden': 'true', css: { '--share': `${share * 100}%` } }),
          state ? `${size(part.bytes)} · ${state}` : size(part.bytes),
        ),
      ];
    });
    const loading = Object.values(engine.state).includes('loading');
    const button = engine.state.paused
      ? el(
          'button',
          { type: 'button', id: 'privacy-pause', class: 'button', on: { click: () => this.app.resume() } },
          t('resume'),
        )
      : loading
        ? el(
            'button',
            { type: 'button', id: 'privacy-pause', class: 'button', on: { click: () => engine.call('pause') } },
            t('pause'),
          )
        : null;
    return [el('h3', {}, t('parts')), el('dl', { class: 'figures' }, ...rows), button].filter(Boolean);
  }

  kept() {
    if (this.used === undefined) this.measure();
    const { used } = this;
    const line =
      used === null
        ? t('storage_unavailable')
        : used
          ? t('storage_used', { size: size(used) })
          : used === 0
            ? t('storage_none')
            : '…';
    return [
      el('h3', {}, t('storage')),
      el('p', { data: { used: String(used ?? '') } }, line),
      this.app.engine?.state.full ? el('p', { class: 'faint' }, t('storage_full')) : null,
      used
        ? el(
            'p',
            { class: 'button-row' },
            this.installButton(),
            this.keepButton(),
            el(
              'button',
              { type: 'button', id: 'privacy-remove', class: 'button', on: { click: () => this.remove() } },
              t('storage_remove'),
            ),
          )
        : null,
    ].filter(Boolean);
  }

  installButton() {
    const { requests } = this.app;
    if (!requests.install) return null;
    const run = () => {
      requests.install.prompt();
      requests.install = null;
      this.draw();
    };
    return el(
      'button',
      { type: 'button', id: 'privacy-install', class: 'button', on: { click: run } },
      t('storage_install'),
    );
  }

  keepButton() {
    // Of a clustered catalog only what was looked at is ever here.
    if (this.app.catalog.manifest.cells || this.app.catalog.packs) return null;
    const { keeping } = this;
    const label =
      keeping === undefined
        ? t('storage_keep')
        : keeping < this.app.catalog.manifest.count
          ? t('storage_keeping', { n: keeping, all: this.app.catalog.manifest.count })
          : t('storage_kept');
    return el(
      'button',
      {
        type: 'button',
        id: 'privacy-keep',
        class: 'button',
        disabled: keeping !== undefined,
        on: { click: () => this.keep() },
      },
      label,
    );
  }

  async keep() {
    const { catalog, base } = this.app;
    await storage.persist({ asked: true }).catch(() => {});
    await keepPhotos(base, catalog.photos(), (n) => (this.keeping = n)).catch(() => (this.keeping = undefined));
    this.measure();
  }

  async measure() {
    this.used = await used(this.app.base).catch(() => null);
    if (this.dialog?.open) this.draw();
  }

  async remove() {
    await this.app.engine?.call('forget').catch(() => null);
    await storage.remove(this.app.base);
    this.keeping = undefined;
    await this.measure();
  }

  about() {
    const { catalog, model } = this.app;
    return [
      catalog ? el('h3', {}, t('catalog')) : null,
      catalog ? el('p', {}, t('catalog_line', { n: catalog.count, title: catalog.manifest.title ?? '' })) : null,
      model ? el('h3', {}, t('model')) : null,
      model
        ? el(
            'p',
            {},
            `${model.name} · ${model.fingerprint.slice(0, 12)}`,
            model.note ? el('span', { class: 'faint' }, ` · ${model.note}`) : null,
            model.clip ? el('span', { class: 'faint' }, ` · ${t('joined_mean')}`) : null,
          )
        : null,
    ].filter(Boolean);
  }
}
