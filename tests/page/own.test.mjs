// A visitor's own photos: added, searched, kept, exported; nothing of them leaves the device. Environment as in
// page.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import { able, ids, launch, missing, serve, settled } from './browser.mjs';

const { VITRINE_PHOTOS: source, VITRINE_DIST: dist, VITRINE_BIN: vitrine } = process.env;
const reason = missing() ?? (source ? null : 'VITRINE_PHOTOS is not set: name the folder of photos and items.csv');

describe("a visitor's own photos", { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, folder, wardrobe, names;
  const crashes = [];

  async function visitor(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.on('weberror', (error) => crashes.push(String(error.error().stack)));
    const page = await context.newPage();
    await page.goto(server.origin);
    await able(page, 'composed');
    return page;
  }

  const choose = async (page, what) => {
    if (!(await page.isVisible('dialog.own-sheet'))) await page.click('.own-button');
    await page.setInputFiles('[data-own="folder"]', what);
  };
  const added = (page) =>
    page
      .waitForSelector('.own [data-fresh]', { timeout: 120_000 })
      .then((node) => node.evaluate(({ dataset }) => [Number(dataset.fresh), Number(dataset.same)]));
  const close = (page) => page.keyboard.press('Escape');
  const scope = (page, name) => page.check(`.own-choice input[value="${name}"]`);
  /** Where good matches end, the others wait for a press. */
  const whole = async (page) => {
    const rest = page.locator('.cut button');
    if (await rest.isVisible()) await rest.click();
  };
  const onlyOwn = (page) =>
    page.waitForFunction(() => {
      const cards = [...document.querySelectorAll('[data-part="grid"] .card')];
      return cards.length && cards.every(({ dataset }) => dataset.id.startsWith('own/'));
    });
  const search = async (page, words) => {
    await page.fill('[data-part="words"]', words);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', by: 'engine', words });
  };

  before(async () => {
    server = await serve();
    browser = await launch();
    folder = mkdtempSync(path.join(tmpdir(), 'vitrine-own-'));
    wardrobe = path.join(folder, 'wardrobe');
    mkdirSync(path.join(wardrobe, 'deep'), { recursive: true });
    const photos = readdirSync(source, { recursive: true })
      .filter((file) => /\.(jpe?g|png|webp)$/i.test(file))
      .sort();
    names = Array.from({ length: 24 }, (_, i) => photos[Math.floor((i * photos.length) / 24)]);
    for (const [i, file] of names.entries())
      copyFileSync(path.join(source, file), path.join(wardrobe, i % 2 ? 'deep' : '.', `mine ${path.basename(file)}`));
    writeFileSync(path.join(wardrobe, 'broken.jpg'), 'not a photo');
    writeFileSync(path.join(wardrobe, 'notes.txt'), 'not one either');
    copyFileSync(path.join(source, names[0]), path.join(wardrobe, 'copy.jpg'));
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('are read, searched, kept and read only once, and nothing leaves the device', async () => {
    const page = await visitor();
    const requests = [];
    page.context().on('request', (request) => requests.push(request));
    await choose(page, wardrobe);
    const [fresh, same] = await added(page);
    assert.deepEqual([fresh, same], [24, 1], 'the copy is no photo of its own');
    assert.match(await page.textContent('.own-failures'), /broken\.jpg/, 'what cannot be read is named');
    assert.ok(!(await page.textContent('.own-failures')).includes('notes.txt'), 'what is no photo is not mentioned');
    assert.match(await page.textContent('.own [data-kept]'), /kept on this device/);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(
      violations
        .filter(({ impact }) => ['serious', 'critical'].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
      [],
    );
    await close(page);

    // beside, instead, and not at all
    await search(page, 'red dress');
    const own = (list) => list.filter((id) => id.startsWith('own/'));
    const both = await ids(page, 48);
    assert.ok(own(both).length > 0 && own(both).length < both.length);
    await scope(page, 'own');
    await onlyOwn(page);
    await whole(page);
    const mine = await ids(page, 48);
    assert.equal(own(mine).length, 24);
    assert.equal(await page.locator('.card .own-mark').count(), 24);
    await scope(page, 'shop');
    await page.waitForFunction(
      () =>
        ![...document.querySelectorAll('[data-part="grid"] .card')].some(({ dataset }) =>
          dataset.id.startsWith('own/'),
        ),
    );

    // an own photo finds the shop's own copy of it, and itself stays out of the address
    await scope(page, 'both');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('[data-part="grid"] .card')].some(({ dataset }) => dataset.id.startsWith('own/')),
    );
    const [id] = own(await ids(page, 48));
    await page.locator(`.card[data-id="${id}"]`).hover();
    await page.locator(`.card[data-id="${id}"] .card-action`).first().click();
    await settled(page, { kind: 'like', by: 'engine' });
    assert.equal((await ids(page, 1))[0], id.replace('own/mine ', ''));
    assert.ok(!decodeURIComponent(page.url()).includes('mine'), page.url());
    await page.fill('[data-part="words"]', 'in blue');
    await settled(page, { kind: 'composed', by: 'engine', words: 'in blue' });
    assert.ok(!decodeURIComponent(page.url()).includes('mine'), page.url());

    await page.goBack();
    await settled(page, { kind: 'like', by: 'engine' });
    assert.equal((await ids(page, 1))[0], id.replace('own/mine ', ''), 'the way back knows it all the same');

    // the second time nothing is encoded; a file with another date is read, but not encoded either
    const moved = path.join(wardrobe, `mine ${path.basename(names[0])}`);
    utimesSync(moved, new Date(), new Date(Date.now() - 5000_000));
    await choose(page, wardrobe);
    await page.waitForFunction(() => document.querySelector('.own [data-fresh]')?.dataset.same >= '25');
    assert.deepEqual(await added(page), [0, 25]);
    await close(page);

    // a reload keeps them, and still nothing has left
    await page.reload();
    await able(page, 'composed');
    await page.waitForSelector('.own-choices');
    await settled(page, { kind: 'like', by: 'engine' });
    await page.click('.brand');
    await search(page, 'red dress');
    assert.deepEqual(await ids(page, 48), both);
    await choose(page, wardrobe);
    assert.deepEqual(await added(page), [0, 25]);

    for (const request of requests) {
      assert.equal(request.method(), 'GET', request.url());
      assert.equal(request.postData(), null);
      assert.ok(request.url().startsWith('blob:') || new URL(request.url()).origin === server.origin, request.url());
      assert.ok(!/mine|wardrobe|broken/.test(decodeURIComponent(request.url())), request.url());
    }

    await page.click('#own-remove');
    await page.waitForFunction(() => !document.querySelector('.own-choices'));
    await close(page);
    await page.reload();
    await able(page, 'text');
    await search(page, 'red dress');
    assert.equal(own(await ids(page, 96)).length, 0);
    assert.deepEqual(
      await page.evaluate(async () => Array.fromAsync((await navigator.storage.getDirectory()).keys())),
      [],
    );
    await page.context().close();
  });

  test('stop and go on, and end where told', async () => {
    const page = await visitor();
    await choose(page, wardrobe);
    await page.click('#own-pause');
    await page.waitForSelector('#own-resume');
    const paused = await page.textContent('.own-button');
    assert.match(paused, /paused/);
    await page.click('#own-resume');
    await added(page);
    assert.match(await page.textContent('.own-button'), /24/);
    await page.click('#own-remove');
    await page.waitForFunction(() => document.querySelector('.own-button').textContent === 'Your photos');
    await page.setInputFiles('[data-own="folder"]', wardrobe);
    await page.click('#own-cancel');
    await page.waitForFunction(() => !document.querySelector('#own-cancel'));
    assert.ok(page.workers().length <= 1 + 4, 'the workers are let go');
    await page.context().close();
  });

  test('come by dropping a folder anywhere; one photo alone is still a question', async () => {
    const page = await visitor();
    const session = await page.context().newCDPSession(page);
    const drop = async (...files) => {
      const data = { items: [], files, dragOperationsMask: 1 };
      for (const type of ['dragEnter', 'dragOver', 'drop'])
        await session.send('Input.dispatchDragEvent', { type, x: 400, y: 500, data });
    };
    await drop(path.join(wardrobe, 'deep', `mine ${path.basename(names[1])}`));
    await settled(page, { kind: 'image', by: 'engine' });
    assert.equal(await page.isVisible('dialog.own-sheet'), false);
    await drop(wardrobe);
    assert.deepEqual(await added(page), [24, 1]);
    assert.match(await page.textContent('.own-failures'), /wardrobe\/broken\.jpg/, 'by its path');

    // a batch that a crash cut off costs that batch alone
    const cut = await page.evaluate(async () => {
      const [site] = await Array.fromAsync((await navigator.storage.getDirectory()).values());
      const [model] = await Array.fromAsync(site.values());
      const file = await (await model.getFileHandle('00000001')).createWritable({ keepExistingData: true });
      await file.truncate(900);
      await file.close();
      return Array.fromAsync(model.keys()).then((keys) => keys.length);
    });
    assert.ok(cut >= 4);
    await page.reload();
    await able(page, 'composed');
    await page.waitForSelector('.own-choices');
    const left = Number((await page.textContent('.own-button')).match(/\d+/)[0]);
    assert.ok(left >= 24 - 6 && left < 24, String(left));
    await drop(wardrobe);
    assert.deepEqual(await added(page), [24 - left, left + 1]);
    await page.context().close();
  });

  test('are searched from memory where the storage is full, and it says so', async () => {
    const page = await visitor();
    const session = await page.context().newCDPSession(page);
    const { usage } = await page.evaluate(() => navigator.storage.estimate());
    await session.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: usage + 1000 });
    await choose(page, wardrobe);
    await added(page);
    assert.equal(await page.getAttribute('.own [data-kept]', 'data-kept'), 'full');
    assert.match(await page.textContent('.own [data-kept]'), /storage is full/);
    await close(page);
    await scope(page, 'own');
    await search(page, 'red dress');
    await onlyOwn(page);
    await whole(page);
    assert.equal((await ids(page, 48)).length, 24);
    await page.context().close();
  });

  test('are kept in the database where the file system cannot be written', async () => {
    const context = await browser.newContext();
    await context.addInitScript(() => delete FileSystemFileHandle.prototype.createWritable);
    const page = await context.newPage();
    await page.goto(server.origin);
    await able(page, 'text');
    await choose(page, wardrobe);
    await added(page);
    assert.equal(await page.getAttribute('.own [data-kept]', 'data-kept'), 'device');
    await page.reload();
    await able(page, 'text');
    await page.waitForSelector('.own-choices');
    assert.match(await page.textContent('.own-button'), /24/);
    await page.click('.own-button');
    await page.click('#own-remove');
    await page.waitForFunction(() => !document.querySelector('.own-choices'));
    await page.reload();
    await able(page, 'text');
    assert.ok(!(await page.isVisible('.own-choices')));
    await context.close();
  });

  test('leave as a catalog that the command line reads and answers alike', async () => {
    const page = await visitor();
    await choose(page, wardrobe);
    await added(page);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#own-export')]);
    const archive = path.join(folder, download.suggestedFilename());
    await download.saveAs(archive);
    await page.evaluate(
      () =>
        (globalThis.showDirectoryPicker = async () =>
          (await navigator.storage.getDirectory()).getDirectoryHandle('exported', { create: true })),
    );
    await page.click('#own-export_folder');
    await page.waitForFunction(() => document.querySelector('.own').textContent.includes('Saved: exported'));
    const saved = await page.evaluate(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('exported');
      return [
        await Array.fromAsync(folder.keys()),
        await Array.fromAsync((await folder.getDirectoryHandle('photos')).keys()),
      ];
    });
    assert.ok(saved[0].includes('catalog.json') && saved[0].some((name) => name.startsWith('shard-')), saved[0].join());
    assert.equal(saved[1].length, 24);
    await close(page);
    await scope(page, 'own');
    for (const words of ['red dress', 'striped shirt', 'black shoes']) {
      await search(page, words);
      await whole(page);
      const shown = await page.$$eval('[data-part="grid"] .card', (cards) =>
        cards.slice(0, 10).map((card) => ({ id: card.dataset.id, score: Number(card.dataset.cosine) })),
      );
      const said = JSON.parse(
        execFileSync(
          vitrine,
          [
            'search',
            archive,
            '--model',
            path.join(dist, 'model'),
            '--text',
            words,
            '--mode',
            'vector',
            '-k',
            '10',
            '--json',
          ],
          { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
        ),
      );
      const there = said.hits.map(({ id }) => `own/${id}`);
      // sums in another order may swap two hits that are equal to the third place
      for (const [i, { id, score }] of shown.entries())
        assert.ok(
          id === there[i] || Math.abs(said.hits[i].score - score) < 0.015,
          `${words}: ${shown.map((hit) => hit.id)} against ${there}`,
        );
      assert.ok(shown.filter(({ id }) => there.includes(id)).length >= 9);
    }
    // the same folder indexed by the command line: the same photos, the same vectors up to rounding
    const catalog = path.join(folder, 'catalog');
    execFileSync(vitrine, ['index', wardrobe, '--out', catalog, '--model', path.join(dist, 'model')], {
      stdio: 'ignore',
    });
    const args = ['--model', path.join(dist, 'model'), '--text', 'red dress', '--mode', 'vector', '-k', '30', '--json'];
    const [ours, theirs] = [archive, catalog].map(
      (at) =>
        JSON.parse(
          execFileSync(vitrine, ['search', at, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
        ).hits,
    );
    const score = new Map(theirs.map((hit) => [hit.id, hit.score]));
    for (const hit of ours)
      assert.ok(
        Math.abs(hit.score - (score.get(hit.id) ?? 9)) < 0.02,
        `${hit.id}: ${hit.score} against ${score.get(hit.id)}`,
      );
    await page.context().close();
  });

  test('never crashed the page', () => assert.deepEqual(crashes, []));
});
