// What the answer weighed: α over the photo, γ over the words, β between the two.
import { adopt, el } from './dom.js';
import { t } from './i18n.js';

adopt(`
.attention {
  margin: -14px 0 10px;
}

.attention summary {
  width: fit-content;
  min-height: 40px;
  padding: 9px 0;
  color: var(--muted);
  font-size: 13.5px;
  cursor: pointer;
}

.attention summary:hover {
  color: var(--ink);
}

.attention-body {
  display: flex;
  flex-wrap: wrap;
  align-items: flex-start;
  gap: 24px;
  padding: 12px 0 24px;
  margin-bottom: 8px;
  border-bottom: 1px solid var(--line);
}

.weighed-frame {
  position: relative;
  display: block;
  border-radius: 10px;
  overflow: hidden;
}

.weighed-frame img {
  width: 200px;
  height: 200px;
  background: #fff;
  object-fit: contain;
}

.weighed-frame[data-fit="crop"] img {
  object-fit: cover;
}

.weighed-frame[data-fit="stretch"] img {
  object-fit: fill;
}

.weighed-frame .veil {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
}

.weighed-photo figcaption {
  margin-top: 6px;
  color: var(--muted);
  font-size: 13px;
}

.attention-text {
  flex: 1 1 260px;
  display: grid;
  gap: 12px;
}

.weighed-words {
  display: flex;
  flex-wrap: wrap;
  gap: 8px 12px;
  font: 400 22px/1.3 var(--serif);
}

.weighed-word {
  padding-bottom: 4px;
  background: linear-gradient(var(--accent), var(--accent)) left bottom / calc(var(--weight) * 100%) 3px no-repeat;
}

.weighed-both {
  display: grid;
  gap: 6px;
  max-width: 320px;
  font-size: 13.5px;
}

.weighed-bar {
  height: 5px;
  border-radius: 3px;
  background: linear-gradient(to right, var(--accent) var(--share), var(--line) var(--share));
}

@media (max-width: 560px) {
  .weighed-frame img {
    width: 132px;
    height: 132px;
  }

  .attention-body {
    gap: 16px;
  }

  .attention-text {
    flex-basis: 150px;
  }

  .weighed-words {
    font-size: 19px;
  }
}
`);

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
