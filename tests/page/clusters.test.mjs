// A clustered catalog in the page: what is fetched, and that everything works as with a whole one.
//   VITRINE_CELLS   a site of the drawn demo catalog that was indexed with --cells
//   VITRINE_BIN     the vitrine command
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { able, ids, launch, missing, serve, settled } from './browser.mjs';

const dist = process.env.VITRINE_CELLS;
const reason =
  missing() ?? (dist ? null : 'VITRINE_CELLS is not set: index with --cells, build a site of it, and name that');

describe('the page with a clustered catalog', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, context, page, manifest, items;
  const fetched = []; // paths, over the whole visit
  const crashes = [];
  const json = (file) => JSON.parse(readFileSync(path.join(dist, 'catalog', file)));
  const count = (stem) => new Set(fetched.filter((file) => file.includes(`/${stem}-`))).size;
  const shown = async (n) => (await ids(page, n)).map((key) => items[Number(key.split('~').pop())]);

  async function open(address = '', routes = null) {
    const opened = await context.newPage();
    opened.on('pageerror', (error) => crashes.push(String(error)));
    if (routes) await routes(opened);
    await opened.goto(`${server.origin}/${address}`);
    return opened;
  }

  async function search(words) {
    await page.fill('[data-part="words"]', words);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', by: 'engine', words });
  }

  before(async () => {
    manifest = json('catalog.json');
    items = manifest.shards.flatMap((shard) => json(shard.items.file));
    server = await serve(dist);
    browser = await launch();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' });
    context.on('request', (request) => fetched.push(new URL(request.url()).pathname));
    page = await open();
    await settled(page, { kind: 'browse' });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('opens with products from all over the catalog, without fetching it', async () => {
    assert.ok(new Set((await shown(12)).map(({ attributes }) => attributes.category)).size >= 6, 'a mixed view');
    assert.match(await page.textContent('[data-part="heading"]'), new RegExp(manifest.count.toLocaleString('en')));
    await able(page, 'text');
    assert.equal(count('shard'), 0);
    assert.equal(count('items'), 0);
  });

  test('finds by words what the whole catalog holds, from a part of the shards', async () => {
    await search('red dress');
    const args = [
      'search',
      path.join(dist, 'catalog'),
      '--model',
      path.join(dist, 'model'),
      '--text',
      'red dress',
      '--mode',
      'vector', // whose files the page fetches by their clusters
      '-k',
      '10',
      '--json',
    ];
    const exact = JSON.parse(
      execFileSync(process.env.VITRINE_BIN, args, { stdio: ['ignore', 'pipe', 'ignore'] }),
    ).hits.map(({ id }) => id);
    const found = (await shown(10)).map(({ id }) => id);
    assert.ok(exact.filter((id) => found.includes(id)).length >= 8, `${found} instead of ${exact}`);
    assert.ok(
      count('shard') > 0 && count('shard') < 0.4 * manifest.shards.length,
      `${count('shard')} of ${manifest.shards.length} shards`,
    );
  });

  test('keeps what it fetched: the same question again asks for no file', async () => {
    const before = fetched.length;
    await search('blue shirt');
    await search('red dress');
    const repeated = fetched.slice(before).filter((file) => /shard-/.test(file));
    assert.equal(new Set(repeated).size, repeated.length, 'no shard twice');
  });

  test('filters hold for every hit', async () => {
    const value = manifest.facets.find(({ name }) => name === 'colour').values[0].value;
    await page.check(`input[data-facet="colour"][data-value="${value}"]`);
    await page.waitForFunction((wanted) => {
      const results = document.querySelector('[data-part="results"]');
      return (
        results.getAttribute('aria-busy') === 'false' &&
        document.querySelector('[data-part="active"]').textContent.includes(wanted)
      );
    }, value);
    const hits = await shown(20);
    assert.ok(hits.length > 0);
    for (const { attributes } of hits) assert.equal(attributes.colour, value);
    // without words: the products themselves, found through the counts of the clusters
    await page.fill('[data-part="words"]', '');
    await settled(page, { kind: 'browse' });
    const browsed = await shown(20);
    assert.ok(browsed.length > 0);
    for (const { attributes } of browsed) assert.equal(attributes.colour, value);
    await page.uncheck(`input[data-facet="colour"][data-value="${value}"]`);
    await settled(page, { kind: 'browse' });
  });

  test('shows more like a product, its sheet, and its address again', async () => {
    await search('red dress');
    const [first] = await ids(page, 1);
    await page.hover('.card');
    await page.click('.card .card-action');
    await settled(page, { kind: 'like', by: 'engine' });
    const alike = await shown(8);
    const kind = items[Number(first.split('~').pop())].attributes.category;
    assert.ok(alike.filter(({ attributes }) => attributes.category === kind).length >= 6);
    const address = page.url().replace(`${server.origin}/`, '');
    await page.click('.card .card-open');
    await page.waitForSelector('dialog .strip-open');
    await page.keyboard.press('Escape');
    const again = await open(address);
    await settled(again, { kind: 'like' });
    assert.ok((await ids(again, 5)).length > 0);
    await again.close();
  });

  test('browses, filters and shows neighbours where WebAssembly is refused', async () => {
    const plain = await open('', (opened) => opened.addInitScript(() => delete globalThis.WebAssembly));
    await settled(plain, { kind: 'browse' });
    await plain.hover('.card');
    await plain.click('.card .card-action');
    await plain.waitForSelector('[data-part="results"][data-kind="like"][aria-busy="false"]');
    assert.ok((await ids(plain, 5)).length > 0);
    await plain.close();
  });

  test('nothing broke on the way', () => assert.deepEqual(crashes, []));
});
