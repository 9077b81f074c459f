// The catalog as the page knows it without a model. No browser needed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog } from '../../www/core/catalog.js';
import { Clustered } from '../../www/core/clustered.js';

test('what a product may be asked for instead holds its kind, and is nothing that the words say already', () => {
  const named = (name, values) => ({ name, values: values.map((value) => ({ value, count: 1 })) });
  const facets = [
    named('articleType', ['Tshirt', 'Heels']), // the commonest; belts are one of the others
    named('masterCategory', ['Apparel', 'Footwear', 'Accessories']),
    named('colour', ['red', 'blue', 'green']),
    named('sleeve', ['long', 'short']),
  ];
  const catalog = new Catalog('http://shop.example/', { shards: [], facets });
  const add = (n, attributes) => {
    for (let i = 0; i < n; i++) catalog.add({ id: `${catalog.size}`, title: 'x', attributes });
    return catalog.size - 1;
  };
  const shirt = add(150, { articleType: 'Tshirt', masterCategory: 'Apparel', colour: 'red', sleeve: 'short' });
  add(30, { articleType: 'Tshirt', masterCategory: 'Apparel', colour: 'blue', sleeve: 'long' });
  add(1, { articleType: 'Tshirt', masterCategory: 'Accessories', colour: 'red', sleeve: 'short' });
  add(60, { articleType: 'Heels', masterCategory: 'Footwear', colour: 'green' });
  const belt = add(2, { articleType: 'Belt', masterCategory: 'Accessories', colour: 'red' });
  add(1, { articleType: 'Belt', masterCategory: 'Accessories', colour: 'blue' });
  add(5, { articleType: 'Hat', masterCategory: 'Accessories', colour: 'green' });
  const offered = (row, text) => catalog.changes(row, 2, text).map(({ value }) => value);
  assert.deepEqual(offered(shirt), ['blue', 'long']);
  assert.deepEqual(offered(shirt, 'in green'), ['long']);
  assert.deepEqual(offered(shirt, 'with long sleeves'), ['blue']);
  assert.deepEqual(offered(belt), ['blue'], 'hats are no belts, though filters name neither');
});

test('every value of an attribute is found, and photos of one product are one', async () => {
  const facet = { name: 'size', values: ['S', 'M', 'L'].map((value) => ({ value, count: 1 })) };
  const catalog = new Catalog('http://shop.example/', { shards: [], facets: [facet] });
  const hemd = { attributes: { size: 'S' }, further: { size: ['M'] }, product: 'hemd' };
  catalog.add({ id: 'hemd', title: 'Hemd', ...hemd });
  catalog.add({ id: 'rock', title: 'Rock', attributes: { size: 'L' } });
  catalog.add({ id: 'hemd~2', title: 'Hemd', ...hemd });
  const found = async (...size) => (await catalog.filter({ size })).rows;
  assert.deepEqual(await found('M'), [0, 2]);
  assert.deepEqual(await found('S'), [0, 2]);
  assert.deepEqual(await found('L'), [1]);
  assert.deepEqual(Array.from(catalog.counts([0, 1, 2]).get('size')), [1, 1, 1]);
  assert.deepEqual(
    [0, 1, 2].map((row) => catalog.leader(row)),
    [0, 1, 0],
  );
  assert.equal(catalog.count, 2);
});

test('a clustered catalog counts products where its manifest does, and photos where that is older', () => {
  const manifest = { shards: [{ count: 3 }], facets: [], count: 3, cells: {} };
  const count = (more) => new Clustered('http://shop.example/', { ...manifest, ...more }).count;
  assert.deepEqual([count({ products: 2 }), count({})], [2, 3]);
});

test('the nearest products are fetched when they are first wanted, once, and again after a failure', async (t) => {
  const manifest = { shards: [], facets: [], count: 2, neighbours: { file: 'near', bytes: 8, sha256: '', k: 1 } };
  const catalog = new Catalog('http://shop.example/', manifest);
  for (const id of ['a', 'b']) catalog.add({ id, title: id });
  const bytes = t.mock.method(catalog, 'bytes', async () => new Uint8Array(Uint32Array.of(1, 0).buffer));
  bytes.mock.mockImplementationOnce(async () => {
    throw new Error('no connection');
  });
  await assert.rejects(catalog.nearest(0, null), /no connection/);
  const [first, second] = await Promise.all([catalog.nearest(0, null), catalog.nearest(1, null)]);
  assert.deepEqual([first, second], [[{ row: 1 }], [{ row: 0 }]]);
  assert.equal(bytes.mock.callCount(), 2);
  catalog.near = null;
  bytes.mock.mockImplementation(async () => new Uint8Array(4));
  assert.deepEqual(await catalog.nearest(0, null), [], 'a list of another length is none');
});
