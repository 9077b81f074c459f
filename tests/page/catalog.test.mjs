// The catalog as the page knows it without a model. No browser needed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog } from '../../www/core/catalog.js';

function shop(...titles) {
  const catalog = new Catalog('http://shop.example/', { shards: [], facets: [] });
  titles.forEach((title, i) => catalog.add({ id: `p${i}`, title }));
  return catalog;
}

test('counts the products that know a word, also after more are there', () => {
  const catalog = shop('Red dress', 'Blue dresses', 'Red shoe');
  assert.deepEqual(
    ['dress', 'red', 'hat'].map((word) => catalog.count(word)),
    [2, 2, 0],
  );
  catalog.add({ id: 'new', title: 'A red hat' });
  assert.deepEqual(
    ['dress', 'red', 'hat'].map((word) => catalog.count(word)),
    [2, 3, 1],
  );
});

test('remembers no more words than a long visit is worth', () => {
  const catalog = shop('Red dress', 'Blue skirt');
  for (let i = 0; i < 5000; i++) assert.equal(catalog.count(`word${i}`), 0);
  assert.ok(catalog.tallies.size <= 1000, `${catalog.tallies.size} words`);
  assert.equal(catalog.count('red'), 1);
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
  assert.deepEqual(Array.from(catalog.counts({ size: ['L'] }).get('size')), [2, 2, 1]);
  assert.deepEqual(
    [0, 1, 2].map((row) => catalog.leader(row)),
    [0, 1, 0],
  );
  assert.equal(catalog.count('m'), 2);
});
