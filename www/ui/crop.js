// A part of a photo to search with: chosen with the finger, the mouse or the keys, cut out without loss.
import { el } from './dom.js';
import { modal } from './modal.js';
import { t } from './i18n.js';
import { pngOf } from './photo.js';
import { cleanCrop, leastCrop as least, within } from '../core/state.js';

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
