// What the answer weighed: α over the photo, γ over the words, β between the two.
import { el } from './dom.js';
import { t } from './i18n.js';

/** The weights as a veil over the photo: clear where attention went, dim elsewhere. */
function veil(weights, [height, width]) {
  const canvas = el('canvas', { class: 'veil', width, height, 'aria-hidden': 'true' });
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(width, height);
  const most = Math.max(...weights);
  weights.forEach((weight, i) => {
    // The square root lets middling weights be seen beside one strong patch.
    pixels.data[i * 4 + 3] = Math.round(205 * (1 - Math.sqrt(weight / most)));
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function overWords(words) {
  const most = Math.max(...words.map(({ weight }) => weight));
  return el(
    'p',
    { class: 'weighed-words' },
    ...words.flatMap(({ text, weight }) => [
      el('span', { class: 'weighed-word', css: { '--weight': String(weight / most) }, title: weight.toFixed(2) }, text),
      ' ',
    ]),
  );
}

function between([photo]) {
  const percent = Math.round(photo * 100);
  return el(
    'div',
    { class: 'weighed-both' },
    el('p', {}, t('attention_both', { photo: percent, words: 100 - percent })),
    el('span', { class: 'weighed-bar', 'aria-hidden': 'true', css: { '--share': `${percent}%` } }),
  );
}

/** `source`: the query photo's address; `fit`: how the model saw it in its square. Stays open from one answer to the next once opened. */
export class Attention {
  constructor(host) {
    this.host = host;
    this.open = false;
  }

  show(attention, source, fit = 'pad') {
    const photo = attention?.photo && attention.grid && source;
    const spoken = (attention?.words ?? []).filter(({ text }) => /[\p{L}\p{N}]/u.test(text));
    const words = spoken.length > 1 ? spoken : null;
    if (!photo && !words) return this.host.replaceChildren();
    const details = el(
      'details',
      { class: 'attention', open: this.open },
      el('summary', {}, t('attention')),
      el(
        'div',
        { class: 'attention-body' },
        photo
          ? el(
              'figure',
              { class: 'weighed-photo' },
              el(
                'span',
                { class: 'weighed-frame', data: { fit } },
                el('img', { src: source, alt: t('attention_photo_alt') }),
                veil(attention.photo, attention.grid),
              ),
              el('figcaption', {}, t('attention_photo')),
            )
          : null,
        el(
          'div',
          { class: 'attention-text' },
          words ? el('p', { class: 'small' }, t('attention_words')) : null,
          words ? overWords(words) : null,
          attention.modalities && photo && words ? between(attention.modalities) : null,
          el('p', { class: 'small faint' }, t('attention_note')),
        ),
      ),
    );
    details.addEventListener('toggle', () => (this.open = details.open));
    this.host.replaceChildren(details);
  }
}
