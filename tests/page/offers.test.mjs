// Prices and stock: how they are read, and what a visitor can do with them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { amount, priceOf } from '../../www/core/prices.js';
import { able, ids, launch, load, missing, serve, settled } from './browser.mjs';

const reason = missing();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

test('a price is read as shops write it', () => {
  const cases = [
    ['1.299,00 €', 1299],
    ['$1,299.00', 1299],
    ["1'299.50 CHF", 1299.5],
    ['49', 49],
    ['1 299 kr', 1299],
    ['ab 19,9', 19.9],
    ['12.000', 12000],
    ['free', null],
    ['', null],
    [undefined, null],
  ];
  for (const [text, number] of cases) assert.equal(amount(text), number, String(text));
  assert.equal(priceOf({ offer: { now: '79.90' }, price: 'from 99' }), 79.9);
});

describe('offers', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, items, page;
  const price = (row) => 10 + ((row * 37) % 90);

  before(async () => {
    server = await serve();
    browser = await launch();
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' });
    const catalog = await (await fetch(`${server.origin}/catalog/catalog.json`)).json();
    const [shard] = catalog.shards;
    items = await (await fetch(`${server.origin}/catalog/${shard.items.file}`)).json();
    items.forEach((item, row) => {
      item.offer = { now: price(row).toFixed(2), currency: 'EUR' };
      if (row % 5 === 0) item.offer.was = (price(row) + 20).toFixed(2);
      item.in_stock = row % 3 > 0;
    });
    const body = JSON.stringify(items);
    const { file } = shard.items;
    shard.items = { file, bytes: Buffer.byteLength(body), sha256: sha256(body) };
    await context.route(`**/catalog/${file}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
    await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: catalog }));
    page = await context.newPage();
    await page.goto(`${server.origin}/#q=dress`);
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine' });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const shown = async (n) => (await ids(page, n)).map((id) => items.findIndex((item) => item.id === id));

  test('a card says what a product costs, what it cost, and whether it is sold out', async () => {
    const [row] = (await shown(40)).filter((row) => row % 15 === 0);
    const text = await page.textContent(`.card[data-id="${items[row].id}"] .card-price`);
    assert.match(text, new RegExp(`€${price(row)}\\.00`));
    assert.match(text, new RegExp(`€${price(row) + 20}\\.00`));
    assert.match(text, /sold out/);
  });

  test('results are put in the order of their price, and stay the same results', async () => {
    const before = (await shown(500)).toSorted((a, b) => a - b);
    await page.selectOption('.sort', 'price');
    await page.waitForFunction(() => location.hash.includes('sort=price'));
    await settled(page, { kind: 'text', by: 'engine' });
    const after = await shown(500);
    const prices = after.map(price);
    assert.deepEqual(
      prices,
      prices.toSorted((a, b) => a - b),
    );
    assert.ok(before.length > 4 && after.length === before.length);
    await page.selectOption('.sort', '');
    await page.waitForFunction(() => !location.hash.includes('sort='));
  });

  test('on a phone the range and stock stand among the filters, and keep the focus', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.click('[data-part="open-filters"]');
    const from = page.getByRole('dialog').getByLabel('From', { exact: true });
    await from.fill('20');
    await page.keyboard.press('Tab');
    await page.waitForFunction(() => location.hash.includes('price=20-'));
    await settled(page, { kind: 'text', by: 'engine' });
    assert.equal(await page.evaluate(() => document.activeElement.id), 'offers-price_to');
    assert.ok((await shown(60)).every((row) => price(row) >= 20));
    await from.fill('');
    await page.keyboard.press('Tab');
    await page.waitForFunction(() => !location.hash.includes('price='));
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  test('a range, stock, and a price that is typed among the words are filters', async () => {
    await page.getByLabel('To', { exact: true }).fill('40');
    await page.getByLabel('To', { exact: true }).blur();
    await page.waitForFunction(() => location.hash.includes('price=-40'));
    await settled(page, { kind: 'text', by: 'engine' });
    const cheap = await shown(60);
    assert.ok(cheap.length && cheap.every((row) => price(row) <= 40), String(cheap.map(price)));
    await page.getByLabel('In stock only').check();
    await page.waitForFunction(() => location.hash.includes('stock=1'));
    await settled(page, { kind: 'text', by: 'engine' });
    assert.ok((await shown(60)).every((row) => row % 3 > 0));
    await load(page, `${server.origin}/#q=dress+under+30`);
    await settled(page, { kind: 'text', by: 'engine', words: 'dress' });
    const typed = await shown(60);
    assert.ok(typed.length && typed.every((row) => price(row) <= 30), String(typed.map(price)));
  });
});
