// A part of a photo to search with: chosen with the finger, the mouse or the keys, cut out without loss.
import { adopt, el } from './dom.js';
import { modal } from './modal.js';
import { t } from './i18n.js';
import { pngOf } from './photo.js';
import { cleanCrop, leastCrop as least, within } from '../core/state.js';

adopt(`
.crop-stage {
  position: relative;
  width: fit-content;
  max-width: 100%;
  margin: 0 auto 14px;
  border-radius: 12px;
  overflow: hidden;
  touch-action: none;
  user-select: none;
  cursor: move;
}

.crop-stage img {
  max-width: 100%;
  height: auto;
  min-height: min(44dvh, 420px);
  max-height: 56dvh;
  object-fit: contain;
}

.crop-frame {
  position: absolute;
  left: var(--x);
  top: var(--y);
  width: var(--w);
  height: var(--h);
  border: 2px solid #fff;
  border-radius: 4px;
  box-shadow: 0 0 0 999px rgb(20 18 15 / 0.5);
}

.crop-frame:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 0;
}

.crop-corner {
  position: absolute;
  width: 36px;
  height: 36px;
  touch-action: none;
}

.crop-corner::after {
  content: "";
  position: absolute;
  inset: 11px;
  border-radius: 50%;
  background: #fff;
  box-shadow: 0 0 0 1px rgb(20 18 15 / 0.3);
}

.crop-corner.nw { left: -18px; top: -18px; cursor: nwse-resize; }
.crop-corner.ne { right: -18px; top: -18px; cursor: nesw-resize; }
.crop-corner.sw { left: -18px; bottom: -18px; cursor: nesw-resize; }
.crop-corner.se { right: -18px; bottom: -18px; cursor: nwse-resize; }

.crop-sheet .button-row {
  margin-top: 16px;
}

@media (min-width: 720px) {
  .crop-sheet {
    width: min(100% - 48px, 600px);
  }
}
`);

/** The part of a photo file, as the bytes of a PNG and an address to show it. */
export async function cutOut(bytes, [x, y, width, height]) {
  const photo = await createImageBitmap(new Blob([bytes]));
  const [w, h] = [Math.max(1, Math.round(width * photo.width)), Math.max(1, Math.round(height * photo.height))];
  const blob = await pngOf(photo, [Math.round(x * photo.width), Math.round(y * photo.height), w, h]);
  return { bytes: new Uint8Array(await blob.arrayBuffer()), source: URL.createObjectURL(blob) };
}

/** Moves one corner (or, without one, the whole rectangle) by a share of the photo. */
function moved([x, y, w, h], corner, dx, dy) {
  if (!corner) return [within(x + dx, 0, 1 - w), within(y + dy, 0, 1 - h), w, h];
  const [left, top] = [corner.includes('w'), corner.includes('n')];
  const right = left ? x + w : within(x + w + dx, x + least, 1);
  const bottom = top ? y + h : within(y + h + dy, y + least, 1);
  const nx = left ? within(x + dx, 0, right - least) : x;
  const ny = top ? within(y + dy, 0, bottom - least) : y;
  return [nx, ny, right - nx, bottom - ny];
}

/** Lets the visitor choose a part of the photo at `source`; `done(crop)` gets the rectangle, or null for all of it. */
export function chooseCrop(source, before, done) {
  let crop = before ?? [0.15, 0.15, 0.7, 0.7];
  const corners = ['nw', 'ne', 'sw', 'se'].map((name) =>
    el('span', { class: `crop-corner ${name}`, data: { corner: name } }),
  );
  const frame = el(
    'div',
    { class: 'crop-frame', tabindex: '0', role: 'group', 'aria-label': t('crop_keys') },
    ...corners,
  );
  const stage = el(
    'div',
    { class: 'crop-stage' },
    el('img', { src: source, alt: t('crop_photo_alt'), draggable: 'false' }),
    frame,
  );
  const draw = (next) => {
    crop = next;
    ['--x', '--y', '--w', '--h'].forEach((name, i) => frame.style.setProperty(name, `${crop[i] * 100}%`));
  };
  stage.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    frame.focus({ preventScroll: true });
    const box = stage.getBoundingClientRect();
    const [start, from] = [crop, { x: event.clientX, y: event.clientY }];
    const corner = event.target.dataset.corner;
    stage.setPointerCapture(event.pointerId);
    const drag = (move) =>
      draw(moved(start, corner, (move.clientX - from.x) / box.width, (move.clientY - from.y) / box.height));
    stage.addEventListener('pointermove', drag);
    stage.addEventListener('lostpointercapture', () => stage.removeEventListener('pointermove', drag), { once: true });
  });
  frame.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    draw(moved(crop, event.shiftKey ? 'se' : null, step[0] * 0.03, step[1] * 0.03));
  });
  const finish = (chosen) => (dialog.close(), done(chosen));
  const dialog = modal(
    'sheet crop-sheet',
    t('crop'),
    t('close'),
    el('h2', { class: 'sheet-title' }, t('crop')),
    stage,
    el('p', { class: 'small faint only-keys' }, t('crop_keys')),
    el(
      'div',
      { class: 'button-row' },
      el(
        'button',
        { type: 'button', class: 'button primary', on: { click: () => finish(cleanCrop(crop)) } },
        t('crop_use'),
      ),
      before
        ? el('button', { type: 'button', class: 'button', on: { click: () => finish(null) } }, t('crop_whole'))
        : null,
    ),
  );
  draw(crop);
  return dialog;
}
