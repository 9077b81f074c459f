// Nobody is stuck with a copy of the page: what its service worker does when the network, the host or the shop changes.
// Each row is one situation, on a host that sends no headers and changes what it answers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { able, launch, missing, settled } from './browser.mjs';

const dist = process.env.VITRINE_DIST;
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};
const foreign = '<!doctype html><title>Another site</title><link rel="stylesheet" href="style.css"><p>Another site</p>';

/** A host of the site below each of `at`; `answer(path)` may give {status, type, body, headers, wait} in place of a file. */
async function changing(at = ['/']) {
  const host = { answer: () => null, asked: [] };
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    host.asked.push(request.url);
    const given = await host.answer(pathname);
    if (given?.wait) await given.wait;
    if (given?.destroy) return response.destroy();
    if (given?.body !== undefined || given?.status)
      return response
        .writeHead(given.status ?? 200, { 'content-type': given.type ?? 'text/html', ...given.headers })
        .end(given.body ?? '');
    const below = at.toSorted((a, b) => b.length - a.length).find((start) => pathname.startsWith(start));
    const file = below && path.join(dist, decodeURIComponent(pathname.slice(below.length)) || 'index.html');
    let bytes = null;
    try {
      bytes = readFileSync(file);
    } catch {
      return response.writeHead(404, { 'content-type': 'text/html' }).end('<p>none</p>');
    }
    response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' }).end(bytes);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  host.origin = `http://127.0.0.1:${server.address().port}`;
  host.stop = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return host;
}

const isPage = (pathname) => /\/(index\.html)?$/.test(pathname);
const missingFile = { status: 404, body: '<p>none</p>' };
const kept = (page) =>
  page.evaluate(async () => {
    const names = await caches.keys();
    const urls = (
      await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)))
    ).flat();
    return {
      names,
      urls,
      scopes: (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => new URL(scope).pathname),
    };
  });

describe('nobody is stuck', { skip: missing() ?? false, concurrency: 1 }, () => {
  let browser, host, context, page;
  before(async () => (browser = await launch()));
  after(async () => browser?.close());

  /** A visitor whose service worker has taken over and holds the shell. */
  async function visited(at = ['/'], start = at[0]) {
    host = await changing(at);
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(host.origin + start);
    await settled(page, { kind: 'browse' });
    await page.waitForFunction(() => navigator.serviceWorker.controller);
  }
  const leave = async () => (await context.close(), host.stop());
  const isShop = () => page.waitForSelector('.card');

  const rows = [
    {
      name: 'another site at the address, with no site.json',
      answer: (p) => (isPage(p) ? { body: foreign } : missingFile),
      shows: 'other',
      gone: true,
    },
    { name: 'a page that is gone for good (404)', answer: () => missingFile, shows: 'none', gone: true },
    {
      name: 'a page that is gone for good (410)',
      answer: () => ({ status: 410, body: '<p>none</p>' }),
      shows: 'none',
      gone: true,
    },
    {
      name: 'a captive portal that answers every address with its page',
      answer: () => ({ body: foreign }),
      shows: 'other',
      gone: false,
    },
    {
      name: 'a portal that leads elsewhere',
      answer: (p) => (p === '/portal' ? { body: foreign } : { status: 302, headers: { location: '/portal' } }),
      shows: 'other',
      gone: false,
    },
    { name: 'a host in trouble', answer: () => ({ status: 503, body: '<p>trouble</p>' }), shows: 'shop', gone: false },
    {
      name: 'a host with too much to do',
      answer: () => ({ status: 429, body: '<p>busy</p>' }),
      shows: 'shop',
      gone: false,
    },
    { name: 'a connection that breaks', answer: () => ({ destroy: true }), shows: 'shop', gone: false },
    {
      name: 'a page that is missing while a site is uploaded',
      answer: (p) => (isPage(p) ? missingFile : null),
      shows: 'shop',
      gone: false,
    },
    {
      name: 'a host that asks for a log-in',
      answer: () => ({ status: 403, body: foreign }),
      shows: 'other',
      gone: false,
    },
  ];
  for (const { name, answer, shows, gone } of rows) {
    test(name, async () => {
      await visited();
      const before = await kept(page);
      host.answer = answer;
      await page.goto(`${host.origin}/`);
      if (shows === 'shop') await isShop();
      else
        await page
          .getByText(shows === 'other' ? 'Another site' : 'none')
          .last()
          .waitFor();
      if (gone) {
        await page.waitForFunction(
          async () =>
            !(await navigator.serviceWorker.getRegistration()) &&
            !(await caches.keys()).some((each) => each.startsWith('vitrine / ')),
        );
      } else {
        const now = await kept(page);
        assert.deepEqual(now.scopes, before.scopes);
        for (const url of before.urls) assert.ok(now.urls.includes(url), `${url} is still kept`);
        host.answer = () => null;
        await page.goto(`${host.origin}/`);
        await isShop();
      }
      await leave();
    });
  }

  test('a host that does not answer is waited for a short while, and no connection not at all', async () => {
    await visited();
    let answerNow;
    const wait = new Promise((resolve) => (answerNow = resolve));
    host.answer = (p) => (isPage(p) ? { wait, destroy: true } : null);
    await page.goto(`${host.origin}/`);
    await isShop(); // while the host still says nothing
    answerNow();
    await context.setOffline(true);
    await page.reload();
    await isShop();
    await leave();
  });

  /** The site as another build of it would be: another title in the page, another version, everything else as it is. */
  function newer({ title = 'The newer one' } = {}) {
    const described = JSON.parse(readFileSync(path.join(dist, 'site.json'), 'utf8'));
    const version = 'abcdef0123456789';
    const html = readFileSync(path.join(dist, 'index.html'), 'utf8').replaceAll(described.version, version);
    return (p) => {
      if (isPage(p)) return { body: html };
      if (p.endsWith('/site.json'))
        return { type: 'application/json', body: JSON.stringify({ ...described, title, version }) };
      return null;
    };
  }

  test('a newer build is shown at the next visit, with its own site.json', async () => {
    await visited();
    host.answer = newer();
    await page.goto(`${host.origin}/`);
    await isShop();
    assert.equal(await page.title(), 'The newer one');
    await leave();
  });

  test('a page that cannot read the catalog looks for a newer build by itself, once and never again', async () => {
    await visited();
    const catalog = JSON.parse(readFileSync(path.join(dist, 'catalog/catalog.json'), 'utf8'));
    const unreadable = (p) =>
      p.endsWith('/catalog.json')
        ? { type: 'application/json', body: JSON.stringify({ ...catalog, version: 99 }) }
        : null;
    host.answer = unreadable; // and no newer build yet
    await page.goto(`${host.origin}/`);
    await page.locator('[role="alert"]').waitFor();
    let loads = 0;
    page.on('load', () => loads++);
    const other = await context.newPage(); // another tab, whose page comes while the host is being renewed
    const renewed = newer();
    let pages = 0;
    host.answer = (p) => (isPage(p) ? (pages++ ? renewed(p) : null) : (unreadable(p) ?? renewed(p)));
    other.on('load', () => loads++);
    await other.goto(`${host.origin}/`);
    await other.waitForFunction(() => document.title === 'The newer one');
    await other.locator('[role="alert"]').waitFor(); // the newer build cannot read it either: it says so and stays
    const asked = host.asked.length;
    await other.getByRole('button', { name: 'Try again' }).click();
    await other.locator('[role="alert"]').waitFor();
    assert.equal(loads, 3, 'the first view, the newer build, and the one that was asked for');
    assert.ok(host.asked.length > asked);
    await leave();
  });

  test("a module that is another build's makes the page look for that build", async () => {
    host = await changing();
    context = await browser.newContext({ serviceWorkers: 'block' });
    page = await context.newPage();
    const renewed = newer();
    let pages = 0;
    // an older page from a cache, whose modules are gone
    host.answer = (p) =>
      isPage(p)
        ? pages++
          ? renewed(p)
          : null
        : pages < 2 && p === '/ui/grid.js'
          ? { type: 'text/javascript', body: 'export const mixed = 1;' }
          : renewed(p);
    await page.goto(`${host.origin}/`);
    await page.waitForFunction(() => document.title === 'The newer one');
    await isShop();
    await leave();
  });

  test('only files of the site are kept: no foreign picture, no error, and no page in place of a photo or manifest', async () => {
    await visited();
    const photo = (await page.getAttribute('.card img', 'src')).split('/').pop();
    await page.evaluate(async () => {
      for (const name of await caches.keys()) if (name.endsWith(' seen')) await caches.delete(name);
    });
    host.answer = (p) =>
      p.startsWith('/catalog/photos/') || p.endsWith('catalog.json')
        ? { body: foreign }
        : p === '/blog/picture.jpg'
          ? { type: 'image/jpeg', body: 'x' }
          : null;
    const tried = await page.evaluate(async (photo) => {
      const urls = [`catalog/photos/${photo}`, 'blog/picture.jpg', 'catalog/catalog.json', 'nothing.json'].map(
        (file) => new URL(file, document.baseURI).href,
      );
      for (const url of urls) await fetch(url).catch(() => {});
      navigator.serviceWorker.controller.postMessage({ type: 'keep', urls });
      return urls;
    }, photo);
    host.answer = () => null;
    // what comes after the message shows that it was worked through
    await page.evaluate(() =>
      navigator.serviceWorker.controller.postMessage({
        type: 'keep',
        urls: [new URL('model/model.json', document.baseURI).href],
      }),
    );
    await page.waitForFunction(async () =>
      Boolean(await caches.match(new URL('model/model.json', document.baseURI).href)),
    );
    const held = await page.evaluate(async (urls) => {
      const found = [];
      for (const url of urls) found.push((await caches.match(url))?.headers.get('content-type') ?? null);
      return found;
    }, tried);
    // the page itself asks for its photos and manifest again once the host has them: what is there is what it should be
    assert.ok([null, 'image/jpeg', 'image/webp'].includes(held[0]), held[0]);
    assert.equal(held[1], null, 'a picture of another page');
    assert.ok([null, 'application/json'].includes(held[2]), held[2]);
    assert.equal(held[3], null, 'an error');
    await leave();
  });

  test('two sites at /a/ and /a/b/ do not touch each other', async () => {
    await visited(['/a/', '/a/b/'], '/a/');
    const upper = await kept(page);
    await page.goto(`${host.origin}/a/b/`);
    await isShop();
    await page.waitForFunction(() => navigator.serviceWorker.controller?.scriptURL.includes('/a/b/sw.js'));
    const both = await kept(page);
    assert.deepEqual(both.scopes.toSorted(), ['/a/', '/a/b/']);
    for (const url of upper.urls) assert.ok(both.urls.includes(url), url);
    const mixed = await page.evaluate(async () => {
      const found = [];
      for (const name of await caches.keys())
        for (const { url } of await (await caches.open(name)).keys())
          if (name.startsWith('vitrine /a/ ') && url.includes('/a/b/')) found.push(url);
      return found;
    });
    assert.deepEqual(mixed, [], 'the upper one keeps nothing of the lower');
    // taking the lower one away, and once more when it is gone, leaves the upper one
    for (let i = 0; i < 2; i++)
      await page.evaluate(async () => {
        const { remove } = await import(new URL('core/storage.js', document.baseURI));
        await remove(new URL('./', document.baseURI).href);
      });
    const left = await kept(page);
    assert.deepEqual(left.scopes, ['/a/']);
    assert.ok(left.names.length && left.names.every((each) => each.startsWith('vitrine /a/ ')), left.names.join());
    await leave();
  });

  // ---- what runs was checked --------------------------------------------------------------------------------------

  const mark = "\nfetch('/ran').catch(() => {});";
  const altered = [
    { file: 'worker.js', refused: true },
    { file: 'core/data.js', page: true },
    { file: 'core/builds.js', refused: true },
    { file: 'pkg/threads/vitrine.js' },
    { file: 'pool.js' },
  ];
  for (const { file, refused, page: ofPage } of altered) {
    test(`${file} that was changed after the site was made does not run, and titles answer`, async () => {
      host = await changing();
      context = await browser.newContext({ serviceWorkers: 'block' });
      page = await context.newPage();
      const text = readFileSync(path.join(dist, file), 'utf8') + mark;
      const headers = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
      host.answer = (p) => {
        if (p === `/${file}`) return { type: 'text/javascript', body: text, headers };
        if (isPage(p)) return { body: readFileSync(path.join(dist, 'index.html')), headers };
        return null;
      };
      await page.goto(`${host.origin}/`);
      if (ofPage) {
        await page.locator('.stuck').waitFor({ timeout: 20_000 }); // nothing of the page runs: the sentence in it shows
      } else {
        await settled(page, { kind: 'browse' });
        if (refused) await page.waitForSelector('[data-engine="refused"]');
        else await page.locator('[data-notice="engine"]').waitFor();
        await page.fill('[data-part="words"]', 'red dress');
        await settled(page, { kind: 'text', words: 'red dress' });
        await isShop();
        const said = await page.textContent('[data-part="notices"]');
        assert.match(said, refused ? /is not the one that this page was built with/ : /belongs to a newer build/);
      }
      assert.ok(
        host.asked.some((each) => each.split('?')[0] === `/${file}`),
        'it was fetched',
      );
      assert.ok(!host.asked.includes('/ran'), 'and not run');
      await leave();
    });
  }

  test("a worker on a host without headers keeps the page's policy: it reaches no other origin", async () => {
    host = await changing();
    const elsewhere = await changing();
    elsewhere.answer = () => ({ body: 'reached', headers: { 'access-control-allow-origin': '*' } });
    context = await browser.newContext({ serviceWorkers: 'block' });
    page = await context.newPage();
    await page.goto(`${host.origin}/`);
    await able(page, 'text');
    const worker = page.workers().find((each) => each.url().endsWith('worker.js'));
    assert.match(worker.url(), /^blob:/);
    assert.equal(
      await worker.evaluate(
        (url) =>
          fetch(url).then(
            () => 'reached',
            () => 'refused',
          ),
        `${elsewhere.origin}/?q=secret`,
      ),
      'refused',
    );
    assert.deepEqual(elsewhere.asked, []);
    await elsewhere.stop();
    await leave();
  });
});
