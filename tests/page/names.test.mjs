// The page refuses the same names as the command line (tests/names.rs), in every manifest and product. No browser needed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Catalog } from '../../www/core/catalog.js';
import { fetchManifest } from '../../www/core/data.js';
import { isFileName, isFolderName, isPhotoName } from '../../www/core/names.js';

const read = (file) => JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'));
const cases = read('names.json').map(({ name, times = 1, ...rest }) => ({ name: name.repeat(times), ...rest }));
const shown = ({ name, why }) => `${JSON.stringify(name.slice(0, 90))}: ${why}`;

test('the names that are accepted are those of the table', () => {
  assert.ok(cases.length > 80 && cases.filter(({ file }) => file).length > 15, 'the table is the whole one');
  for (const each of cases) {
    assert.equal(isFileName(each.name), each.file, shown(each));
    assert.equal(isPhotoName(each.name), each.photo, `${shown(each)}, as a photo`);
    assert.equal(isFolderName(`${each.name}/`), each.file, `${shown(each)}, as a folder`);
    assert.equal(isFolderName(each.name), false, `${shown(each)}: a folder has a slash at its end`);
  }
  for (const other of [undefined, null, 7, {}, ['a.jpg'], true])
    for (const rule of [isFileName, isPhotoName, isFolderName]) assert.equal(rule(other), false, String(other));
});

let server, origin, body;
before(async () => {
  server = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
});
after(() => (server.closeAllConnections(), server.close()));

/** Sets the value at a path of keys in a copy. */
function put(manifest, keys, value) {
  const copy = structuredClone(manifest);
  const last = keys.slice(0, -1).reduce((inner, key) => inner[key], copy);
  last[keys.at(-1)] = value;
  return copy;
}

const [whole, cells, model] = ['catalog-v1/catalog', 'catalog-v2/catalog', 'model-v1/model'].map((file) =>
  read(`fixtures/${file}.json`),
);
const site = {
  title: 'x',
  logo: 'logo-0123456789abcdef.svg',
  catalog: 'catalog/',
  model: 'model/',
  wasm: [{ name: 'baseline', file: 'pkg/baseline/vitrine_bg.wasm', bytes: 1, sha256: '0'.repeat(64), needs: [] }],
  hashes: {},
};
const file = (each) => [each.name, each.file];
const folder = (each) => [`${each.name}/`, each.file];
const below = (each) => [`pkg/${each.name}/vitrine_bg.wasm`, each.file || each.name === 'a/b.jpg']; // another folder is one more step of the path
const places = [
  ['catalog.json', 'vitrine-catalog', whole, ['shards', 0, 'file'], file],
  ['catalog.json', 'vitrine-catalog', whole, ['shards', 0, 'items', 'file'], file],
  ['catalog.json', 'vitrine-catalog', whole, ['neighbours', 'file'], file],
  ['catalog.json', 'vitrine-catalog', whole, ['photos'], folder],
  ['catalog.json', 'vitrine-catalog', cells, ['neighbours', 'file'], file],
  ['catalog.json', 'vitrine-catalog', cells, ['shards', 1, 'neighbours', 'file'], file],
  ['catalog.json', 'vitrine-catalog', cells, ['cells', 'centres', 'file'], file],
  ['catalog.json', 'vitrine-catalog', cells, ['cells', 'facets', 'file'], file],
  ['catalog.json', 'vitrine-catalog', cells, ['cells', 'window', 'file'], file],
  ['model.json', 'vitrine-model', model, ['parts', 0, 'file'], file],
  ['site.json', undefined, site, ['logo'], file],
  ['site.json', undefined, site, ['catalog'], folder],
  ['site.json', undefined, site, ['model'], folder],
  ['site.json', undefined, site, ['wasm', 0, 'file'], below],
];

test('a manifest is refused in whatever place it names a file that leads elsewhere', async () => {
  let refused = 0;
  for (const [name, format, manifest, keys, place] of places) {
    for (const each of cases) {
      const [value, good] = place(each);
      body = JSON.stringify(put(manifest, keys, value));
      const answer = fetchManifest(`${origin}/${name}`, format, { pause: 0 });
      const what = `${name} ${keys.join('.')} ${shown(each)}`;
      if (good) await answer.catch((error) => assert.fail(`${what}: ${error.message}`));
      else
        await assert.rejects(
          answer,
          (error) => (
            refused++,
            error.code === 'mismatch' && error.details.file === name && error.details.got.length < 500
          ),
          what,
        );
    }
  }
  assert.ok(refused > 900, `${refused} were refused`);
});

test('a hash that is none is refused, since files are kept under it', async () => {
  for (const hash of ['../../index.html', '', 'x', 'A'.repeat(64), '0'.repeat(63), '//elsewhere.example']) {
    body = JSON.stringify(put(whole, ['shards', 0, 'sha256'], hash));
    await assert.rejects(
      fetchManifest(`${origin}/catalog.json`, 'vitrine-catalog', { pause: 0 }),
      { code: 'mismatch' },
      hash,
    );
  }
});

test('a photo with a name that leads elsewhere is asked of nobody', () => {
  const catalog = new Catalog('https://shop.example/search/catalog/', whole);
  for (const each of cases) {
    const address = catalog.photo({ photo: each.name });
    assert.equal(
      address,
      each.photo ? `https://shop.example/search/catalog/photos/${each.name}` : 'data:,',
      shown(each),
    );
  }
});

test('a manifest as deep as a page can hold is looked through to its end', async () => {
  const deep = `${'['.repeat(5000)}{"file":"../x"}${']'.repeat(5000)}`;
  body = JSON.stringify({ ...whole, deep: 0 }).replace('"deep":0', `"deep":${deep}`);
  await assert.rejects(fetchManifest(`${origin}/catalog.json`, 'vitrine-catalog', { pause: 0 }), { code: 'mismatch' });
});
