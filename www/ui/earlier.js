// The list of what was asked in this tab.
import { el, icon } from './dom.js';
import { modal } from './modal.js';
import { t } from './i18n.js';

export function showEarlier(trail) {
  const steps = trail.steps.filter((step) => step.address !== trail.now);
  const row = ({ title, source, state }) =>
    el(
      'li',
      {},
      el(
        'button',
        { type: 'button', class: 'trail-step', on: { click: () => (dialog.close(), trail.go(state)) } },
        source
          ? el('img', { src: source, alt: '', width: 40, height: 50 })
          : el('span', { class: 'trail-words' }, icon('search')),
        el('span', {}, title),
      ),
    );
  const forget = () => {
    trail.steps = [];
    trail.write();
    dialog.close();
    trail.part('earlier').hidden = true;
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
