// The element's shadow tree: made once, then told what to show. What visitors do goes out through `act`.
import { marked } from '../ui/answer.js';
import { changeWords } from '../ui/composer.js';
import { el, icon, safeColour, safeLink } from '../ui/dom.js';
import { facetName } from '../ui/facets.js';
import { CardGrid, frameOf } from '../ui/grid.js';
import { held } from '../core/names.js';
import { style } from './style.js';

let sheet = null;

function shared() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
  }
  return sheet;
}

const press = (part, label, content, click) =>
  el(
    'button',
    {
      type: 'button',
      class: part,
      part: `button ${part.split(' ').at(-1)}`,
      'aria-label': label,
      title: label,
      on: { click },
    },
    content,
  );

/** A photo of another origin is fetched with CORS, which the site's own policy on resources lets through. */
const sameOrigin = (url) => new URL(url, document.baseURI).origin === location.origin || /^(blob|data):/.test(url);

const picture = (source, properties) =>
  el('img', { crossorigin: sameOrigin(source) ? null : 'anonymous', decoding: 'async', ...properties, src: source });

/** The photo of a hit, out of a pack where it has no file of its own. */
function photoOf(hit, act, properties) {
  if (hit.photo) return picture(hit.photo, properties);
  const image = el('img', { decoding: 'async', ...properties });
  act.draw(image, hit);
  return image;
}

export class View {
  /** `host`: the element, whose light tree holds what a shop placed in it; `t` says things in its language. */
  constructor(host, root, act, t) {
    this.host = host;
    this.act = act;
    this.t = t;
    root.adoptedStyleSheets = [shared()];
    this.build(root);
    this.listen();
  }

  build(root) {
    const { act } = this;
    this.input = el('input', {
      type: 'text',
      part: 'input',
      inputmode: 'search',
      enterkeyhint: 'search',
      maxlength: 300,
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      'aria-label': this.t('words_label'),
    });
    this.file = el('input', { type: 'file', class: 'file', accept: 'image/*', tabindex: -1, 'aria-hidden': 'true' });
    this.asked = el('span', { class: 'asked', part: 'asked', hidden: true });
    this.clear = press('round clear', this.t('clear'), icon('close'), () => act.clear());
    this.photo = press('round photo-button', this.t('add_photo'), icon('photo'), () => this.file.click());
    this.bar = el('span', { class: 'progress', 'aria-hidden': 'true' });
    this.form = el(
      'form',
      { class: 'bar', part: 'bar', role: 'search' },
      icon('search'),
      this.asked,
      this.input,
      this.clear,
      this.photo,
      this.file,
      this.bar,
    );
    this.suggestions = el('div', { class: 'row', part: 'suggestions', hidden: true });
    this.filters = el('div', {
      class: 'row',
      part: 'filters',
      role: 'group',
      'aria-label': this.t('filters'),
      hidden: true,
    });
    this.status = el('div', { class: 'status', part: 'status', role: 'status', 'aria-live': 'polite' });
    this.list = el('ul', { class: 'grid', part: 'grid' });
    this.grid = new Cards(this.list, this);
    this.empty = el(
      'div',
      { class: 'empty', part: 'empty', hidden: true },
      el('slot', { name: 'empty' }, this.t('nothing_words')),
    );
    this.more = el(
      'button',
      { type: 'button', class: 'more', part: 'button more', on: { click: () => act.more() } },
      this.t('show_more'),
    );
    this.said = el('p', { class: 'said', part: 'said' });
    this.below = el('div', { class: 'end', part: 'end', hidden: true }, this.said, this.more);
    root.append(
      el('slot', { name: 'header' }),
      this.form,
      this.suggestions,
      this.filters,
      this.status,
      this.list,
      this.empty,
      this.below,
      el('slot', { name: 'footer' }),
    );
  }

  listen() {
    const { act, input, file, host } = this;
    this.form.addEventListener('submit', (event) => (event.preventDefault(), act.words(input.value, true)));
    input.addEventListener('input', () => (act.words(input.value, false), this.toggleClear()));
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Backspace' && !input.value && !this.asked.hidden) act.withoutReference();
      if (event.key === 'Escape' && (input.value || !this.asked.hidden)) (event.preventDefault(), act.clear());
      if (event.key === 'ArrowDown' && this.grid.laid.length) (event.preventDefault(), this.grid.focus(0));
    });
    file.addEventListener('change', () => {
      if (file.files[0]) act.image(file.files[0]);
      file.value = ''; // the same photo may be chosen again
    });
    const image = (data) => [...(data?.files ?? [])].find(({ type }) => type.startsWith('image/'));
    input.addEventListener(
      'paste',
      (event) => image(event.clipboardData) && (event.preventDefault(), act.image(image(event.clipboardData))),
    );
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
    const veil = (on) => this.form.classList.toggle('veiled', on);
    host.addEventListener('dragover', (event) => carries(event) && (event.preventDefault(), veil(true)));
    host.addEventListener('dragleave', () => veil(false));
    host.addEventListener('drop', (event) => {
      veil(false);
      if (!carries(event)) return;
      event.preventDefault();
      event.stopPropagation();
      if (image(event.dataTransfer)) act.image(image(event.dataTransfer));
    });
  }

  // ---- the question -------------------------------------------------------------------------------------------

  /** `reference`: {source, title} of the product or photo asked with, or null; `example`: words to try. */
  question({ words }, reference, example) {
    if (this.input.value.trim() !== words.trim()) this.input.value = words;
    this.input.placeholder = reference
      ? this.t('words_placeholder_like')
      : example
        ? this.t('words_placeholder', { example })
        : this.t('words_placeholder_plain');
    this.asked.hidden = !reference;
    this.asked.replaceChildren(
      ...(reference
        ? [
            photoOf(reference.hit ?? { photo: reference.source }, this.act, { alt: '', width: 30, height: 36 }),
            el('span', {}, reference.title),
            press('round remove', this.t('remove_from_query', { what: reference.title }), icon('close'), () =>
              this.act.withoutReference(),
            ),
          ]
        : []),
    );
    this.toggleClear();
  }

  toggleClear() {
    this.clear.hidden = !this.input.value && this.asked.hidden;
  }

  suggest(lead, changes, run) {
    const chip = (words) =>
      el(
        'button',
        { type: 'button', class: 'chip', part: 'button suggestion', on: { click: () => run(words) } },
        words,
      );
    this.suggestions.hidden = !changes.length;
    this.suggestions.replaceChildren(
      el('span', { class: 'lead' }, lead),
      ...changes.map((change) => chip(typeof change === 'string' ? change : changeWords(change))),
    );
  }

  /** One menu a facet, with the catalog's own counts. */
  choose(facets, filter) {
    this.filters.hidden = !facets.length;
    const menu = ({ name, values }) => {
      const chosen = [held(filter, name) ?? []].flat()[0] ?? '';
      const option = (value, text) => el('option', { value, selected: value === chosen }, text);
      return el(
        'select',
        {
          class: 'filter',
          part: 'filter',
          'aria-label': facetName(name),
          data: { on: String(Boolean(chosen)), facet: name },
          on: { change: (event) => this.act.filter(name, event.target.value) },
        },
        option('', facetName(name)),
        ...values.map(({ value, count }) => option(value, `${value} (${count})`)),
      );
    };
    const focused = this.filters.getRootNode().activeElement?.dataset?.facet;
    this.filters.replaceChildren(...facets.map(menu));
    if (focused) [...this.filters.children].find(({ dataset }) => dataset.facet === focused)?.focus();
  }

  // ---- the answer ---------------------------------------------------------------------------------------------

  say(text, { alert = false, retry = null } = {}) {
    this.status.dataset.mood = alert ? 'alert' : 'calm';
    const again =
      retry &&
      el('button', { type: 'button', class: 'chip', part: 'button retry', on: { click: retry } }, this.t('retry'));
    this.status.replaceChildren(el('span', {}, text), ...(again ? [again] : []));
  }

  /** `share` of what is being fetched, or null. */
  progress(share) {
    this.bar.style.setProperty('--share', String(share ?? 0));
  }

  busy(on) {
    this.list.setAttribute('aria-busy', String(on));
  }

  /** `more`: what the button for more says, or null; `said`: why there are no more so far; `anything`: whether none means none. */
  end({ more = null, said = '', anything = true }) {
    this.empty.hidden = this.grid.hits.length > 0 || !anything;
    this.below.hidden = !more;
    this.said.textContent = said;
    this.more.textContent = more ?? '';
  }

  reset() {
    this.grid.clear();
    this.filters.hidden = this.suggestions.hidden = this.below.hidden = true;
  }
}

/** The element's cards: its own, or copies of what a shop placed in it. */
class Cards extends CardGrid {
  /** @type {Map<number, HTMLElement>} row → what stands in the light tree for its card */
  slotted = new Map();
  framed = false;

  constructor(list, view) {
    super(list, view.t);
    this.view = view;
  }

  /** @param {any} hit */
  subject({ id }) {
    return id;
  }

  /** @param {any} hit */
  title({ title }) {
    return title;
  }

  opener(card) {
    return card?.querySelector('.open');
  }

  leave() {
    this.view.input.focus();
  }

  end() {
    this.view.act.laid();
  }

  layAgain(keep) {
    const { good, rest } = this.sections;
    this.frame([...good, ...rest]);
    super.layAgain(keep);
  }

  /** One frame for all photos, in the proportions of those first seen. */
  frame(hits) {
    const median = frameOf(hits);
    if (this.framed || median === null) return;
    this.framed = true;
    this.list.style.setProperty('--median', median);
  }

  /** What a shop's own template made leaves its page at once; of the others only the latest stay made. */
  forget() {
    const shown = new Set(this.hits.map(({ row }) => row));
    for (const row of this.slotted.keys()) if (!shown.has(row)) this.drop(row);
    super.forget();
  }

  drop(row) {
    this.slotted.get(row)?.remove();
    this.slotted.delete(row);
    super.drop(row);
  }

  clear() {
    for (const row of [...this.cards.keys()]) this.drop(row);
    this.framed = false;
    this.lay({ good: [], rest: [] }, false);
  }

  update(card, hit) {
    const slotted = this.slotted.get(hit.row);
    if (slotted) return this.fill(slotted, hit);
    card.querySelector('.title').replaceChildren(...marked(hit.title, hit.matched));
  }

  make(hit) {
    this.slotted.get(hit.row)?.remove();
    const slotted = this.fromTemplate(hit);
    if (slotted) this.slotted.set(hit.row, slotted);
    const link = safeLink(hit.link);
    const { act, host } = this.view;
    const content = slotted ? [el('slot', { name: slotted.slot })] : this.plain(hit);
    const open = el(
      link ? 'a' : 'button',
      {
        class: 'open',
        part: 'link',
        type: link ? null : 'button',
        href: link,
        target: link && host.getAttribute('target'),
        rel: link && 'noopener',
        on: { click: (event) => act.select(hit.row) || event.preventDefault() },
      },
      ...content,
    );
    return el(
      'li',
      { class: 'card', part: 'card', data: { id: hit.id } },
      open,
      el(
        'div',
        { class: 'actions', part: 'actions' },
        press('round similar', this.say('more_like_of', { title: hit.title }), icon('similar'), () => act.like(hit.id)),
        press('round but', this.say('like_but_of', { title: hit.title }), icon('but'), () => act.likeBut(hit.id)),
      ),
    );
  }

  plain(hit) {
    const details = Object.values(hit.attributes).join(', ');
    return [
      el(
        'span',
        { class: 'frame', css: { '--tone': safeColour(hit.tone) ?? 'transparent' } },
        photoOf(hit, this.view.act, {
          part: 'photo',
          alt: details || hit.title,
          width: hit.width,
          height: hit.height,
          loading: 'lazy',
        }),
      ),
      el('span', { class: 'title', part: 'title' }, hit.title),
      hit.price ? el('span', { class: 'price', part: 'price' }, String(hit.price)) : null,
    ];
  }

  /** A shop's own card: a copy of its template in the light tree, where the shop's own style sheets reach it. */
  fromTemplate(hit) {
    const { host } = this.view;
    const template = host.querySelector(':scope > template[slot="result"]');
    if (!template) return null;
    const holder = el('div', { slot: `result-${hit.row}` });
    holder.append(template.content.cloneNode(true));
    host.append(holder);
    return holder;
  }

  fill(holder, hit) {
    const { id, title, price, score } = hit;
    const values = { ...hit.attributes, id, title, price, score: score === null ? '' : score.toFixed(2) };
    for (const node of holder.querySelectorAll('[data-field]')) {
      const { field } = node.dataset;
      if (field !== 'photo') node.textContent = String(held(values, field) ?? '');
      else if (node.dataset.of !== hit.id) {
        node.dataset.of = hit.id;
        node.alt ||= Object.values(hit.attributes).join(', ') || hit.title;
        if (!hit.photo) this.view.act.draw(node, hit);
        else {
          if (!sameOrigin(hit.photo)) node.crossOrigin = 'anonymous';
          node.src = hit.photo;
        }
      }
    }
  }
}
