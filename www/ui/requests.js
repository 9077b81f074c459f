// What the privacy panel needs to know from the start: what was requested from where. The panel itself comes when it is
// opened.
import { language } from './i18n.js';
import { learnPanels } from './language.js';
import { sentence } from './notices.js';
import { verified } from './verified.js';
import { persist } from '../core/storage.js';

/** Counts every request of the page and its worker, as the browser itself recorded them. */
export class Requests {
  constructor() {
    this.same = 0;
    this.elsewhere = [];
    this.stopped = []; // by the page's policy, before anything was sent
    this.install = null; // the browser's offer to install the page as an app
    this.panel = null;
    new PerformanceObserver((list) => this.add(list.getEntries().map((entry) => entry.name))).observe({
      type: 'resource',
      buffered: true,
    });
    addEventListener('securitypolicyviolation', (event) => this.stopped.push(event.blockedURI));
    // The browser would put its own banner over the page; the offer stands in the panel instead.
    addEventListener('beforeinstallprompt', (event) => {
      event.preventDefault();
      this.install = event;
    });
    addEventListener('appinstalled', () => persist({ asked: true }).catch(() => {}));
  }

  /** What left this site. The browser lists an image that the policy stopped as if it had been asked for. */
  get away() {
    return this.elsewhere.filter((url) => !this.stopped.includes(url));
  }

  get blocked() {
    return this.stopped.length;
  }

  add(urls) {
    for (const url of urls) {
      if (url.startsWith('blob:') || url.startsWith('data:')) continue; // never on the network
      if (new URL(url).origin === location.origin) this.same++;
      else this.elsewhere.push(url);
    }
  }
}

/** Shows the panel, and says so where it cannot be fetched. */
export async function openPrivacy(app) {
  try {
    await Promise.all([verified('ui/privacy'), learnPanels(language)]);
    const { Privacy } = await import('./privacy.js');
    app.notice('privacy', null);
    app.requests.panel ??= new Privacy(app);
    app.requests.panel.open();
  } catch (error) {
    app.notice('privacy', { text: sentence(error), retry: () => openPrivacy(app), alert: true });
  }
}
