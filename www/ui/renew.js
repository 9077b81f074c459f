// A start that fails looks for a newer build by itself, once: the page may be an older copy of a shop that was renewed.
// Loaded ahead of the page's other modules and importing none of them, so that it is there when one of them is not.

const here = new URL('./', document.baseURI);
const build = (text) => /href="site\.json\?v=([0-9a-f]+)"/.exec(text)?.[1] ?? null;
const own = build(document.head.innerHTML);

/** Remembers in this tab that the build of this page has looked; false if it has before, or nothing can be remembered. */
function first() {
  const key = `vitrine renewed ${here.pathname}`;
  try {
    const looked = (sessionStorage.getItem(key) ?? '').split(' ');
    if (looked.includes(own)) return false;
    sessionStorage.setItem(key, [...looked, own].join(' '));
    return sessionStorage.getItem(key).split(' ').includes(own);
  } catch {
    return false;
  }
}

/** Loads the page anew if the host has another build of it, and says whether it does. Each build looks once a tab. */
export async function renew() {
  if (!own || navigator.onLine === false || !first()) return false;
  // past the service worker and the browser's cache
  const response = await fetch(new URL('./?fresh', here), { cache: 'reload' }).catch(() => null);
  const text = response?.ok ? await response.text().catch(() => '') : '';
  if (!/\sdata-vitrine[\s>]/.test(text) || [null, own].includes(build(text))) return false;
  location.reload();
  return true;
}

let started = false;

/** Called by the page once its program runs: what fails from then on is told there. */
export const running = () => (started = true);

const failed = () => started || renew();
addEventListener('error', failed, true); // a script or style that did not come, or is not the one with the hash
addEventListener('unhandledrejection', failed);
