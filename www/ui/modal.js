// Dialogs over the page, and how they look.
import { adopt, el, icon } from './dom.js';

adopt(`
.dialog {
  width: 100%;
  max-width: 100%;
  max-height: 92dvh;
  margin: auto 0 0;
  padding: 0;
  border: 0;
  border-radius: 22px 22px 0 0;
  background: var(--sheet);
  color: var(--ink);
  overscroll-behavior: contain;
  box-shadow: 0 0 0 1px rgb(255 255 255 / 0.06), 0 30px 90px -20px rgb(var(--shade) / 0.5);
}

.dialog[open] {
  animation: rise 220ms cubic-bezier(0.2, 0.8, 0.2, 1);
}

.dialog::backdrop {
  background: rgb(24 21 17 / 0.46);
  animation: appear 200ms ease;
}

@keyframes rise {
  from {
    opacity: 0;
    transform: translateY(24px);
  }
}

@keyframes appear {
  from {
    opacity: 0;
  }
}

.dialog-body {
  padding: 24px var(--edge) 32px;
}

.dialog-close {
  position: absolute;
  top: 12px;
  right: 12px;
  z-index: 2;
  background: color-mix(in srgb, var(--sheet) 82%, transparent);
}

@media (min-width: 720px) {
  .dialog {
    width: min(100% - 48px, 940px);
    margin: auto;
    border-radius: 22px;
  }

  .dialog-body {
    padding: 32px;
  }

  .filters-sheet,
  .trail-sheet {
    width: min(100% - 48px, 460px);
  }
}

.sheet-foot {
  position: sticky;
  bottom: 0;
  padding: 12px 0 16px;
  margin-bottom: -32px;
  background: linear-gradient(transparent, var(--sheet) 12px);
}

.filters-sheet .facets-head {
  padding-right: 44px;
}

.filters-sheet .facet-value {
  min-height: 42px;
}

.sheet-title {
  padding-right: 44px;
  margin-bottom: 14px;
  font: 400 24px/1.2 var(--serif);
  letter-spacing: -0.01em;
}

.trail {
  display: grid;
  margin: 12px 0 16px;
}

.trail-step {
  display: flex;
  align-items: center;
  gap: 14px;
  width: 100%;
  min-height: 62px;
  padding: 6px 8px;
  border: 0;
  border-radius: 12px;
  background: none;
  text-align: start;
  overflow-wrap: anywhere;
}

.trail-step:hover {
  background: var(--wash);
}

.trail-step img,
.trail-words {
  width: 40px;
  height: 50px;
  flex: none;
  border-radius: 8px;
  object-fit: cover;
}

.trail-words {
  display: grid;
  place-items: center;
  background: var(--wash);
  color: var(--muted);
}

dt {
  color: var(--muted);
}

.figures {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 7px 22px;
  width: 100%;
  font-size: 14px;
}

.privacy {
  display: grid;
  gap: 12px;
  font-size: 14.5px;
}

.privacy h3 {
  margin-top: 14px;
  font: 400 18px/1.2 var(--serif);
}

.privacy-count {
  padding-right: 44px;
  font: 400 clamp(26px, 4vw, 34px) / 1.15 var(--serif);
  letter-spacing: -0.015em;
}

.privacy-count[data-away="0"] {
  color: var(--accent);
}

.figures dd {
  display: flex;
  align-items: center;
  justify-content: flex-end;
  gap: 14px;
  font-variant-numeric: tabular-nums;
}

.privacy .figures dd {
  white-space: nowrap;
}

.meter {
  width: 84px;
  height: 3px;
  border-radius: 2px;
  background: linear-gradient(to right, var(--accent) var(--share), var(--line) var(--share));
}

@media (min-width: 720px) {
  .privacy-sheet {
    width: min(100% - 48px, 560px);
  }
}
`);

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
