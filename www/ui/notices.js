// One line above the results per subject, and what went wrong in a visitor's words.
import { el } from './dom.js';
import { t } from './i18n.js';

const told = ['mismatch', 'network', 'status', 'page', 'version', 'crash', 'later'];

/** What went wrong, for a visitor. */
export function sentence(error) {
  if (told.includes(error.code)) return t(`error_${error.code}`, error.details ?? {});
  if (error.code === 'engine') return t('error_engine', { message: error.message });
  return error.message;
}

export class Notices {
  /** @type {Map<string, HTMLElement>} */
  shown = new Map();

  constructor(host) {
    this.host = host;
  }

  has(key) {
    return this.shown.has(key);
  }

  /** `what`: {text, retry?, action? and run?, dismiss?, alert?, calm?}; null takes the line away. */
  set(key, what) {
    const before = this.shown.get(key);
    if (!what) {
      before?.remove();
      this.shown.delete(key);
      return;
    }
    if (before && before.dataset.text === what.text) return;
    const node = this.line(key, what);
    if (before) before.replaceWith(node);
    else this.host.append(node);
    this.shown.set(key, node);
  }

  line(key, { text, retry, action, run, dismiss, alert, calm }) {
    const button = (label, click) => el('button', { type: 'button', class: 'button small', on: { click } }, label);
    return el(
      'div',
      { class: 'notice', role: alert ? 'alert' : null, data: { notice: key, text, calm: String(Boolean(calm)) } },
      el('p', {}, text),
      retry ? button(t('retry'), () => (this.set(key, null), retry())) : null,
      action ? button(action, run) : null,
      dismiss ? button(t('dismiss'), () => this.set(key, null)) : null,
    );
  }
}
