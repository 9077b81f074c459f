// What was asked in this tab: a list to return to; Back and Ctrl+Z go back a step. A private photo is remembered for as long as
// the page is open and no longer; the rest of the list lasts as long as the tab. Nothing of it is kept on the device.
import { icon } from './dom.js';
import { language, t } from './i18n.js';
import { learnPanels } from './language.js';
import { verified } from './verified.js';
import { addressOf, fromFragment, isOwn, rewritten, toFragment } from '../core/state.js';

const most = 24;
const key = 'vitrine trail';

export class Trail {
  /** `base` tells sites under one origin apart; `go(state)` asks again. */
  constructor(base, part, go) {
    this.name = `${key} ${new URL(base).pathname}`;
    this.part = part;
    this.go = go;
    this.steps = this.read();
    part('earlier').append(icon('earlier'));
    part('earlier').addEventListener('click', () => this.open().catch(() => {}));
    part('earlier').setAttribute('aria-label', t('earlier'));
    part('earlier').title = t('earlier');
    addEventListener('keydown', (event) => {
      const undo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'z';
      // In a text field the same keys take back letters.
      if (
        !undo ||
        /** @type {Element} */ (event.target).closest('input:not([type="range"]), textarea, dialog') ||
        !history.state?.depth
      )
        return;
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
    const begun = (other) => other.typing && (typing || state.words.startsWith(other.state.words.trim()));
    const same = (other, i) => other.address === address || (i === 0 && begun(other));
    this.steps = [step, ...this.steps.filter((other, i) => !same(other, i))].slice(0, most);
    this.write();
  }

  write() {
    const kept = this.steps
      .filter(({ state }) => !state.photo)
      .map((step) => ({ ...step, source: step.source?.startsWith('blob:') ? null : step.source }));
    try {
      sessionStorage.setItem(this.name, JSON.stringify(kept));
    } catch {
      // this tab then remembers only while the page is open
    }
  }

  show(address) {
    this.now = address;
    this.part('earlier').hidden = !this.steps.some((step) => step.address !== address);
  }

  async open() {
    await Promise.all([verified('ui/earlier'), learnPanels(language)]);
    const { showEarlier } = await import('./earlier.js');
    showEarlier(this);
  }
}

/** The address and the browser's own Back and Forward are the history of the search. */
export class History {
  typing = false; // whether the newest entry is still being typed
  /** @type {string | null} the address that was last shown */
  here = null;
  last = 0; // its depth

  constructor(onChange) {
    // Every entry of ours says its depth; one that says nothing is an address that somebody wrote or followed by hand.
    history.replaceState({ ...history.state, depth: this.depth }, '');
    this.seen();
    const moved = () => {
      if (location.href === this.here) return; // browsers tell of a changed fragment twice
      if (!history.state) history.replaceState({ depth: this.last + 1 }, '');
      this.typing = false;
      onChange(this.current());
    };
    addEventListener('popstate', () => ((this.here = null), moved()));
    addEventListener('hashchange', moved);
  }

  current() {
    const address = rewritten(location);
    if (address !== null) history.replaceState(history.state, '', address);
    this.seen();
    return fromFragment(location.hash, history.state);
  }

  /** How many steps of this visit lie behind the present one. */
  get depth() {
    return history.state?.depth ?? 0;
  }

  seen() {
    [this.here, this.last] = [location.href, this.depth];
  }

  /** `typing`: a run of key presses is one step back, not one a letter. */
  record(state, { typing = false, replace = false } = {}) {
    const address = addressOf(location, toFragment(state));
    const like = isOwn(state.like) ? state.like : null;
    const item = isOwn(state.item) ? state.item : null;
    const entry = {
      photo: state.photo,
      crop: state.photo || like ? state.crop : null,
      like,
      item,
      depth: this.depth + 1,
    };
    if (replace || (typing && this.typing)) history.replaceState({ ...entry, depth: this.depth }, '', address);
    else history.pushState(entry, '', address);
    this.typing = typing;
    this.seen();
  }
}
