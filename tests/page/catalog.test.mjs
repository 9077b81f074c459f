// The catalog as the page knows it without a model. No browser needed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog } from '../../www/core/catalog.js';

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
});
