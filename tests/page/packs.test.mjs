// A site whose photos are in packs, since its host takes fewer files: cards, panel, searches with a product, no network.
//   VITRINE_DIST, VITRINE_CELLS   sites of the drawn demo catalog, whole and clustered, which are packed here
//   VITRINE_BIN                   the vitrine command, with www beside it
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openPack } from '../../www/core/packs.js';
import { able, ids, launch, load, missing, serve, settled } from './browser.mjs';

const sites = { whole: process.env.VITRINE_DIST, clustered: process.env.VITRINE_CELLS };
const most = { whole: 500, clustered: 800 }; // files, of some 1,300 and 1,500

test('a pack is taken apart, and one that does not hold together is refused', () => {
  const pack = (index, rest, magic = 'VITRPACK') => {
    const json = Buffer.from(typeof index === 'string' ? index : JSON.stringify(index));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    return new Uint8Array(Buffer.concat([Buffer.from(magic), length, json, Buffer.from(rest)]));
  };
  const [a, b] = ['0123456789abcdef.jpg', 'fedcba9876543210.png'];
  const { at } = openPack(
    'a pack',
    pack(
      [
        [a, 2],
        [b, 3],
      ],
      'aabbb',
    ),
  );
  const [from, to] = at.get(b);
  assert.deepEqual([to - from, at.get(a)[1], at.size], [3, from, 2]);
  const cases = [
    new Uint8Array(),
    new Uint8Array(11),
    pack([[a, 2]], 'a'),
    pack([[a, 2]], 'aaa'),
    pack(
      [
        [a, -1],
        [b, 2],
      ],
      'a',
    ),
    pack([['../a.jpg', 1]], 'a'),
    pack([[a, '1']], 'a'),
    pack('{}', ''),
    pack('[', ''),
    pack([[a, 1]], 'a', 'VITRSHRD'),
    pack([[a, 1]], 'a').fill(255, 8, 12),
  ];
  for (const bytes of cases) assert.throws(() => openPack('a pack', bytes), `${Buffer.from(bytes)}`);
});

for (const [kind, dist] of Object.entries(sites)) {
  const reason = missing() ?? (dist ? null : 'VITRINE_CELLS is not set: index with --cells and build a site of it');

  describe(`the page with photos in packs, ${kind}`, { skip: reason ?? false, concurrency: 1 }, () => {
    let folder, packed, plain, server, browser, manifest, items;
    const opened = [];
    const json = (file) => JSON.parse(readFileSync(path.join(packed, 'catalog', file), 'utf8'));
    const files = (name) => readdirSync(path.join(packed, 'catalog', name));
    const itemOf = (key) => (manifest.cells ? items[Number(key.split('~').pop())] : items.find(({ id }) => id === key));
    const isSingle = (photo) => manifest.cells && files('photos').includes(photo);

    async function visit(address = '', { origin = server.origin, init, routes, ...options } = {}) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 900 },
        serviceWorkers: 'block',
        ...options,
      });
      opened.push(context);
      if (init) await context.addInitScript(init);
      if (routes) await routes(context);
      const page = await context.newPage();
      const asked = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await page.goto(`${origin}/${address}`);
      return { context, page, asked };
    }

    const seen = (page, n) =>
      page.waitForFunction((count) => document.querySelectorAll('.card .frame[data-loaded]').length >= count, n);

    before(async () => {
      folder = mkdtempSync(path.join(tmpdir(), 'vitrine-packs-'));
      packed = path.join(folder, 'dist');
      const args = ['site', path.join(dist, 'catalog'), '--model', path.join(dist, 'model'), '--out', packed];
      execFileSync(process.env.VITRINE_BIN, [...args, '--max-files', String(most[kind])], { stdio: 'pipe' });
      manifest = json('catalog.json');
      items = manifest.shards.flatMap((shard) => json(shard.items.file));
      [server, plain, browser] = await Promise.all([serve(packed), serve(dist), launch()]);
    });

    after(async () => {
      await Promise.all(opened.map((context) => context.close()));
      await Promise.all([browser?.close(), server?.stop(), plain?.stop()]);
      rmSync(folder, { recursive: true, force: true });
    });

    test('draws the photos of cards out of packs, of those in view alone', async () => {
      const { page, asked } = await visit('#q=dress');
      await settled(page, { kind: 'text', by: 'engine' });
      await seen(page, 8);
      const packs = () => new Set(asked.filter((file) => file.includes('/packs/pack-')));
      assert.ok(packs().size > 0);
      assert.ok(packs().size < files('packs').length / 2, `${packs().size} of ${files('packs').length} packs`);
      const single = asked.filter((file) => file.includes('/photos/')).map((file) => path.basename(file));
      assert.deepEqual(
        single.filter((photo) => !isSingle(photo)),
        [],
        'no photo that is in a pack is asked for by itself',
      );
      const widths = await page.$$eval('.card .frame[data-loaded] img', (all) => all.map((img) => img.naturalWidth));
      assert.ok(widths.every((width) => width > 100));
      assert.equal(await page.locator('.frame[data-missing]').count(), 0);
    });

    test('draws a further photo when its card comes into view', async () => {
      // more cards than a view holds: the whole catalog, or what a clustered one answers
      const { page } = await visit(manifest.cells ? '#q=dress' : '');
      await settled(page, manifest.cells ? { kind: 'text', by: 'engine' } : { kind: 'browse' });
      await seen(page, 8);
      const drawn = () => page.locator('.frame[data-loaded]').count();
      const before = await drawn();
      const cards = page.locator('.card');
      const last = cards.nth((await cards.count()) - 1); // more of them follow as one goes down
      await last.scrollIntoViewIfNeeded();
      await last.locator('.frame[data-loaded]').waitFor();
      assert.ok((await drawn()) > before);
      assert.equal(await page.locator('.frame[data-missing]').count(), 0);
    });

    test('opens with photos, of which a clustered catalog has files', async () => {
      const { page, asked } = await visit();
      await settled(page, { kind: 'browse' });
      await seen(page, 8);
      const packs = asked.filter((file) => file.includes('/catalog/packs'));
      if (manifest.cells) assert.deepEqual(packs, [], 'the window needs no pack');
      else assert.ok(packs.length > 1);
    });

    test('shows the larger copy in the panel, and all of it', async () => {
      const { page } = await visit('#q=blue+shirt');
      await settled(page, { kind: 'text', by: 'engine' });
      const keys = await ids(page, 20);
      const key = keys.find((one) => !isSingle(itemOf(one).photo));
      await page.click(`.card[data-id="${key}"] .card-open`);
      const { width } = itemOf(key);
      await page.waitForFunction(
        (wanted) => document.querySelector('dialog .product-stage img')?.naturalWidth === wanted,
        width,
      );
      await page.click('dialog .zoom-open');
      await page.waitForFunction((wanted) => document.querySelector('.zoom img')?.naturalWidth === wanted, width);
    });

    test('searches with a product and words as where the photo is a file', async () => {
      const { page } = await visit('#q=green+skirt');
      await settled(page, { kind: 'text', by: 'engine' });
      const key = (await ids(page, 20)).find((one) => !isSingle(itemOf(one).photo));
      const address = `#like=${encodeURIComponent(key)}&q=in+black`;
      const hits = [];
      for (const { origin } of [server, plain]) {
        const { page: one } = await visit(address, { origin });
        await able(one, 'image');
        await settled(one, { kind: 'composed', by: 'engine' });
        hits.push(await ids(one, 10));
        const chip = await one.$eval('[data-part="chip"] img', (img) => img.decode().then(() => img.naturalWidth));
        assert.equal(chip, itemOf(key).width);
      }
      assert.deepEqual(hits[0], hits[1]);
    });

    test('shows what it showed without a network', async () => {
      const { context, page } = await visit('#q=red+dress', { serviceWorkers: 'allow' });
      await settled(page, { kind: 'text', by: 'engine' });
      await seen(page, 8);
      await page.waitForFunction(() => navigator.serviceWorker.controller);
      await load(page, `${server.origin}/#q=red+dress`);
      await settled(page, { kind: 'text', by: 'engine' });
      await seen(page, 8);
      await context.setOffline(true);
      await load(page, `${server.origin}/#q=red+dress`);
      await settled(page, { kind: 'text', by: 'engine' });
      await seen(page, 8);
    });

    test('uses nothing of a pack that is another, and shows the card without its photo', async () => {
      const routes = (context) =>
        context.route('**/packs/pack-*', async (route) => {
          const response = await route.fetch();
          const body = await response.body();
          body[body.length - 1] ^= 1;
          await route.fulfill({ response, body });
        });
      const { page } = await visit('#q=red+dress', { routes });
      await settled(page, { kind: 'text', by: 'engine' });
      await page.waitForSelector('.card .frame[data-missing]');
      const shown = await page.$$eval('.card .frame[data-loaded] img', (all) => all.map((img) => img.src));
      assert.deepEqual(
        shown.filter((source) => source.startsWith('blob:')),
        [],
      );
    });

    test('holds few addresses of photos, however many are seen', async () => {
      const init = () => {
        globalThis.held = new Set();
        const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
        URL.createObjectURL = (blob) => {
          const url = create.call(URL, blob);
          globalThis.held.add(url);
          return url;
        };
        URL.revokeObjectURL = (url) => (globalThis.held.delete(url), revoke.call(URL, url));
      };
      const { page } = await visit('#q=dress', { init });
      await settled(page, { kind: 'text', by: 'engine' });
      await seen(page, 8);
      const before = await page.evaluate(() => globalThis.held.size);
      for (const words of ['red dress', 'blue shirt', 'black coat', 'green skirt']) {
        await page.fill('[data-part="words"]', words);
        await page.press('[data-part="words"]', 'Enter');
        await settled(page, { kind: 'text', by: 'engine', words });
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
        await page.waitForTimeout(300);
        await page.evaluate(() => scrollTo(0, 0));
      }
      await page.waitForFunction((n) => globalThis.held.size <= n + 2, before);
    });
  });
}
