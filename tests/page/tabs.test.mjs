// Two tabs that keep photos at the same time lose none, and each sees what the others did. Environment as in
// page.test.mjs.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { able, launch, missing, serve } from './browser.mjs';

const source = process.env.VITRINE_PHOTOS;
const reason = missing() ?? (source ? null : 'VITRINE_PHOTOS is not set: name the folder of photos and items.csv');
const each = 12; // photos a tab: two batches

describe('own photos in several tabs', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, folder;
  const crashes = [];

  before(async () => {
    server = await serve();
    browser = await launch();
    folder = mkdtempSync(path.join(tmpdir(), 'vitrine-tabs-'));
    const photos = readdirSync(source, { recursive: true })
      .filter((file) => /\.(jpe?g|png|webp)$/i.test(file))
      .sort();
    for (const [at, name] of ['first', 'second', 'third'].entries()) {
      mkdirSync(path.join(folder, name));
      // the same names in every folder: photos of several cameras
      for (let i = 0; i < each; i++)
        copyFileSync(
          path.join(source, photos[Math.floor(((3 * i + at) * photos.length) / (3 * each))]),
          path.join(folder, name, `IMG_${i}.jpg`),
        );
    }
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  // an init script also runs in the empty page that a tab begins with, which has no file system
  const stores = {
    'the file system': () => {},
    'the file system without locks': () => Object.defineProperty(navigator, 'locks', { value: undefined }),
    'the database': () => delete globalThis.FileSystemFileHandle?.prototype.createWritable,
    'the database without locks': () => (
      delete globalThis.FileSystemFileHandle?.prototype.createWritable,
      Object.defineProperty(navigator, 'locks', { value: undefined })
    ),
  };

  async function tabs(count, init) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.on('weberror', (error) => crashes.push(String(error.error().stack)));
    await context.addInitScript(init);
    return [context, ...(await Promise.all(Array.from({ length: count }, () => tab(context))))];
  }

  async function tab(context) {
    const page = await context.newPage();
    await page.goto(server.origin);
    await able(page, 'composed');
    return page;
  }

  const add = async (page, name) => {
    await page.bringToFront(); // a tab in the background draws nothing, which a click and a choice of files wait for
    if (!(await page.isVisible('dialog.own-sheet'))) await page.dispatchEvent('.own-button', 'click');
    await page.setInputFiles('[data-own="folder"]', path.join(folder, name));
  };
  const added = (page) =>
    page.waitForFunction(() => document.querySelector('.own [data-fresh]'), null, { timeout: 120_000, polling: 100 });
  const shows = (page, n) =>
    page.waitForFunction(
      (text) => document.querySelector('.own-button').textContent === text,
      n ? `Your photos · ${n}` : 'Your photos',
      { timeout: 30_000, polling: 100 },
    );
  /** Ids of the photos in a tab's grid, and whether each picture can be seen. */
  const seen = async (page, n) => {
    await page.bringToFront();
    if (await page.isVisible('dialog[open]')) await page.keyboard.press('Escape');
    await page.check('.own-choice input[value="own"]');
    await page.waitForFunction((count) => {
      const cards = [...document.querySelectorAll('[data-part="grid"] .card')];
      return cards.length === count && cards.every((card) => card.dataset.id.startsWith('own/'));
    }, n);
    await page.waitForFunction(() => {
      for (const image of document.querySelectorAll('[data-part="grid"] .card img')) image.loading = 'eager';
      return [...document.querySelectorAll('[data-part="grid"] .card img')].every(
        (image) => image.complete && image.naturalWidth,
      );
    });
    return page.$$eval('[data-part="grid"] .card', (cards) => cards.map((card) => card.dataset.id).sort());
  };

  for (const [name, init] of Object.entries(stores)) {
    test(`are all kept in ${name}, whoever adds or clears`, async () => {
      const [context, one, two, watching] = await tabs(3, init);
      await add(one, 'first');
      await add(two, 'second');
      await Promise.all([added(one), added(two)]);
      for (const page of [one, two, watching]) await shows(page, 2 * each);
      const ids = await seen(one, 2 * each);
      assert.equal(new Set(ids).size, 2 * each, 'no two photos have one id');
      const later = await tab(context);
      await shows(later, 2 * each);
      // Without locks two tabs may have named photos of one name in another order.
      for (const page of [two, watching, later]) assert.equal(new Set(await seen(page, 2 * each)).size, 2 * each);

      // the same folder in both tabs: each photo once
      await add(one, 'third');
      await add(two, 'third');
      await Promise.all([added(one), added(two)]);
      for (const page of [one, two, watching, later]) await shows(page, 3 * each);

      await add(one, 'first');
      await one.dispatchEvent('#own-remove', 'click');
      for (const page of [one, two, watching, later]) await shows(page, 0);
      await one.reload();
      await able(one, 'text');
      await shows(one, 0);
      await context.close();
    });
  }

  test('that one tab clears while another adds are the same for all in the end', async () => {
    const [context, one, two, watching] = await tabs(3, () => {});
    await add(one, 'first');
    await added(one);
    await shows(two, each);
    await add(two, 'second');
    await one.dispatchEvent('#own-remove', 'click');
    await added(two);
    await one.waitForFunction(() => !document.querySelector('#own-cancel'), null, { polling: 100 });
    const later = await tab(context);
    const said = () => Promise.all([one, two, watching, later].map((page) => page.textContent('.own-button')));
    const left = (await later.textContent('.own-button')).match(/\d+/)?.[0] ?? 0;
    assert.ok(Number(left) <= each, 'what was cleared is gone');
    for (const page of [one, two, watching]) await shows(page, Number(left));
    assert.equal(new Set(await said()).size, 1);
    if (Number(left))
      for (const page of [one, two, watching, later])
        assert.equal(new Set(await seen(page, Number(left))).size, Number(left));
    // and what was cleared can be added again
    await add(two, 'first');
    await two.waitForFunction((n) => Number(document.querySelector('.own [data-fresh]')?.dataset.fresh) >= n, each, {
      polling: 100,
    });
    await shows(one, Number(left) + each);
    await context.close();
  });

  test('never crashed a page', () => assert.deepEqual(crashes, []));
});
