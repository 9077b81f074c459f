// The one bar that holds the whole question: a product or photo, words, and how much of each.
import { el, icon } from './dom.js';
import { t } from './i18n.js';

const pause = 180; // ms without a key press before the words are searched

// How a wish for another value is put into words: facet → sentence; a value that has its noun already stands as it is.
/** @type {[RegExp, (value: string) => string][]} */
const changeKeys = [
  [/colou?r|fabric|material/i, () => 'change_in'],
  [/sleeve/i, (value) => (/sleeve/.test(value) ? 'change_plain' : 'change_sleeve')],
  [
    /neck/i,
    (value) => (/collar/.test(value) ? 'change_with_a' : /neck/.test(value) ? 'change_plain' : 'change_neckline'),
  ],
  [/closure|fastening/i, (value) => (/^(zip|button|lace|buckle|strap)/.test(value) ? 'change_with' : 'change_plain')],
  [/length/i, (value) => (/^(knee|ankle|calf|waist|hip)$/.test(value) ? 'change_length' : 'change_plain')],
];

export function changeWords({ facet, value }) {
  const key = changeKeys.find(([pattern]) => pattern.test(facet))?.[1](value) ?? 'change_plain';
  return t(key, { value });
}

export class Composer {
  constructor(part, act) {
    this.part = part;
    this.act = act;
    this.timer = 0;
    for (const node of [part('clear'), part('camera'), part('photo')]) node.append(icon(node.dataset.icon));
    part('composer').querySelector('.composer-glass').append(icon('search'));
    part('clear').setAttribute('aria-label', t('clear'));
    part('photo').setAttribute('aria-label', t('add_photo'));
    part('camera').setAttribute('aria-label', t('take_photo'));
    part('photo').title = t('add_photo');
    part('words').setAttribute('aria-label', t('words_label'));
    this.listen();
  }

  listen() {
    const { part, act } = this;
    part('words').addEventListener('input', () => {
      this.settle();
      this.timer = setTimeout(() => {
        this.settle();
        act.words(part('words').value, { typing: true });
      }, pause);
      this.toggleClear();
    });
    part('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.settle();
      act.words(part('words').value, { submit: true });
    });
    part('words').addEventListener('keydown', (event) => {
      if (event.key === 'Backspace' && !part('words').value && !part('chip').hidden) act.removeReference();
      if (event.key === 'Escape' && (part('words').value || !part('chip').hidden)) {
        event.preventDefault();
        this.clear();
      }
      if (event.key === 'ArrowDown') {
        event.preventDefault();
        act.enterGrid();
      }
    });
    part('clear').addEventListener('click', () => this.clear());
    part('photo').addEventListener('click', () => part('file').click());
    part('camera').addEventListener('click', () => part('capture').click());
    for (const input of [part('file'), part('capture')]) {
      input.addEventListener('change', () => {
        if (input.files[0]) act.photo(input.files[0]);
        input.value = ''; // the same photo may be chosen again
      });
    }
    part('mix-range').addEventListener('input', (event) => act.mix(Number(event.target.value)));
    this.listenForPhotos();
  }

  /** What is being typed is asked already, or no longer of interest. */
  settle() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  clear() {
    this.settle();
    this.act.clear();
    this.part('words').focus();
  }

  listenForPhotos() {
    const { part, act } = this;
    addEventListener('paste', (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
      if (!file) return;
      event.preventDefault();
      act.photo(file);
    });
    let depth = 0; // dragenter and dragleave also fire for every child
    const carriesFile = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
    const show = (on) => (part('veil').hidden = !on);
    addEventListener('dragenter', (event) => carriesFile(event) && (depth++, show(true)));
    addEventListener(
      'dragleave',
      (event) => carriesFile(event) && (depth = Math.max(0, depth - 1)) === 0 && show(false),
    );
    addEventListener('dragover', (event) => carriesFile(event) && event.preventDefault());
    addEventListener('drop', (event) => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      depth = 0;
      show(false);
      if (act.folder(event.dataTransfer)) return;
      const file = event.dataTransfer.files[0];
      if (file) act.photo(file);
    });
  }

  toggleClear() {
    this.part('clear').hidden = !this.part('words').value && this.part('chip').hidden;
  }

  /** `reference`: {title, source} of the product or photo in the question, or null. */
  show(state, reference, example) {
    const { part } = this;
    // words that are still being typed are not in the question yet
    if (!this.timer && part('words').value.trim() !== state.words.trim()) part('words').value = state.words;
    this.showChip(reference);
    part('words').placeholder = reference
      ? t('words_placeholder_like')
      : example && matchMedia('(min-width: 560px)').matches
        ? t('words_placeholder', { example })
        : t('words_placeholder_plain');
    const both = Boolean(reference && state.words.trim());
    part('mix').hidden = !both;
    part('mix-range').value = state.mix;
    part('mix-range').style.setProperty('--share', `${state.mix * 100}%`);
    const percent = Math.round(state.mix * 100);
    part('mix-range').setAttribute('aria-valuetext', t('mix_value', { photo: percent, words: 100 - percent }));
    this.toggleClear();
  }

  /** Words to go on with: `lead` says how, `run` takes the chosen ones. */
  suggest(lead, suggestions, run) {
    const row = this.part('suggestions');
    row.hidden = !suggestions.length;
    row.replaceChildren(
      el('span', { class: 'chips-lead' }, lead),
      ...suggestions.map((words) =>
        el('button', { type: 'button', class: 'chip', on: { click: () => run(words) } }, words),
      ),
    );
    requestAnimationFrame(() => (row.scrollLeft = 0)); // at once it would lay out the whole page out of turn
  }

  showChip(reference) {
    const { part, act } = this;
    const chip = part('chip');
    chip.hidden = !reference;
    if (!reference) return chip.replaceChildren();
    const remove = el(
      'button',
      {
        type: 'button',
        class: 'query-chip-remove',
        'aria-label': t('remove_from_query', { what: reference.title }),
        on: { click: () => act.removeReference() },
      },
      icon('close'),
    );
    chip.replaceChildren(
      el(
        'button',
        {
          type: 'button',
          class: 'query-chip-photo',
          'aria-label': t('crop_of', { what: reference.title }),
          title: t('crop'),
          on: { click: () => act.crop() },
        },
        el('img', { src: reference.source, alt: reference.own ? t('your_photo_alt') : '', width: 32, height: 40 }),
      ),
      el('span', { class: 'query-chip-title' }, reference.title),
      remove,
    );
  }

  /** `share`: 0 to 1 while something is being fetched, null otherwise. */
  progress(share) {
    this.part('bar').style.setProperty('--share', share === null ? '0' : String(share));
    this.part('bar').dataset.on = String(share !== null);
  }
}
