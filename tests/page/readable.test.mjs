// Which photos the engine reads as they are, and which the browser draws first: by content, over the kinds' fixtures.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { known, readable, within } from '../../www/core/readable.js';

const photo = (name) => new Uint8Array(readFileSync(new URL(`../fixtures/kinds/${name}`, import.meta.url)));

const asTheyAre = [
  ...[
    'plain.jpg',
    'progressive.jpg',
    'rgb.jpg',
    'srgb-profile.jpg',
    'turned.jpg',
    'grey.jpg',
    'photo.jfif',
    'no-ending',
  ],
  ...['base.png', 'deep.png', 'palette.png', 'alpha.png', 'turned.png'],
  ...['lossless.webp', 'animated.webp', 'alpha.webp', 'turned.webp'],
];
const drawn = [
  ...['p3.jpg', 'adobe-rgb.jpg', 'grey-profile.jpg', 'cmyk.jpg', 'cmyk-profile.jpg', 'cmyk-bare.jpg'],
  ...['p3.png', 'wide.png', 'coded-p3.png', 'gamma.png', 'alpha-p3.png', 'p3.webp'],
];
const others = ['still.gif', 'plain.bmp', 'plain.tif', 'plain.avif', 'plain.heic', 'heic-named.png', 'gif-named.jpg'];

test('the engine reads plain photos as they are, and the browser draws those of other colors and kinds', () => {
  for (const name of asTheyAre) assert.ok(readable(photo(name)), name);
  for (const name of drawn) assert.ok(!readable(photo(name)) && known(photo(name)), name);
  for (const name of others) assert.ok(!readable(photo(name)) && !known(photo(name)), name);
});

test('no cut file and no noise breaks the look', () => {
  for (const name of [...asTheyAre, ...drawn]) {
    const bytes = photo(name);
    for (let end = 0; end < Math.min(bytes.length, 3000); end += 7) readable(bytes.subarray(0, end));
  }
  assert.ok(!readable(new Uint8Array()) && !known(new Uint8Array(2)));
});

test('what is drawn keeps its form and is no larger than it needs to be', () => {
  assert.deepEqual(within({ width: 4000, height: 3000 }), { width: 2048, height: 1536 });
  assert.deepEqual(within({ width: 300, height: 200 }), { width: 300, height: 200 });
  assert.deepEqual(within({ width: 9000, height: 1 }), { width: 2048, height: 1 });
});
