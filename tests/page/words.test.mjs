// What a visitor asks for stays on the device: hosts that write down all they get to know (lines, headers, bodies) find
// no typed word, no filter and no product asked about, however the page is used. Environment as in page.test.mjs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { addressOf, fromFragment, rewritten, toFragment } from '../../www/core/state.js';
import { able, launch, missing, settled } from './browser.mjs';
import { plainHost } from './host.mjs';

const dist = process.env.VITRINE_DIST;
const typed = 'crimson zeppelin pyjamas';
const words = /crimson|zeppelin|pyjamas/i;

// ---- the address itself; no browser needed ----------------------------------------------------------------------

const states = [
  { words: 'a red dress' },
  { words: 'R&D #1 100% +more "quoted" ?q=x', mix: 0.25 },
  { words: 'été 連衣裙 🥻' },
  { like: 'p/1 #2?&', crop: [0.1, 0.2, 0.5, 0.5], words: 'but red' },
  { facets: { colour: ['red', 'dark blue'], 'a&b=c#d': ['e?f'] }, item: 'x y' },
  {
    facets: Object.fromEntries(
      ['__proto__', 'constructor', 'hasOwnProperty', 'toString'].map((name) => [name, [name]]),
    ),
  },
];

test('a state is read back from its fragment as it was, and makes no query', () => {
  for (const state of states) {
    const whole = { ...fromFragment(''), ...state };
    const fragment = toFragment(whole);
    assert.deepEqual(fromFragment(fragment), whole);
    const url = new URL(addressOf({ pathname: '/shop/', search: '' }, fragment), 'https://host.example');
    assert.equal(url.search, '');
    assert.deepEqual(fromFragment(url.hash), whole, url.href);
  }
});

test('an older link is rewritten, and only an older link', () => {
  const table = [
    ['?q=red+dress', '/#q=red+dress'],
    ['?like=p1&q=in+blue&mix=0.3', '/#q=in+blue&like=p1&mix=0.3'],
    ['?f.colour=red&f.colour=blue&item=p%2F1', '/#f.colour=red&f.colour=blue&item=p%2F1'],
    ['?f.constructor=x&f.__proto__=y', '/#f.constructor=x&f.__proto__=y'],
    ['?build=baseline&q=red&backend=cpu&utm=x', '/?build=baseline&backend=cpu#q=red'],
    ['?q=old#q=new', '/#q=new'],
    ['?q=red#results', '/#q=red'],
    ['?q=', '/'],
    ['', null],
    ['#q=red', null],
    ['?build=baseline#q=red', null],
    ['?utm_source=letter', null],
  ];
  for (const [link, expected] of table) assert.equal(rewritten(new URL(link, 'https://host.example/')), expected, link);
});

// ---- in Chromium, before hosts that write everything down -------------------------------------------------------

describe('what a visitor asks for', { skip: missing() ?? false, concurrency: 1 }, () => {
  let browser, shop, outside, item;

  /** The host's pages, an embedding page among them, and another site that products lead to. */
  before(async () => {
    browser = await launch();
    outside = await plainHost(dist, { pages: { '/product': '<!doctype html><title>A product</title>' } });
    const head = '<!doctype html><html lang="en"><title>A shop</title><link rel="icon" href="data:,">';
    const embedded = (at) =>
      `${head}<script type="module" src="${at}embed/element.js"></script><vitrine-search catalog="${at}"></vitrine-search>`;
    shop = await plainHost(dist, {
      pages: { '/embedded.html': embedded('./') },
      headers: { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' },
    });
    const manifest = await (await fetch(`${shop.origin}/catalog/catalog.json`)).json();
    [item] = await (await fetch(`${shop.origin}/catalog/${manifest.shards[0].items.file}`)).json();
  });

  after(async () => {
    await browser?.close();
    await shop?.stop();
    await outside?.stop();
  });

  async function visitor(options = {}) {
    for (const host of [shop, outside]) host.log.length = 0;
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    return { context, page: await context.newPage() };
  }

  // all that may stand behind a question mark: a build, a language, a name of a build, and "past every cache"
  const plain = [/^$/, /^\?fresh$/, /^\?v=[0-9a-f]+$/, /^\?v=[0-9a-f]+&l=[a-z]+$/, /^\?build=[a-z]+$/];

  /** Fails if any host knows anything; `but` is the one address that an older link itself asks for. */
  function nothing(step, but = null) {
    assert.ok(shop.log.length > 0, `${step}: the host was asked for something`);
    for (const { url, text } of [...shop.log, ...outside.log]) {
      if (url === but) continue;
      const said = decodeURIComponent(text.replace(/\+/g, ' ').replace(/%(?![0-9a-f]{2})/gi, '%25'));
      const { pathname, search } = new URL(url, 'http://x');
      assert.ok(
        plain.some((allowed) => allowed.test(search)),
        `${step}: ${url}`,
      );
      assert.doesNotMatch(said, words, step);
      assert.doesNotMatch(said, /(^|\W)f\.\w/, `${step}: no filter`);
      // a worker's script names itself where it imports another, and no page is ever named
      const [, from] = text.match(/^referer\n(.*)$/im) ?? [];
      if (from)
        assert.match(from, /\/(worker|pool|sw)\.js(\?v=[0-9a-f]+&l=[a-z]+)?$/, `${step}: ${url} came from ${from}`);
      // a photo has its product's name, and is fetched for showing it
      if (!pathname.startsWith('/catalog/photos/')) assert.ok(!said.includes(item.id), `${step}: ${url}`);
    }
  }

  const ask = async (page) => {
    await page.fill('[data-part="words"]', typed);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', words: typed });
  };
  const answered = (page) => settled(page, { kind: 'text', by: 'engine', words: typed });
  const fragment = (page) => new URL(page.url()).hash;
  const controlled = (page) => page.waitForFunction(() => navigator.serviceWorker.controller);

  for (const serviceWorkers of ['block', 'allow']) {
    const how = serviceWorkers === 'allow' ? 'with its service worker' : 'without a service worker';
    test(`is in no log ${how}: typing, filters, products, reloads, Back, the link elsewhere`, async () => {
      const { context, page } = await visitor({ serviceWorkers });
      await page.goto(`${shop.origin}/`);
      await able(page, 'text');
      if (serviceWorkers === 'allow') await controlled(page);
      await ask(page);
      await answered(page);
      await page.locator('.facet-value input').first().check({ force: true });
      await page.waitForFunction(() => location.hash.includes('f.'));
      await page.evaluate((id) => {
        location.hash += `&item=${encodeURIComponent(id)}`;
      }, item.id);
      await page.waitForSelector('dialog.product[open]');
      nothing(`${how}: typing`);

      await page.reload();
      await page.waitForSelector('dialog.product[open]');
      await answered(page);
      nothing(`${how}: reload`);
      const session = await context.newCDPSession(page);
      const loaded = page.waitForEvent('load');
      await session.send('Page.reload', { ignoreCache: true });
      await loaded;
      await answered(page);
      nothing(`${how}: reload past every cache`);

      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog.product', { state: 'detached' });
      await page.goBack();
      await page.goForward();
      nothing(`${how}: Back and Forward`);

      const link = page.url();
      const fresh = await browser.newContext({ serviceWorkers });
      const other = await fresh.newPage();
      await other.goto(link);
      await able(other, 'text');
      await answered(other);
      nothing(`${how}: the link in a fresh profile`);
      await fresh.close();
      await context.close();
    });

    test(`is rewritten from an older link at once ${how}`, async () => {
      const { context, page } = await visitor({ serviceWorkers });
      const old = `/?q=${encodeURIComponent(typed).replace(/%20/g, '+')}&f.colour=red&like=${encodeURIComponent(item.id)}`;
      if (serviceWorkers === 'allow') {
        await page.goto(`${shop.origin}/`);
        await able(page, 'text');
        await controlled(page);
      }
      // Before any script of the page runs, the link has told the host what it holds. That cannot be helped, and is all.
      await page.goto(shop.origin + old);
      await settled(page, { kind: 'composed', words: typed });
      assert.equal(new URL(page.url()).search, '');
      assert.equal(new URLSearchParams(fragment(page).slice(1)).get('q'), typed);
      nothing(`${how}: an older link`, old);
      const asked = shop.log.filter(({ url }) => url === old).length;
      assert.ok(asked <= (serviceWorkers === 'allow' ? 0 : 1), `its own request alone, ${asked}`);
      await page.reload();
      await settled(page, { kind: 'composed', words: typed });
      nothing(`${how}: an older link, reloaded`, old);
      assert.equal(shop.log.filter(({ url }) => url === old).length, asked, 'and only once');
      await context.close();
    });
  }

  test('keeps the switches in the query, and the words out of it', async () => {
    const { context, page } = await visitor({ serviceWorkers: 'block' });
    await page.goto(`${shop.origin}/?build=baseline`);
    await able(page, 'text');
    await ask(page);
    await answered(page);
    const { search, hash } = new URL(page.url());
    assert.equal(search, '?build=baseline');
    assert.equal(new URLSearchParams(hash.slice(1)).get('q'), typed);
    await page.reload();
    await able(page, 'text');
    await answered(page);
    assert.equal(await page.getAttribute('[data-vitrine]', 'data-build'), 'baseline');
    nothing('switches');
    await context.close();
  });

  test('follows the address: written by hand, Back and Forward, and the link to the results leaves it alone', async () => {
    const { context, page } = await visitor({ serviceWorkers: 'block' });
    await page.goto(`${shop.origin}/`);
    await able(page, 'text');
    await ask(page);
    await answered(page);
    await page.evaluate(() => {
      location.hash = '#q=blue%20shirt&f.constructor=none';
    });
    await settled(page, { kind: 'text', words: 'blue shirt' });
    assert.equal(await page.inputValue('[data-part="words"]'), 'blue shirt');
    assert.ok((await page.evaluate(() => history.state.depth)) > 0, 'it is one step that can be taken back');
    await page.goBack();
    await answered(page);
    await page.goForward();
    await settled(page, { kind: 'text', words: 'blue shirt' });
    await page.goBack();
    await answered(page);
    const before = page.url();
    await page.focus('.skip');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'results');
    assert.equal(page.url(), before);
    nothing('the address');
    await context.close();
  });

  test('goes nowhere from a page whose script is not there', async () => {
    for (const options of [{ javaScriptEnabled: false }, {}]) {
      const { context, page } = await visitor({ serviceWorkers: 'block', ...options });
      await context.route(/\.js$/, (route) => route.abort());
      await page.goto(`${shop.origin}/`);
      await page.fill('[data-part="words"]', typed);
      await page.focus('[data-part="words"]');
      await page.keyboard.press('Enter');
      await page.waitForTimeout(300); // a submitted form would have been sent long before
      nothing('no script');
      assert.equal(page.url(), `${shop.origin}/`);
      await context.close();
    }
  });

  test('is not told by a card opened in a new tab, nor by the way to the shop', async () => {
    const { context, page } = await visitor({ serviceWorkers: 'block' });
    const manifest = await (await fetch(`${shop.origin}/catalog/catalog.json`)).json();
    const [shard] = manifest.shards;
    const rows = (await (await fetch(`${shop.origin}/catalog/${shard.items.file}`)).json()).map((row) => ({
      ...row,
      link: `${outside.origin}/product`,
    }));
    const body = JSON.stringify(rows);
    const sha256 = createHash('sha256').update(body).digest('hex');
    shard.items = { ...shard.items, bytes: Buffer.byteLength(body), sha256 };
    await context.route(`**/catalog/${shard.items.file}`, (route) =>
      route.fulfill({ body, contentType: 'application/json' }),
    );
    await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: manifest }));
    await page.goto(`${shop.origin}/`);
    await able(page, 'text');
    await ask(page);
    await answered(page);
    const card = page.locator('.card').first();
    const id = await card.getAttribute('data-id');
    const [tab] = await Promise.all([
      context.waitForEvent('page'),
      card.locator('.card-open').click({ modifiers: ['Control'] }),
    ]);
    await tab.waitForSelector('dialog.product[open]');
    assert.equal(new URLSearchParams(fragment(tab).slice(1)).get('item'), id);
    await card.locator('.card-open').click();
    await page.waitForSelector('dialog.product[open]');
    const [away] = await Promise.all([context.waitForEvent('page'), page.click('dialog.product a.button.primary')]);
    await away.waitForLoadState();
    assert.ok(
      outside.log.some(({ url }) => url === '/product'),
      'the shop was reached',
    );
    nothing('a new tab and the shop');
    await context.close();
  });

  test('is not told by the element in another page, of its own or another origin', async () => {
    const across = await plainHost(dist, {
      pages: {
        '/shop.html': `<!doctype html><html lang="en"><title>A shop</title><link rel="icon" href="data:,"><script type="module" src="${shop.origin}/embed/element.js"></script><vitrine-search catalog="${shop.origin}/"></vitrine-search>`,
      },
    });
    for (const address of [`${shop.origin}/embedded.html`, `${across.origin}/shop.html?of=its+own`]) {
      const { context, page } = await visitor();
      await page.goto(address);
      await page.waitForFunction(() => document.querySelector('vitrine-search')?.engine);
      const results = await page.evaluate(
        (text) => document.querySelector('vitrine-search').search({ words: text }),
        typed,
      );
      assert.equal(results?.by, 'engine');
      assert.equal(page.url(), address, 'the page around keeps its address');
      for (const { url, text } of [...shop.log, ...across.log]) {
        assert.doesNotMatch(decodeURIComponent(text.replace(/\+/g, ' ')), words, url);
        assert.ok(
          url.startsWith('/shop.html') || plain.some((allowed) => allowed.test(new URL(url, 'http://x').search)),
          url,
        );
      }
      await context.close();
    }
    await across.stop();
  });
});
