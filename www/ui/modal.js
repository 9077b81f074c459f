// Dialogs over the page, and how they look.
import { el, icon } from './dom.js';

/** A modal dialog that closes on Esc and on a click beside it, and is gone from the document afterwards. */
export function modal(className, label, closeLabel, ...children) {
  const close = el(
    'button',
    {
      type: 'button',
      class: 'icon-button dialog-close',
      autofocus: true,
      'aria-label': closeLabel,
      on: { click: () => dialog.close() },
    },
    icon('close'),
  );
  const dialog = el(
    'dialog',
    { class: `dialog ${className}`, 'aria-label': label },
    el('div', { class: 'dialog-body' }, ...children),
    close,
  );
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
