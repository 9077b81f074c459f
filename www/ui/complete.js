// The list under the bar while somebody types: words that the catalog knows, products, a typo put right, and in an empty
// bar what was searched for earlier. A combobox with a list, by the pattern of WAI-ARIA.
import { el, icon } from './dom.js';
import { t } from './i18n.js';
import { swatch } from './facets.js';
import { fromFragment } from '../core/state.js';

const ways = 5; // completions, and
const products = 3; // products that are offered at most
const earlier = 5;

/** The product that a card's link opens, if it is one of this page's. */
function itemOf(link) {
  const own = link.startsWith(location.href.split(/[?#]/)[0]);
  return own ? fromFragment(new URL(link).hash) : { item: null };
}

/** The text with what was typed plain and what is added strong. */
function marked(text, typed) {
  const at = text.toLowerCase().startsWith(typed.toLowerCase()) ? typed.length : 0;
  return el('span', { class: 'complete-text' }, text.slice(0, at), el('b', {}, text.slice(at)));
}

export class Complete {
  options = []; // {node, run}
  at = -1; // the one that Enter takes
  asked = 0; // tells the newest question from older ones, whose answers come late

  constructor(app) {
    this.app = app;
    this.input = app.part('words');
    this.list = el('ul', {
      class: 'complete',
      id: 'complete',
      role: 'listbox',
      'aria-label': t('complete'),
      hidden: true,
    });
    app.part('composer').append(this.list);
    for (const [name, value] of Object.entries({
      role: 'combobox',
      'aria-autocomplete': 'list',
      'aria-controls': 'complete',
      'aria-expanded': 'false',
    }))
      this.input.setAttribute(name, value);
    this.listen();
    this.listenForCards();
    if (document.activeElement === this.input) this.offer();
  }

  listen() {
    const { input, app } = this;
    input.addEventListener('input', () => this.offer());
    input.addEventListener('focus', () => input.value.trim() || this.offer());
    input.addEventListener('click', () => input.value.trim() || this.offer());
    input.addEventListener('blur', () => this.close());
    app.part('composer').addEventListener('submit', () => this.close());
    // before the bar's own keys
    app.part('composer').addEventListener('keydown', (event) => event.target === input && this.key(event), true);
    // the field keeps the focus while an option is pressed
    this.list.addEventListener('pointerdown', (event) => event.preventDefault());
  }

  /** A card that is dragged into the bar is searched with. */
  listenForCards() {
    const bar = this.app.part('composer');
    const carriesLink = (event) => [...(event.dataTransfer?.types ?? [])].includes('text/uri-list');
    bar.addEventListener('dragover', (event) => carriesLink(event) && event.preventDefault());
    bar.addEventListener('drop', (event) => {
      if (!carriesLink(event)) return;
      event.preventDefault();
      const { item } = itemOf(event.dataTransfer.getData('text/uri-list'));
      if (item) this.app.act.like(item);
    });
  }

  async offer() {
    const text = this.input.value;
    const asked = ++this.asked;
    const found = text.trim() ? await this.found(text) : null;
    if (asked !== this.asked || document.activeElement !== this.input) return;
    this.show(text.trim() ? this.completions(text, found) : this.earlier());
  }

  /** What the worker can complete, or null before it can. */
  async found(text) {
    const { engine, catalog } = this.app;
    if (!engine?.named || catalog.manifest.cells) return null;
    return engine.call('complete', { text, words: ways, rows: products }).catch(() => null);
  }

  completions(typed, found) {
    if (!found) return [];
    const { act, catalog } = this.app;
    const words = found.words.map(({ text, attribute, count }) => ({
      content: [
        /colou?r/i.test(attribute ?? '') ? swatch(text.split(' ').at(-1)) : icon('search'),
        marked(text, typed),
        count ? el('span', { class: 'complete-count' }, String(count)) : null,
      ],
      run: () => this.take(text),
    }));
    const instead = found.instead && {
      content: [icon('search'), el('span', { class: 'complete-text' }, t('instead', { words: found.instead }))],
      run: () => this.take(found.instead),
    };
    const rows = found.rows.map((row) => {
      const item = catalog.items[row];
      const photo = el('img', { alt: '', width: 32, height: 40 });
      catalog.draw(photo, item);
      return { content: [photo, el('span', { class: 'complete-text' }, item.title)], run: () => act.open(item.id) };
    });
    return [...(instead ? [instead] : []), ...words, ...rows];
  }

  /** Words that are searched for in place of what was typed. */
  take(text) {
    this.app.composer.settle();
    this.input.value = text;
    this.app.act.words(text, { submit: true });
  }

  earlier() {
    const { trail } = this.app.results;
    return trail.steps.slice(0, earlier).map(({ title, state }) => ({
      content: [icon('earlier'), el('span', { class: 'complete-text' }, title)],
      run: () => this.app.change(state),
    }));
  }

  show(offers) {
    this.at = -1;
    this.input.removeAttribute('aria-activedescendant');
    this.options = offers.map(({ content, run }, i) => {
      const take = () => (this.close(), run());
      return { node: el('li', { role: 'option', id: `complete-${i}`, on: { click: take } }, ...content), take };
    });
    this.list.replaceChildren(...this.options.map(({ node }) => node));
    this.list.hidden = !offers.length;
    this.input.setAttribute('aria-expanded', String(offers.length > 0));
  }

  close() {
    this.asked++;
    if (!this.list.hidden) this.show([]);
  }

  key(event) {
    if (this.list.hidden || event.isComposing) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === 'Escape') this.close();
    else if (event.key in steps) this.move(this.at + steps[event.key]);
    else if (event.key === 'Enter' && this.at >= 0) this.options[this.at].take();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Beyond the first and the last option is the field itself. */
  move(to) {
    const { options, input } = this;
    options[this.at]?.node.removeAttribute('aria-selected');
    this.at = to >= options.length ? -1 : to < -1 ? options.length - 1 : to;
    const chosen = options[this.at]?.node;
    chosen?.setAttribute('aria-selected', 'true');
    chosen?.scrollIntoView({ block: 'nearest' });
    if (chosen) input.setAttribute('aria-activedescendant', chosen.id);
    else input.removeAttribute('aria-activedescendant');
  }
}
