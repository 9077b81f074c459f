// The page's wasm against the command line: equal bytes must give equal patches, and nearly equal vectors.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const { VITRINE_DIST: dist, VITRINE_BIN: vitrine } = process.env;
const skip =
  dist && vitrine ? false : 'VITRINE_DIST and VITRINE_BIN are not set: name a built site and the command line';
const photos = new URL('../fixtures/photos/', import.meta.url);

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
let engine;

function native({ text, photo }) {
  const args = ['embed', '--json', '--model', path.join(dist, 'model')];
  if (text) args.push('--text', text);
  if (photo) args.push('--image', new URL(photo, photos).pathname);
  return JSON.parse(execFileSync(vitrine, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

before(async () => {
  if (skip) return;
  const { initSync, Vitrine } = await import(pathToFileURL(path.join(dist, 'pkg/baseline/vitrine.js')).href);
  initSync({ module: readFileSync(path.join(dist, 'pkg/baseline/vitrine_bg.wasm')) });
  engine = new Vitrine();
  const json = readFileSync(path.join(dist, 'model/model.json'), 'utf8');
  engine.load_model(json);
  for (const { part, file } of JSON.parse(json).parts)
    engine.load_part(part, readFileSync(path.join(dist, 'model', file)));
});

for (const photo of readdirSync(photos).sort()) {
  test(`patches of ${photo} are the same, byte for byte`, { skip }, () => {
    const patches = engine.patches(readFileSync(new URL(photo, photos)));
    assert.ok(patches.length > 1000 && patches.every(Number.isFinite));
    assert.equal(
      sha256(new Uint8Array(patches.buffer, patches.byteOffset, patches.byteLength)),
      native({ photo }).patches_sha256,
    );
  });
}

for (const query of [
  { text: 'navy striped shirt, long sleeves' },
  { photo: 'large.jpg' },
  { text: 'but in red 👗', photo: 'turned.jpg' },
]) {
  test(`the vector of ${Object.values(query).join(' + ')} is the same`, { skip }, async () => {
    const bytes = query.photo && new Uint8Array(readFileSync(new URL(query.photo, photos)));
    // what was typed is read by glossaries, which the command line has and this engine was not given
    const { vector: expected, read } = native(query);
    const vector = await engine.vector(read ?? undefined, bytes);
    assert.equal(vector.length, expected.length);
    // sums are added up in another order, and an activation that falls on the other side of half an int8 step moves on
    // through the layers
    assert.ok(cosine(vector, expected) > 0.999, `cosine ${cosine(vector, expected)}`);
  });
}
