// The npm package as tests/packages.sh installed it in VITRINE_SHOP: the Node API, and what may be imported without a
// browser. VITRINE_PHOTOS is a folder of twelve drawn photos, VITRINE_SITE the site that the archive's program made of it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const { VITRINE_PHOTOS: photos, VITRINE_SITE: site, VITRINE_SHOP: shop, VITRINE_EXPECTED: expected } = process.env;
const require = createRequire(path.join(shop, 'shop.js'));
const installed = (name) => import(pathToFileURL(require.resolve(name)).href);
const node = (script, env = {}) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: shop,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });

/** Every file below a folder, with its bytes. */
const tree = (folder) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
      .map((file) => [path.relative(folder, file), readFileSync(file).toString('base64')]),
  );

describe('the Node API', () => {
  let work, createIndex, VitrineError;
  before(async () => {
    work = mkdtempSync(path.join(tmpdir(), 'vitrine-node-'));
    ({ createIndex, VitrineError } = await installed('vitrine/node'));
  });
  after(() => rmSync(work, { recursive: true, force: true }));

  /** What a call rejects with. */
  const fault = async (call) => {
    const error = await call().then(
      () => assert.fail('expected a rejection'),
      (rejected) => rejected,
    );
    assert.ok(error instanceof VitrineError, String(error.stack));
    return error;
  };

  test('makes the site that the command line makes, and leaves nothing behind', async () => {
    const index = await createIndex({ title: 'A shop' });
    const indexed = await index.addDirectory({ path: photos });
    assert.deepEqual([indexed.photos, indexed.encoded, indexed.left_out], [12, 12, []]);
    assert.match(indexed.messages.join('\n'), /columns published/);
    const again = await index.addDirectory({ path: pathToFileURL(photos) });
    assert.deepEqual([again.encoded, again.kept], [0, 12], 'the same folder again encodes nothing');
    const written = await index.writeFiles({ outputPath: path.join(work, 'site') });
    assert.equal(written.outputPath, path.join(work, 'site'));
    assert.deepEqual(tree(written.outputPath), tree(site));
    const { catalogPath } = index;
    assert.ok(existsSync(catalogPath));
    await index.close();
    assert.ok(!existsSync(path.dirname(catalogPath)));
  });

  test('reads a feed, and names what it leaves out', async () => {
    const feed = path.join(work, 'feed.csv');
    const rows = ['id,title,price,image_link', `a,Red dress,10.00 EUR,${path.join(photos, 'g00001.jpg')}`];
    writeFileSync(feed, `${[...rows, 'b,Blue coat,20.00 EUR,nowhere.jpg'].join('\n')}\n`);
    cpSync(path.join(photos, 'g00001.jpg'), path.join(work, 'g00001.jpg'));
    writeFileSync(feed, readFileSync(feed, 'utf8').replace(path.join(photos, 'g00001.jpg'), 'g00001.jpg'));
    const lines = [];
    const index = await createIndex({ catalogPath: path.join(work, 'kept'), onMessage: (line) => lines.push(line) });
    try {
      const indexed = await index.addFeed({ path: feed, kind: 'plain', currency: 'EUR' });
      assert.equal(indexed.photos, 1);
      assert.match(lines.join('\n'), /nowhere\.jpg/);
      const error = await fault(() => index.addFeed({ path: feed, strict: true, kind: 'plain' }));
      assert.deepEqual([error.code, error.details.exitCode], ['failed', 1]);
    } finally {
      await index.close();
    }
    assert.ok(existsSync(path.join(work, 'kept', 'catalog.json')), 'a catalog that was asked for stays');
  });

  test('refuses what is wrong, before anything is made', async () => {
    const index = await createIndex();
    const cases = [
      [() => createIndex({ titel: 'x' }), 'argument', /expected the options title, model, catalogPath, got titel/],
      [() => createIndex({ title: 3 }), 'argument', /expected title as a string, got 3/],
      [() => createIndex({ onMessage: 'x' }), 'argument', /onMessage as a function/],
      [() => index.addDirectory(), 'argument', /expected path, got none/],
      [() => index.addDirectory(null), 'argument', /an object of options/],
      [() => index.addDirectory({ path: photos, hide: ['a,b'] }), 'argument', /names without commas/],
      [() => index.addDirectory({ path: photos, photoSize: 1.5 }), 'argument', /a whole number/],
      [() => index.addDirectory({ path: photos, folders: 'some' }), 'argument', /invalid value 'some'/],
      [() => index.addDirectory({ path: photos, kind: 'plain' }), 'argument', /got kind/],
      [
        () => index.addDirectory({ path: path.join(work, 'nowhere') }),
        'failed',
        /^opening photos .*nowhere: No such file/,
      ],
      [() => index.writeFiles({ outputPath: path.join(work, 'x') }), 'source', /expected products, got none/],
    ];
    for (const [call, code, message] of cases) {
      const error = await fault(call);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    }
    await index.addDirectory({ path: photos, jobs: 1 });
    assert.equal((await fault(() => index.addFeed({ path: path.join(photos, 'items.csv') }))).code, 'source');
    mkdirSync(path.join(work, 'foreign'));
    writeFileSync(path.join(work, 'foreign', 'index.html'), 'mine');
    await fault(() => index.writeFiles({ outputPath: path.join(work, 'foreign') }));
    assert.equal(readFileSync(path.join(work, 'foreign', 'index.html'), 'utf8'), 'mine');
    await index.close();
    assert.equal((await fault(() => index.addDirectory({ path: photos }))).code, 'closed');
  });

  test('stops what runs when it is closed', async () => {
    const index = await createIndex();
    const [running] = await Promise.all([
      fault(() => index.addDirectory({ path: photos })),
      new Promise((resolve) => setImmediate(() => resolve(index.close()))),
    ]);
    assert.equal(running.code, 'closed');
  });

  test('says so where there is no program', () => {
    const name = `vitrine-${process.platform}-${process.arch}`;
    const other = "Object.defineProperty(process, 'arch', { value: 'mips' });";
    const ask =
      "const { createIndex } = await import('vitrine/node'); await createIndex().catch((e) => console.log(e.code, e.message));";
    assert.match(node(`${other}${ask}`).stdout, /^platform .*expected one of .*linux-x64.*, got linux-mips; build/);
    const bin = path.join(path.dirname(require.resolve('vitrine/package.json')), 'bin/vitrine.js');
    const said = spawnSync(process.execPath, [bin, '--version'], {
      encoding: 'utf8',
      env: { ...process.env, VITRINE_PROGRAM: path.join(work, 'nowhere') },
    });
    assert.equal(said.status, 1);
    assert.match(said.stderr, /^vitrine: running .*nowhere: expected a program for .*got ENOENT/);
    assert.ok(require.resolve(`${name}/package.json`));
  });
});

describe('the package', () => {
  test('finds what the archive finds, and ends as the program ends', () => {
    const bin = path.join(path.dirname(require.resolve('vitrine/package.json')), 'bin/vitrine.js');
    const args = ['search', path.join(shop, 'catalog'), '--text', 'red dress', '-k', '2', '--json'];
    const { hits } = JSON.parse(execFileSync(process.execPath, [bin, ...args], { encoding: 'utf8' }));
    assert.equal(hits.map((hit) => hit.id).join(' '), expected);
    assert.equal(spawnSync(process.execPath, [bin, 'search', '--nonsense']).status, 2);
  });

  test('is imported where there is no window, and runs nothing there', () => {
    for (const name of ['vitrine', 'vitrine/element']) {
      const said = node(`const all = await import('${name}'); console.log(typeof all.open, typeof window);`);
      assert.equal(said.stdout, 'function undefined\n', said.stderr);
    }
    const said = node(
      "import { open } from 'vitrine'; await open({ site: '/search/' }).catch((e) => console.log(e.code, e.message));",
    );
    assert.match(said.stdout, /^browser opening: expected a browser, got none/, said.stderr);
  });

  test('runs no script when it is installed', () => {
    for (const name of ['vitrine', `vitrine-${process.platform}-${process.arch}`]) {
      const { scripts = {}, version } = require(`${name}/package.json`);
      assert.deepEqual(Object.keys(scripts), []);
      assert.equal(version, require('vitrine/package.json').version);
    }
    const { optionalDependencies: all, version } = require('vitrine/package.json');
    assert.deepEqual([...new Set(Object.values(all))], [version]);
    assert.ok(all[`vitrine-${process.platform}-${process.arch}`]);
  });
});
