// Drives the page as a visitor would, against a site that `vitrine site` wrote and `vitrine serve` serves.
//   VITRINE_DIST    the site of the drawn demo catalog
//   VITRINE_PHOTOS  the folder that the catalog was made from: photos and items.csv
//   VITRINE_BIN     the vitrine command
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import { able, ids, launch, load, missing, rewrite, serve, settled } from './browser.mjs';

const reason =
  missing() ??
  (process.env.VITRINE_PHOTOS ? null : 'VITRINE_PHOTOS is not set: name the folder of photos and items.csv');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('the page', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, shared, page;
  let items, manifest; // what the catalog really holds
  const foreign = []; // requests to any other origin, over the whole run
  const violations = []; // of the page's security policy
  const crashes = [];

  /** A fresh visitor: nothing cached, everything watched. */
  async function visitor(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith('http') && url.origin !== server.origin) foreign.push(request.url());
    });
    context.on(
      'console',
      (message) => /Content Security Policy/i.test(message.text()) && violations.push(message.text()),
    );
    context.on('weberror', (error) => crashes.push(String(error.error().stack)));
    await context.addInitScript(() =>
      addEventListener('securitypolicyviolation', (event) =>
        console.error(`Content Security Policy: ${event.blockedURI}`),
      ),
    );
    return context;
  }

  /** One whose requests a test answers itself: a service worker would answer in its place. */
  const interceptable = (options) => visitor({ ...options, serviceWorkers: 'block' });

  async function open(context, address = '') {
    const opened = await context.newPage();
    await opened.goto(`${server.origin}/${address}`);
    return opened;
  }

  const search = async (words) => {
    await page.fill('[data-part="words"]', words);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', by: 'engine', words });
  };

  const products = async (count, on = page) => (await ids(on, count)).map((id) => items.get(id));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const share = (list, test) => list.filter(test).length / list.length;
  const of = (name, value) => (item) => item.attributes[name] === value;
  const coloured = (colour) => (item) => item.attributes.colour?.split(' ').includes(colour.split(' ').at(-1)); // light blue is a blue
  const find = (wanted) =>
    [...items.values()].filter((item) =>
      Object.entries(wanted).every(([name, value]) => item.attributes[name] === value),
    );

  /** Kinds of products that the catalog has several of, the most frequent first: [{colour, category, n}]. */
  function kinds(least) {
    const tally = new Map();
    for (const {
      attributes: { colour, category },
    } of items.values()) {
      const key = JSON.stringify({ colour, category });
      tally.set(key, (tally.get(key) ?? 0) + 1);
    }
    const list = [...tally]
      .map(([key, n]) => ({ ...JSON.parse(key), n }))
      .filter(({ n, colour }) => colour && n >= least);
    return list.sort((a, b) => b.n - a.n || a.category.localeCompare(b.category));
  }

  async function rewritten(context, change) {
    // The hashes are made right again, so that only the content is hostile.
    const catalog = structuredClone(manifest);
    const shard = catalog.shards[0];
    const file = shard.items.file;
    const list = await (await fetch(`${server.origin}/catalog/${file}`)).json();
    change(list, catalog);
    const body = JSON.stringify(list);
    shard.items = { file, bytes: Buffer.byteLength(body), sha256: sha256(body) };
    await context.route(`**/catalog/${file}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
    await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: catalog }));
    return list;
  }

  before(async () => {
    server = await serve();
    browser = await launch();
    manifest = await (await fetch(`${server.origin}/catalog/catalog.json`)).json();
    const lists = await Promise.all(
      manifest.shards.map(async ({ items: { file } }) => (await fetch(`${server.origin}/catalog/${file}`)).json()),
    );
    items = new Map(lists.flat().map((item) => [item.id, item]));
    shared = await visitor();
    page = await open(shared);
    await able(page, 'composed');
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('shows the whole catalog and its filters before any model is there', async () => {
    const context = await interceptable();
    await context.route(/\/(model\/.*\.(safetensors|bin)|model\/tokenizer\.json|pkg\/.*|.*shard-.*)$/, () => {}); // never answered
    const first = await open(context);
    await settled(first, { kind: 'browse' });
    assert.match(await first.textContent('[data-part="heading"]'), new RegExp(items.size.toLocaleString('en')));
    assert.ok(
      new Set((await products(12, first)).map(({ attributes }) => attributes.category)).size >= 6,
      'the first view is a mixed one',
    );
    const names = await first.$$eval('.facet summary', (nodes) => nodes.map((node) => node.textContent.toLowerCase()));
    assert.deepEqual(names.toSorted(), manifest.facets.map(({ name }) => name.replace(/_/g, ' ')).toSorted());
    assert.deepEqual(names.slice(0, 3), ['category', 'colour', 'pattern'], 'what people look for first comes first');
    const [shown] = await products(1, first);
    assert.ok(Object.values(shown.attributes).every((value) => value.length > 0));
    const alt = await first.$eval('.card img', (image) => image.alt);
    for (const value of Object.values(shown.attributes)) assert.ok(alt.includes(value), `alt “${alt}” names ${value}`);

    // "More like this" needs no model either: the neighbours were computed ahead.
    await first.hover('.card');
    await first.click('.card .card-action');
    await settled(first, { kind: 'like', by: 'neighbours' });
    const near = await products(12, first);
    assert.ok(near.length > 0);
    assert.ok(!near.includes(shown), 'the product itself is not among its neighbours');
    const { category, colour } = shown.attributes;
    const related = (item) => of('category', category)(item) || coloured(colour)(item);
    assert.ok(
      share(near, related) >= 0.7,
      `neighbours of ${shown.title}: ${near.map((item) => item.title).join(' | ')}`,
    );
    await context.close();
  });

  test('finds by words', async () => {
    await page.goto(server.origin);
    await able(page, 'text');
    const wanted = new Map(kinds(8).map((kind) => [kind.category, kind])); // one colour of each category
    wanted.set('dress', { colour: 'red', category: 'dress', n: find({ colour: 'red', category: 'dress' }).length });
    assert.ok(wanted.get('dress').n >= 5 && wanted.size >= 5, 'the catalog has what is asked for');
    const shares = { category: [], colour: [] };
    for (const { colour, category, n } of [...wanted.values()].slice(-6)) {
      await search(`${colour} ${category}`);
      const top = await products(Math.min(n, 8));
      shares.category.push(share(top, of('category', category)));
      shares.colour.push(share(top, coloured(colour)));
      if (category !== 'dress') continue;
      const right = (item) => of('category', category)(item) && coloured(colour)(item);
      assert.ok(
        share(top.slice(0, 3), right) >= 2 / 3,
        `“${colour} ${category}”: ${top.map((item) => item.title).join(' | ')}`,
      );
    }
    // one hard query may take blouses for shirts; all together must be right more often than not
    assert.ok(mean(shares.category) >= 0.6 && mean(shares.colour) >= 0.6, JSON.stringify(shares));
    const scores = await page.$$eval('.card', (nodes) => nodes.map((node) => Number(node.dataset.score)));
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
      'best first',
    );
    assert.ok(scores.length > 4 && scores.every((score) => score > 0), 'every card knows its score');
  });

  test('answers the last words typed, whatever was asked before', async () => {
    const input = page.locator('[data-part="words"]');
    const last = kinds(8).find(({ category }) => category === 'skirt');
    await page.evaluate(() => {
      const { postMessage } = Worker.prototype;
      globalThis.searched = '';
      Worker.prototype.postMessage = function (message, ...rest) {
        globalThis.searched += JSON.stringify(message?.args ?? null);
        return postMessage.call(this, message, ...rest);
      };
    });
    for (const words of ['red dress', 'green bag', 'white shirt', `${last.colour} skirt`]) {
      await input.fill(words);
      // its search has begun, so that the next words come in the midst of it
      await page.waitForFunction((words) => globalThis.searched.includes(words), words, { timeout: 90_000 });
    }
    await settled(page, { kind: 'text', by: 'engine', words: `${last.colour} skirt` });
    const top = await products(8);
    assert.ok(share(top, of('category', 'skirt')) >= 0.6, top.map((item) => item.title).join(' | '));
  });

  test('finds a product by its own photo', async () => {
    const folder = process.env.VITRINE_PHOTOS;
    const files = readdirSync(folder, { recursive: true })
      .filter((file) => /\.(jpe?g|png|webp)$/i.test(file))
      .sort();
    for (const file of [files[3], files[Math.floor(files.length / 2)], files.at(-5)]) {
      await page.click('.brand');
      await page.setInputFiles('[data-part="file"]', path.join(folder, file));
      await settled(page, { kind: 'image', by: 'engine' });
      const [first] = await ids(page, 1);
      assert.equal(first, path.parse(file).name);
      assert.ok(!page.url().includes('photo'), 'a private photo leaves no trace in the address');
    }
    await page.click('[data-part="status"]');
    // attention over the photo is offered
    await page.waitForSelector('.attention summary');
    await page.keyboard.press('Escape');
  });

  test('finds by a product and words: like this, but changed', async () => {
    // the catalog's own held-out changes: the target has all that the reference has but what the words change
    const lines = readFileSync(path.join(process.env.VITRINE_PHOTOS, 'composed.test.jsonl'), 'utf8').trim().split('\n');
    const asked = [0, 1, 2, 3, 4, 5].map((i) => JSON.parse(lines[Math.floor((i * lines.length) / 6)]));
    const found = [];
    for (const { reference, captions, targets } of asked) {
      const words = captions.join(', ');
      await load(page, `${server.origin}/#like=${reference}`);
      await able(page, 'composed');
      await settled(page, { kind: 'like', by: 'engine' });
      assert.ok(!(await ids(page, 96)).includes(reference));
      await page.fill('[data-part="words"]', words);
      await settled(page, { kind: 'composed', by: 'engine', words });
      const top = await ids(page, 10);
      assert.ok(!top.includes(reference), 'the reference is left out');
      found.push({ reference, words, found: targets.some((target) => top.includes(target)) });
    }
    // nine in ten are found by the command line; chance is one in a hundred
    assert.ok(found.filter((one) => one.found).length >= 4, JSON.stringify(found));
    await page.click('[data-part="status"]');
    await page.click('.attention summary');
    assert.match(await page.textContent('.weighed-both'), /Photo \d+ % · words \d+ %/);
    assert.ok((await page.locator('.weighed-word').count()) >= 2);
  });

  test('weighs photo against words by the slider', async () => {
    const [reference] = find({ category: 'dress', colour: 'red' });
    const hits = {};
    for (const mix of ['0', '1']) {
      await load(page, `${server.origin}/#like=${reference.id}&q=blue+trousers&mix=${mix}`);
      await able(page, 'composed');
      await settled(page, { kind: 'composed', by: 'engine' });
      hits[mix] = await products(12);
    }
    const dresses = (list) => share(list, of('category', 'dress'));
    assert.ok(
      dresses(hits[1]) > dresses(hits[0]),
      `like the photo: ${dresses(hits[1])}, like the words: ${dresses(hits[0])}`,
    );
  });

  test('filters, with counts, and searches within the filters', async () => {
    await page.goto(server.origin);
    await settled(page, { kind: 'browse' });
    const red = find({ colour: 'red' });
    await page.$$eval('.rail .facet-values .link', (links) => links.forEach((link) => link.click())); // every value, not the first few
    const box = page.locator('.rail input[data-facet="colour"][data-value="red"]');
    const count = await box.evaluate((input) => input.closest('label').querySelector('.facet-count').textContent);
    assert.equal(Number(count), red.length);
    await box.check();
    await settled(page, { kind: 'browse' });
    await page.waitForFunction(
      (n) => document.querySelector('[data-part="heading"]').textContent.startsWith(`${n} of`),
      red.length,
    );
    const shown = await products(48);
    assert.equal(shown.length, Math.min(48, red.length));
    assert.ok(shown.every(of('colour', 'red')));
    const dresses = page.locator('.rail input[data-facet="category"][data-value="dress"]');
    assert.equal(
      Number(await dresses.evaluate((input) => input.closest('label').querySelector('.facet-count').textContent)),
      find({ colour: 'red', category: 'dress' }).length,
    );

    await able(page, 'text');
    await page.fill('[data-part="words"]', 'dress');
    await settled(page, { kind: 'text', by: 'engine', words: 'dress' });
    const top = await products(48);
    assert.ok(top.every(of('colour', 'red')), 'only red ones');
    assert.match(page.url(), /q=dress/);
    assert.match(page.url(), /f\.colour=red/);

    // The address is the whole state: another visitor sees the same.
    const before = await ids(page, 10);
    await page.reload();
    await settled(page, { kind: 'text', by: 'engine', words: 'dress' });
    assert.deepEqual(await ids(page, 10), before);
    await page.click('.active-filters .chip');
    await page.waitForFunction(() => !location.hash.includes('f.colour'));
  });

  test('leaves out what is marked with a minus', async () => {
    await page.goto(server.origin);
    await able(page, 'text');
    await search('dress');
    await page.fill('[data-part="words"]', 'dress -red');
    await page.waitForFunction(() =>
      document.querySelector('[data-part="subheading"]').textContent.includes('without red'),
    );
    await settled(page, { kind: 'text', by: 'engine', words: 'dress' });
    const top = await products(48);
    assert.ok(top.length > 10);
    assert.ok(top.every((item) => !/\bred\b/i.test(`${item.title} ${Object.values(item.attributes)}`)));
  });

  test('goes back and forward through what was asked', async () => {
    await page.goto(server.origin);
    await able(page, 'like');
    const id = (await ids(page, 1))[0];
    await search('red dress');
    const words = await ids(page, 5);
    await page.hover('.card');
    await page.click('.card .card-action');
    await settled(page, { kind: 'like', by: 'engine' });
    await page.goBack();
    await settled(page, { kind: 'text', by: 'engine', words: 'red dress' });
    assert.deepEqual(await ids(page, 5), words);
    await page.goBack();
    await settled(page, { kind: 'browse' });
    assert.equal((await ids(page, 1))[0], id);
  });

  test('is worked by keyboard alone', async () => {
    await page.goto(server.origin);
    await settled(page, { kind: 'browse' });
    await page.keyboard.press('/');
    await page.keyboard.press('ArrowDown');
    const at = () => page.evaluate(() => document.activeElement.closest('.card')?.dataset.index);
    assert.equal(await at(), '0');
    await page.keyboard.press('ArrowRight');
    assert.equal(await at(), '1');
    const columns = await page.$eval(
      '[data-part="grid"]',
      (grid) => getComputedStyle(grid).gridTemplateColumns.split(' ').length,
    );
    await page.keyboard.press('ArrowDown');
    assert.equal(await at(), String(1 + columns));
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog.product[open]');
    const id = (await ids(page, 2 + columns)).at(-1);
    assert.equal(await page.textContent('.product-title'), items.get(id).title);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.product', { state: 'detached' });
    assert.equal(await at(), String(1 + columns), 'focus returns to the card');
    await page.keyboard.press('Tab');
    assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), /^More like/);
    await page.keyboard.press('Enter');
    await settled(page, { kind: 'like' });
    assert.match(await page.textContent('[data-part="live"]'), /results? for/);
  });

  test('words typed before the page is ready are asked, not lost', async () => {
    for (const held of ['app.js', 'site.json', 'catalog.json']) {
      const context = await interceptable();
      let release;
      const gate = new Promise((resolve) => (release = resolve));
      await context.route(`**/${held}*`, async (route) => {
        await gate;
        await route.continue();
      });
      const early = await context.newPage();
      await early.goto(server.origin, { waitUntil: 'commit' });
      await early.fill('[data-part="words"]', 'red dress');
      release();
      await settled(early, { kind: 'text', by: 'engine', words: 'red dress' });
      assert.equal(await early.inputValue('[data-part="words"]'), 'red dress');
      await context.close();
    }
  });

  test('walks through the results in the product sheet, and Esc takes one thing back at a time', async () => {
    await page.goto(server.origin);
    await search('red dress');
    const order = await ids(page, 3);
    await page.click('.card-open');
    const title = (id) =>
      page.waitForFunction(
        (text) => document.querySelector('dialog.product[open] .product-title')?.textContent === text,
        items.get(id).title,
      );
    await title(order[0]);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await title(order[2]);
    await page.keyboard.press('ArrowLeft');
    await title(order[1]);
    assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('item'), order[1]);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.product', { state: 'detached' });
    assert.equal(await page.inputValue('[data-part="words"]'), 'red dress', 'the question stays');
    await page.focus('.card-open');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.part), 'words');
    await page.keyboard.press('Escape');
    await settled(page, { kind: 'browse' });
    assert.equal(await page.inputValue('[data-part="words"]'), '');
  });

  /** Controls that stand out of the window sideways, or that something else covers when they are scrolled to. */
  const unreachable = (on, root) =>
    on.evaluate((selector) => {
      const controls = [
        ...document.querySelector(selector).querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]'),
      ];
      return controls.flatMap((control) => {
        const shown = control.checkVisibility({ visibilityProperty: true, opacityProperty: false });
        if (!shown || control.disabled || control.closest('.visually-hidden, .skip, [aria-hidden="true"]')) return [];
        control.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
        const target = control.matches('input[type="radio"], input[type="checkbox"]')
          ? (control.closest('label') ?? control)
          : control;
        const { left, right, top, bottom, width, height } = target.getBoundingClientRect();
        if (!width || !height) return [];
        const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        const reached = target.contains(over) || over?.contains(target);
        const inside = left >= -1 && right <= innerWidth + 1;
        return reached && inside
          ? []
          : [
              `${control.outerHTML.slice(0, 120)} at ${Math.round(left)}…${Math.round(right)} × ${Math.round(top)}…${Math.round(bottom)} under ${over?.outerHTML.slice(0, 60)}`,
            ];
      });
    }, root);

  test('at 200 % zoom nothing scrolls sideways, and every control can be reached', async () => {
    // what 1280 × 800 and 780 × 844 become when everything is twice as large
    for (const viewport of [
      { width: 640, height: 400 },
      { width: 390, height: 422 },
    ]) {
      const context = await visitor({ viewport, deviceScaleFactor: 2, reducedMotion: 'reduce' });
      const zoomed = await open(context);
      await able(zoomed, 'composed');
      const check = async (state, root = '[data-vitrine]') => {
        const wide = await zoomed.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${state} at ${viewport.width}: ${wide} px too wide`);
        assert.deepEqual(await unreachable(zoomed, root), [], `${state} at ${viewport.width}`);
      };
      await settled(zoomed, { kind: 'browse' });
      await check('browse');
      const [id] = await ids(zoomed, 1);
      await load(zoomed, `${server.origin}/#like=${id}&q=in+blue`);
      await settled(zoomed, { kind: 'composed', by: 'engine' });
      await check('composed');
      await zoomed.click('.card-open');
      await zoomed.waitForSelector('dialog.product[open]');
      await check('product', 'dialog[open]');
      await zoomed.keyboard.press('Escape');
      await zoomed.click('[data-part="open-filters"]');
      await zoomed.waitForSelector('dialog[open]');
      await check('filters', 'dialog[open]');
      await zoomed.keyboard.press('Escape');
      await zoomed.click('[data-part="status"]');
      await zoomed.waitForSelector('#privacy-remove');
      await check('privacy', 'dialog[open]');
      await context.close();
    }
  });

  test('offers to be installed in its panel, where the browser can, and puts no banner over the page', async () => {
    const context = await visitor();
    const visited = await open(context);
    await able(visited, 'text');
    const held = await visited.evaluate(() => {
      globalThis.prompted = 0;
      const event = Object.assign(new Event('beforeinstallprompt', { cancelable: true }), {
        prompt: () => globalThis.prompted++,
      });
      return !dispatchEvent(event);
    });
    assert.ok(held, "the browser's own banner is held back");
    await visited.click('[data-part="status"]');
    const button = visited.locator('#privacy-install');
    assert.equal(await button.textContent(), 'Install as an app');
    await button.click();
    assert.equal(await visited.evaluate(() => globalThis.prompted), 1);
    await button.waitFor({ state: 'detached' });
    await context.close();
  });

  test('works without a network after the first visit', async () => {
    const context = await visitor();
    const first = await open(context);
    await able(first, 'composed');
    await first.waitForFunction(() => navigator.serviceWorker.controller);
    // Kept when the service worker holds the manifests, the page's other files, and the photos that were seen before it took over.
    await first.waitForFunction(async () => {
      const kept = (await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys())))
        .flat()
        .map(({ url }) => url);
      const seen = [...document.images]
        .filter((image) => image.complete && image.src.includes('/photos/'))
        .map(({ src }) => src);
      const { later } = await (await fetch('site.json')).json(); // what this visit did not use
      const files = [
        ...seen,
        ...['catalog/catalog.json', 'model/model.json', ...later].map((file) => new URL(file, document.baseURI).href),
      ];
      return seen.length && files.every((url) => kept.includes(url));
    });
    const [product] = await ids(first, 1);
    await first.close();
    await context.setOffline(true);
    const later = await open(context);
    await settled(later, { kind: 'browse' });
    await able(later, 'composed');
    await later.fill('[data-part="words"]', 'red dress');
    await settled(later, { kind: 'text', by: 'engine', words: 'red dress' });
    const top = await products(10, later);
    assert.ok(share(top, of('category', 'dress')) >= 0.6, top.map((item) => item.title).join(' | '));
    await load(later, `${server.origin}/#like=${product}&q=in+blue`);
    await able(later, 'composed');
    await settled(later, { kind: 'composed', by: 'engine' });
    assert.ok(await later.$eval('.query-chip img', (image) => image.naturalWidth > 0), 'a photo seen before is there');
    await later.click('.own-button'); // a part of the page that the first visit did not use
    await later.waitForSelector('.own-sheet[open]');
    await context.close();
  });

  test('offers a newer build of the page, and changes to it when asked', async () => {
    const copy = mkdtempSync(path.join(tmpdir(), 'vitrine-page-'));
    cpSync(process.env.VITRINE_DIST, copy, { recursive: true });
    const own = await serve(copy);
    const context = await browser.newContext();
    try {
      const visited = await context.newPage();
      await visited.goto(own.origin);
      await visited.waitForFunction(() => navigator.serviceWorker.controller);
      const site = JSON.parse(readFileSync(path.join(copy, 'site.json'), 'utf8'));
      writeFileSync(
        path.join(copy, 'site.json'),
        JSON.stringify({ ...site, title: 'The newer one', version: `${site.version}-next` }),
      );
      await visited.reload();
      const notice = visited.locator('[data-notice="update"]');
      await notice.waitFor();
      assert.equal(await visited.title(), site.title, 'until then the page stays of one build');
      await notice.getByRole('button', { name: 'Reload' }).click();
      await visited.waitForFunction(() => document.title === 'The newer one');
    } finally {
      await context.close();
      await own.stop();
      rmSync(copy, { recursive: true });
    }
  });

  test('shows what a hostile catalog says as text', async () => {
    const context = await interceptable();
    const title = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script> coat';
    const list = await rewritten(context, (rows, catalog) => {
      rows[0].title = title;
      rows[0].link = 'javascript:document.title="owned"';
      rows[0].tone = 'red;background:url(//elsewhere.example/x)';
      rows[0].attributes.category = '<b>bold</b>';
      catalog.facets[0].values[0].value = '<i>italic</i>';
    });
    const hostile = await open(context, `#item=${encodeURIComponent(list[0].id)}`);
    await hostile.waitForSelector('dialog.product[open]');
    assert.equal(await hostile.textContent('.product-title'), title);
    assert.equal(await hostile.locator('dialog.product a[href]').count(), 0, 'no link that runs script');
    assert.equal(await hostile.locator('.card b, .card script, .facet i, dialog b').count(), 0);
    assert.equal(await hostile.textContent(`.card[data-row="0"] .card-title`), title);
    assert.notEqual(await hostile.title(), 'owned');
    await context.close();
  });

  test('says what is wrong with a damaged file, and recovers', async () => {
    const context = await interceptable();
    let asked = 0;
    let damage = true;
    await context.route('**/shard-*', async (route) => {
      asked++;
      if (!damage) return route.continue();
      const answer = await route.fetch();
      const body = await answer.body();
      body[body.length >> 1] ^= 1;
      await route.fulfill({ response: answer, body });
    });
    const damaged = await open(context, '#q=red+dress');
    const alert = damaged.locator('[role="alert"]');
    await alert.waitFor();
    const sentence = await alert.textContent();
    const { file, sha256: hash } = manifest.shards[0];
    for (const part of [file, 'damaged', 'sha256', hash.slice(0, 12), 'twice'])
      assert.ok(sentence.includes(part), `“${sentence}” says ${part}`);
    assert.equal(asked % 2, 0, 'each shard was asked for a second time, past the cache');
    assert.ok((await damaged.locator('.card').count()) > 0, 'titles still answer');
    damage = false;
    await alert.getByRole('button', { name: 'Try again' }).click();
    await settled(damaged, { kind: 'text', by: 'engine', words: 'red dress' });
    assert.equal(await damaged.locator('[role="alert"]').count(), 0);
    await context.close();
  });

  test('fetches a file once more when it arrives damaged, without a word', async () => {
    const context = await interceptable();
    let first = true;
    await context.route('**/shard-*', (route) => {
      if (!first) return route.continue();
      first = false;
      return route.fulfill({ body: 'not a shard' });
    });
    const healed = await open(context);
    await able(healed, 'like');
    assert.equal(await healed.locator('[role="alert"]').count(), 0);
    await context.close();
  });

  test('takes a broken download up again by itself', async () => {
    const context = await interceptable();
    let broken = 0;
    await context.route('**/model/text.*', (route) =>
      broken++ < 2 ? route.abort('connectionreset') : route.continue(),
    );
    const recovered = await open(context);
    await able(recovered, 'composed'); // which the instant tier cannot answer
    assert.equal(broken, 3);
    assert.equal(await recovered.locator('[role="alert"]').count(), 0);
    await context.close();
  });

  test('pauses the download, keeps what is verified, and goes on from there', async () => {
    const context = await interceptable();
    let hold = true;
    const asked = [];
    await context.route(/\/model\/.*\.(safetensors|json)$|_bg\.wasm$/, (route) => {
      const file = route.request().url().split('/').pop();
      asked.push(file);
      return hold && file.startsWith('text.') ? undefined : route.continue();
    });
    // a model without the instant tier, which would answer meanwhile
    await context.route('**/model/model.json*', async (route) => {
      const { instant, ...plain } = await (await route.fetch()).json();
      await route.fulfill({ json: plain });
    });
    const paused = await open(context, '#q=red+dress');
    await paused.waitForSelector('[data-part="results"][aria-busy="false"]:is([data-by="titles"], [data-by="words"])');
    await paused.waitForSelector('[data-vitrine][data-engine="ready"]');
    await paused.click('[data-part="status"]');
    await paused.waitForFunction(
      () =>
        [...document.querySelectorAll('.figures .meter')].filter(
          (meter) => meter.style.getPropertyValue('--share') === '100%',
        ).length >= 4,
    );
    await paused.getByRole('button', { name: 'Pause' }).click();
    await paused.getByRole('dialog').getByRole('button', { name: 'Resume' }).waitFor();
    await paused.keyboard.press('Escape');
    assert.match(await paused.textContent('[data-notice="waiting"]'), /paused/);
    hold = false;
    await paused.locator('[data-notice="waiting"]').getByRole('button', { name: 'Resume' }).click();
    await settled(paused, { kind: 'text', by: 'engine', words: 'red dress' });
    assert.equal(asked.filter((file) => file.endsWith('_bg.wasm')).length, 1, 'what was verified is not fetched again');
    assert.equal(asked.filter((file) => file.startsWith('text.')).length, 2);
    await context.close();
  });

  test('refuses a catalog that another model made, and names both', async () => {
    const context = await interceptable();
    const other = 'f'.repeat(64);
    await context.route('**/catalog/catalog.json', (route) =>
      route.fulfill({ json: { ...manifest, model: { ...manifest.model, fingerprint: other } } }),
    );
    const mixed = await open(context);
    const alert = mixed.locator('[role="alert"]');
    await alert.waitFor();
    const sentence = await alert.textContent();
    assert.ok(sentence.includes(other.slice(0, 12)), sentence);
    assert.ok(sentence.includes(manifest.model.fingerprint.slice(0, 12)), sentence);
    assert.ok((await mixed.locator('.card').count()) > 0, 'the catalog can still be browsed');
    await context.close();
  });

  test('browses, filters and shows neighbours where WebAssembly is refused, and says why', async () => {
    const context = await interceptable();
    const fetched = [];
    context.on('request', (request) => fetched.push(request.url()));
    await rewrite(context, 'worker.js', (text) => `delete globalThis.WebAssembly;\n${text}`);
    const refused = await open(context, '#q=red+dress');
    await refused.waitForSelector('[data-engine="refused"]');
    await settled(refused, { kind: 'text', by: 'titles' });
    assert.match(await refused.textContent('[data-notice="waiting"]'), /refused WebAssembly/);
    assert.ok(share(await products(5, refused), of('category', 'dress')) === 1);
    await refused.hover('.card');
    await refused.click('.card .card-action');
    await settled(refused, { kind: 'like', by: 'neighbours' });
    assert.ok((await refused.locator('.card').count()) > 0);
    assert.ok(
      !fetched.some((url) => /safetensors|_bg\.wasm|shard-/.test(url)),
      'nothing is downloaded that could not be used',
    );
    await context.close();
  });

  test('reports a file that is no photo, and goes on', async () => {
    await page.goto(server.origin);
    await able(page, 'image');
    await page.setInputFiles('[data-part="file"]', {
      name: 'x.png',
      mimeType: 'image/png',
      buffer: Buffer.from('no photo at all'),
    });
    const alert = page.locator('[role="alert"]');
    await alert.waitFor();
    assert.match(await alert.textContent(), /could not be read/);
    await search('red dress');
    assert.equal(await alert.count(), 0);
  });

  test('has no serious accessibility findings in any state, light or dark, wide or narrow', async () => {
    for (const options of [{}, { colorScheme: 'dark' }, { viewport: { width: 390, height: 844 }, hasTouch: true }]) {
      const context = await visitor({ reducedMotion: 'reduce', ...options });
      const looked = await open(context);
      await able(looked, 'text');
      const check = async (state) => {
        await looked.evaluate(axe.source);
        const { violations: found } = await looked.evaluate(() =>
          globalThis.axe.run(document, { resultTypes: ['violations'] }),
        );
        const serious = found.filter(({ impact }) => ['serious', 'critical'].includes(impact));
        assert.deepEqual(
          serious.map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`),
          [],
          `${state} ${JSON.stringify(options)}`,
        );
      };
      await check('browse');
      await looked.fill('[data-part="words"]', 'red dress');
      await settled(looked, { kind: 'text', by: 'engine', words: 'red dress' });
      await check('results');
      await looked.click('.card-open');
      await looked.waitForSelector('dialog.product[open]');
      await check('product');
      await looked.keyboard.press('Escape');
      await looked.click('[data-part="status"]');
      await check('privacy');
      await looked.keyboard.press('Escape');
      if (await looked.isVisible('[data-part="open-filters"]')) {
        await looked.click('[data-part="open-filters"]');
        await check('filters');
      }
      await context.close();
    }
  });

  test('speaks every language in full', async () => {
    const folder = path.join(process.env.VITRINE_DIST, 'ui/strings');
    const strings = {};
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
      const [first, panels] = await Promise.all(
        [file, `panels/${file}`].map((name) => import(path.join(folder, name))),
      );
      strings[path.parse(file).name] = { ...first.sentences, ...panels.sentences };
      for (const key of Object.keys(first.sentences))
        assert.ok(!(key in panels.sentences), `${file}: ${key} is there once`);
    }
    assert.ok(Object.keys(strings).length >= 3);
    const places = (sentence) => [...new Set(JSON.stringify(sentence).match(/\{\w+\}/g) ?? [])].toSorted();
    for (const [language, sentences] of Object.entries(strings)) {
      assert.deepEqual(Object.keys(sentences).toSorted(), Object.keys(strings.en).toSorted(), language);
      for (const [key, sentence] of Object.entries(sentences))
        assert.deepEqual(places(sentence), places(strings.en[key]), `${language}: ${key}`);
    }
    const context = await visitor({ locale: 'de-DE' });
    const fetched = [];
    context.on('request', (request) => fetched.push(new URL(request.url()).pathname));
    const german = await open(context);
    await settled(german, { kind: 'browse' });
    assert.equal(await german.getAttribute('html', 'lang'), 'de');
    assert.equal(await german.textContent('[data-part="heading"]'), `${items.size.toLocaleString('de')} Produkte`);
    await german.waitForFunction(() => navigator.serviceWorker.controller);
    await german.close();
    await context.setOffline(true);
    const later = await open(context);
    await settled(later, { kind: 'browse' });
    assert.equal(await later.getAttribute('html', 'lang'), 'de', 'without a network too');
    const spoken = new Set(fetched.filter((file) => file.includes('/strings/')));
    spoken.delete('/ui/strings/panels/de.js'); // kept by the service worker, for the panels
    assert.deepEqual([...spoken], ['/ui/strings/de.js'], 'and nobody fetches the sentences of others');
    await context.close();
  });

  test('fits every width and moves nothing once drawn', async () => {
    for (const width of [320, 390, 820, 1440]) {
      const context = await visitor({ viewport: { width, height: 800 } });
      await context.addInitScript(() => {
        globalThis.shift = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
        }).observe({ type: 'layout-shift', buffered: true });
      });
      const fitted = await open(context);
      await able(fitted, 'text');
      assert.ok(
        await fitted.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        `no sideways scrolling at ${width}`,
      );
      const shift = await fitted.evaluate(() => globalThis.shift);
      assert.ok(shift < 0.1, `layout shift ${shift} at ${width}`);
      await context.close();
    }
  });

  test('keeps its promise: nothing left the site, and the page says so', async () => {
    await page.goto(server.origin);
    await able(page, 'composed');
    await page.click('[data-part="status"]');
    await page.waitForSelector('.privacy-count');
    assert.equal(await page.textContent('.privacy-count'), '0 requests left this site');
    await page.waitForFunction(() => /MB kept on this device/.test(document.querySelector('[data-used]')?.textContent));
    await page.click('#privacy-remove');
    await page.waitForFunction(() => document.querySelector('[data-used]')?.dataset.used === '0');
    assert.deepEqual(await page.evaluate(() => caches.keys()), []);
    assert.deepEqual(foreign, []);
    assert.deepEqual(violations, []);
    assert.deepEqual(crashes, []);
  });
});

/** Reads items.csv far enough to say whether the tests look at the catalog that they were made for. */
test('the photos folder is the one the catalog was made from', { skip: reason ?? false }, () => {
  const [header, ...rows] = readFileSync(path.join(process.env.VITRINE_PHOTOS, 'items.csv'), 'utf8').trim().split('\n');
  for (const column of ['id', 'title', 'category', 'colour'])
    assert.ok(header.split(',').includes(column), `items.csv has a column ${column}: ${header}`);
  assert.ok(rows.length > 100);
});
