// Names from outside (columns, values, ids, filters in an address) that every JavaScript object also knows are names
// like any other. The second half needs the environment of page.test.mjs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Catalog } from '../../www/core/catalog.js';
import { held } from '../../www/core/names.js';
import { fromFragment, toFragment } from '../../www/core/state.js';
import { runnable } from '../../www/core/builds.js';
import { launch, missing, serve, settled } from './browser.mjs';

const names = [
  'constructor',
  '__proto__',
  'hasOwnProperty',
  'toString',
  'valueOf',
  '__defineGetter__',
  'isPrototypeOf',
];
const object = (name, value) => Object.fromEntries([[name, value]]);

test('only what an object itself holds is found', () => {
  for (const name of names) {
    for (const other of [{}, null, undefined, JSON.parse('{}')]) assert.equal(held(other, name), undefined, name);
    assert.equal(held(object(name, 'x'), name), 'x');
    assert.equal(held(JSON.parse(`{"${name}":"x"}`), name), 'x');
  }
});

test('filters of such names come from an address and go back into it', () => {
  for (const name of names) {
    const state = fromFragment(`#f.${name}=x&f.${name}=${name}`);
    assert.deepEqual(Object.entries(state.facets), [[name, ['x', name]]]);
    assert.equal(toFragment(state), `#f.${name}=x&f.${name}=${name}`);
  }
});

test('a catalog with such columns, values and ids is filtered and counted like any other', async () => {
  const values = (name) => [
    { value: 'x', count: 1 },
    { value: name, count: 1 },
  ];
  const manifest = { shards: [], count: 3, facets: names.map((name) => ({ name, values: values(name) })) };
  const catalog = new Catalog('http://shop.example/', JSON.parse(JSON.stringify(manifest)));
  const all = (value) => Object.fromEntries(names.map((name) => [name, value(name)]));
  catalog.add(JSON.parse(JSON.stringify({ id: 'constructor', title: 'toString', attributes: all(() => 'x') })));
  catalog.add(JSON.parse(JSON.stringify({ id: '__proto__', title: '__proto__', attributes: all((name) => name) })));
  catalog.add({ id: 'hasOwnProperty', title: 'constructor' }); // a product without any of the columns
  assert.equal(await catalog.filter({}), null, 'no column is a filter that nobody chose');
  for (const name of names) {
    assert.deepEqual([...(await catalog.filter(object(name, ['x']))).rows], [0], name);
    assert.deepEqual([...(await catalog.filter(object(name, [name]))).rows], [1], name);
    assert.deepEqual([...(await catalog.filter(object(name, ['no such']))).rows], [], name);
    assert.deepEqual([...catalog.counts(null).get(name)], [1, 1], name);
  }
  assert.deepEqual(
    ['constructor', '__proto__', 'hasOwnProperty', 'toString'].map((id) => catalog.rowOf(id)),
    [0, 1, 2, undefined],
  );
});

test('no build is run for a need that only every object knows', () => {
  for (const name of names) assert.deepEqual(runnable([{ name: 'odd', needs: [name] }]), [], name);
});

describe('a hostile catalog in the page', { skip: missing() ?? false, concurrency: 1 }, () => {
  let server, browser;
  before(async () => ([server, browser] = [await serve(), await launch()]));
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('shows its products, and its filters work, from the address and by hand', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' });
    const crashes = [];
    context.on('weberror', (error) => crashes.push(String(error.error().stack)));
    const manifest = await (await fetch(`${server.origin}/catalog/catalog.json`)).json();
    const [shard] = manifest.shards;
    const rows = await (await fetch(`${server.origin}/catalog/${shard.items.file}`)).json();
    const odd = 5; // products with such names; the others have none of the columns
    rows.forEach(
      (row, i) => (row.attributes = i < odd ? Object.fromEntries(names.map((name) => [name, i ? name : 'x'])) : {}),
    );
    rows.slice(0, odd).forEach((row, i) => Object.assign(row, { id: names[i], title: names[i] }));
    const body = JSON.stringify(rows);
    shard.items = {
      ...shard.items,
      bytes: Buffer.byteLength(body),
      sha256: createHash('sha256').update(body).digest('hex'),
    };
    manifest.facets = names.map((name) => ({
      name,
      values: [
        { value: name, count: odd - 1 },
        { value: 'x', count: 1 },
      ],
    }));
    await context.route(`**/catalog/${shard.items.file}`, (route) =>
      route.fulfill({ body, contentType: 'application/json' }),
    );
    await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: manifest }));
    const shown = (page, n) =>
      page.waitForFunction((count) => document.querySelectorAll('[data-part="grid"] .card').length === count, n);
    for (const name of names) {
      const page = await context.newPage();
      await page.goto(`${server.origin}/#f.${name}=${name}`);
      await settled(page, { kind: 'browse' });
      await shown(page, odd - 1);
      await page.click('.active-filters .chip');
      await page.waitForFunction(() => !location.hash);
      await page.evaluate(
        ([facet]) =>
          [...document.querySelectorAll('.facet-value input')]
            .find(({ dataset }) => dataset.facet === facet && dataset.value === 'x')
            .click(),
        [name],
      );
      await shown(page, 1);
      assert.equal(await page.textContent('.card-title'), names[0]);
      assert.equal(new URL(page.url()).hash, `#f.${name}=x`);
      await page.goto('about:blank');
      await page.goto(`${server.origin}/#item=${names[1]}`);
      await page.waitForSelector('dialog.product[open]');
      assert.equal(await page.textContent('.product-title'), names[1]);
      await page.close();
    }
    assert.deepEqual(crashes, []);
    await context.close();
  });
});
