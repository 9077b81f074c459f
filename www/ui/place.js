// The place on the page: kept with each entry of the browser's history, so that Back and a reload find it again.

const pause = 150; // ms after the last scrolling

export class Place {
  /** @type {{y: number, shown: number} | null} where to go as soon as there is enough to go to */
  wanted = null;
  timer = 0;

  /** @param {{shown: number, growTo: (shown: number) => void}} grid */
  constructor(grid) {
    this.grid = grid;
    history.scrollRestoration = 'manual'; // the browser would try before there is anything to scroll
    this.seek();
    const dock = document.querySelector('[data-part="dock"]');
    const stuck = () => dock.setAttribute('data-stuck', String(dock.getBoundingClientRect().top <= 0));
    addEventListener('scroll', () => (stuck(), this.later()), { passive: true });
    addEventListener('pagehide', () => this.keep());
    // whoever moves is where they want to be
    for (const type of ['wheel', 'touchmove', 'keydown', 'pointerdown'])
      addEventListener(type, () => (this.wanted = null), { passive: true });
  }

  later() {
    if (this.wanted) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), pause);
  }

  /** Writes the place into the present entry; before another one is made, too. */
  keep() {
    clearTimeout(this.timer);
    if (this.wanted) return;
    history.replaceState({ ...history.state, place: { y: Math.round(scrollY), shown: this.grid.shown } }, '');
  }

  /** What the present entry remembers is where to go. */
  seek() {
    clearTimeout(this.timer);
    const { y, shown } = history.state?.place ?? {};
    this.wanted = y > 0 ? { y, shown } : null;
  }

  /** After results are laid: as many cards as there were, and the same of them in view. */
  find() {
    if (!this.wanted) return;
    this.grid.growTo(this.wanted.shown);
    scrollTo({ top: this.wanted.y, behavior: 'instant' });
  }

  /** A new query is read from its heading on. @param {HTMLElement} results */
  begin(results) {
    this.wanted = null;
    if (results.getBoundingClientRect().top < 0) results.scrollIntoView({ block: 'start', behavior: 'instant' });
  }
}
