// What was asked in this tab: one step back, and a list to return to. A private photo is remembered for as long as
// the page is open and no longer; the rest of the list lasts as long as the tab. Nothing of it is kept on the device.
import { el, icon, modal } from './dom.js';
import { t } from './i18n.js';

const most = 24;
const key = 'vitrine trail';

export class Trail {
  /** `base` tells sites under one origin apart; `go(state)` asks again. */
  constructor(base, part, go) {
    this.name = `${key} ${new URL(base).pathname}`;
    this.part = part;
    this.go = go;
    this.steps = this.read();
    part('undo').append(icon('undo'));
    part('earlier').append(icon('earlier'));
    part('undo').addEventListener('click', () => history.back());
    part('earlier').addEventListener('click', () => this.open());
    for (const [name, words] of [['undo', 'undo'], ['earlier', 'earlier']]) {
      part(name).setAttribute('aria-label', t(words));
      part(name).title = t(words);
    }
    addEventListener('keydown', (event) => {
      const undo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'z';
      // In a text field the same keys take back letters.
      if (!undo || event.target.closest('input:not([type="range"]), textarea, dialog') || part('undo').hidden) return;
      event.preventDefault();
      history.back();
    });
  }

  read() {
    try {
      const steps = JSON.parse(sessionStorage.getItem(this.name)) ?? [];
      return Array.isArray(steps) ? steps.filter((step) => typeof step?.title === 'string' && step.state) : [];
    } catch {
      return []; // storage is refused, or holds something else
    }
  }

  /** `address` tells questions apart; `source` is the picture of what was asked with, or null. */
  add({ address, title, source, state, typing }) {
    const step = { address, title, source, state: { ...state, item: null }, typing };
    // What was being typed is one question, however often it was answered on the way.
    const same = (other, i) => other.address === address || (i === 0 && typing && other.typing);
    this.steps = [step, ...this.steps.filter((other, i) => !same(other, i))].slice(0, most);
    this.write();
  }

  write() {
    const kept = this.steps.filter(({ state }) => !state.photo).map((step) => ({ ...step, source: step.source?.startsWith('blob:') ? null : step.source }));
    try {
      sessionStorage.setItem(this.name, JSON.stringify(kept));
    } catch {
      // this tab then remembers only while the page is open
    }
  }

  /** `depth`: how many steps lie behind this one. */
  show(depth, address) {
    this.now = address;
    this.part('undo').hidden = !depth;
    this.part('earlier').hidden = !this.steps.some((step) => step.address !== address);
  }

  open() {
    const steps = this.steps.filter((step) => step.address !== this.now);
    const row = ({ title, source, state }) =>
      el(
        'li',
        {},
        el(
          'button',
          { type: 'button', class: 'trail-step', on: { click: () => (dialog.close(), this.go(state)) } },
          source ? el('img', { src: source, alt: '', width: 40, height: 50 }) : el('span', { class: 'trail-words' }, icon('search')),
          el('span', {}, title),
        ),
      );
    const forget = () => {
      this.steps = [];
      this.write();
      dialog.close();
      this.part('earlier').hidden = true;
    };
    const dialog = modal(
      'sheet trail-sheet',
      t('earlier'),
      t('close'),
      el('h2', { class: 'sheet-title' }, t('earlier')),
      el('p', { class: 'small faint' }, t('earlier_note')),
      el('ul', { class: 'trail' }, ...steps.map(row)),
      el('button', { type: 'button', class: 'link', on: { click: forget } }, t('earlier_forget')),
    );
  }
}
