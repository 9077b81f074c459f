// The element's looks, as a constructed style sheet: a page's policy may forbid inline styles, these it does not touch.
// Every colour and measure that a shop may want to set is a custom property; every part has a name (::part).

export const style = `
:host {
  --accent: var(--vitrine-accent, #2f5d50);
  --on-accent: var(--vitrine-on-accent, #ffffff);
  --paper: var(--vitrine-paper, #ffffff);
  --ink: var(--vitrine-ink, #211f1c);
  --muted: var(--vitrine-muted, #69645c);
  --line: var(--vitrine-line, #e5e0d8);
  --wash: var(--vitrine-wash, #f1ede6);
  --radius: var(--vitrine-radius, 12px);
  --card: var(--vitrine-card-width, 190px);
  --gap: var(--vitrine-gap, 18px);
  display: block;
  container-type: inline-size;
  color: var(--ink);
  font: 400 15px/1.5 var(--vitrine-font, inherit);
  text-align: start;
}

/* Dark where the page itself is: its color-scheme decides, not the visitor's setting alone. */
@supports (color: light-dark(red, red)) {
  :host {
    --accent: var(--vitrine-accent, light-dark(#2f5d50, #8fc7b3));
    --on-accent: var(--vitrine-on-accent, light-dark(#ffffff, #14201c));
    --paper: var(--vitrine-paper, light-dark(#ffffff, #201e1b));
    --ink: var(--vitrine-ink, light-dark(#211f1c, #f2eee7));
    --muted: var(--vitrine-muted, light-dark(#69645c, #aaa398));
    --line: var(--vitrine-line, light-dark(#e5e0d8, #37342e));
    --wash: var(--vitrine-wash, light-dark(#f1ede6, #2a2723));
  }
}

:host([theme='light']) { color-scheme: light; }
:host([theme='dark']) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none !important; }

*, *::before, *::after { box-sizing: border-box; }
ul { list-style: none; margin: 0; padding: 0; }
p { margin: 0; }
button, input, select { font: inherit; color: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px; }

.icon { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; flex: none; }

.bar {
  position: relative;
  display: flex;
  align-items: center;
  gap: 4px;
  min-height: 54px;
  padding: 0 7px 0 16px;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: 27px;
  background: var(--paper);
}

.bar:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.bar > .icon { color: var(--muted); margin-inline-end: 4px; }
.bar input { flex: 1; min-width: 0; height: 50px; padding: 0 4px; border: 0; outline: 0; background: none; font-size: 16px; text-overflow: ellipsis; }
.bar input::placeholder { color: var(--muted); opacity: 1; }
.bar .progress { position: absolute; left: 0; bottom: 0; width: 100%; height: 2px; background: var(--accent); transform-origin: 0 50%; transform: scaleX(var(--share, 0)); transition: transform 200ms ease; }

.round { display: inline-grid; place-items: center; width: 44px; height: 44px; flex: none; border: 0; border-radius: 50%; background: none; color: var(--muted); }
.round:hover { background: var(--wash); color: var(--ink); }
.round:focus-visible { outline-offset: -2px; border-radius: 50%; }

.asked { display: flex; align-items: center; gap: 8px; max-width: 45%; padding: 4px; border-radius: 20px; background: var(--wash); }
.asked img { width: 30px; height: 36px; border-radius: 7px; object-fit: cover; }
.asked span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 13px; }
.asked button { width: 28px; height: 28px; }

.row { display: flex; align-items: center; gap: 8px; margin: 8px -4px 0; padding: 4px; overflow-x: auto; scrollbar-width: none; }
.row > * { flex: none; }
.lead { color: var(--muted); font-size: 13px; }

.chip, .filter, .more {
  min-height: 36px;
  padding: 0 14px;
  border: 1px solid var(--line);
  border-radius: 18px;
  background: var(--paper);
  font-size: 14px;
}

.chip:hover, .more:hover { border-color: var(--muted); }
.filter { max-width: 100%; padding-inline-end: 8px; text-overflow: ellipsis; }
.filter[data-on='true'] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }

.status { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; min-height: 22px; margin: 16px 0 10px; color: var(--muted); font-size: 13px; }
.status[data-mood='alert'] { color: var(--ink); }
.status button { min-height: 32px; }

.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(var(--card), 44cqw), 1fr)); gap: calc(var(--gap) * 1.4) var(--gap); }
.card { position: relative; min-width: 0; }
.open { display: block; width: 100%; padding: 0; border: 0; background: none; color: inherit; text-align: start; text-decoration: none; }
.open:focus-visible { outline-offset: 4px; }
.frame { display: block; aspect-ratio: var(--vitrine-frame, var(--median, 0.8)); overflow: hidden; border-radius: var(--radius); background: var(--tone, var(--wash)); }
.frame img { display: block; width: 100%; height: 100%; object-fit: cover; }
.title { display: -webkit-box; margin-top: 8px; overflow: hidden; font-size: 15px; line-height: 1.35; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.price { display: block; color: var(--muted); font-size: 14px; }

.actions { position: absolute; top: 8px; right: 8px; display: flex; gap: 6px; opacity: 0; transition: opacity 140ms ease; }
.card:hover .actions, .card:focus-within .actions { opacity: 1; }
/* Where they always show, they stand below the photo and cover none of it. */
@media (hover: none) { .actions { position: static; margin: 6px 0 0 -1px; opacity: 1; } }
.actions button { width: 38px; height: 38px; border: 1px solid var(--line); background: var(--paper); color: var(--ink); }

mark { padding: 0 0.12em; margin: 0 -0.12em; border-radius: 4px; background: color-mix(in srgb, var(--accent) 15%, transparent); color: inherit; }
.alike { display: block; min-height: 30px; margin-top: 6px; padding: 0 11px; border: 1px solid var(--line); border-radius: 15px; background: var(--paper); font-size: 12.5px; }
.alike:hover { border-color: var(--muted); }

.end { display: grid; justify-items: center; gap: 10px; margin-top: 22px; }
.said { color: var(--muted); font-size: 14px; text-align: center; }
.said:empty { display: none; }
.empty { padding: 30px 0; color: var(--muted); text-align: center; }
.veiled { outline: 2px dashed var(--accent); outline-offset: 6px; border-radius: var(--radius); }
.file { display: none; }

.live { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`;
