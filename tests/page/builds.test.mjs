// The builds of the page's program: what their code holds, and that a browser fetches only the one it can run.
//   VITRINE_DIST, VITRINE_BIN   as for page.test.mjs
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { catalog } from '../../benches/search/catalog.mjs';
import { able, launch, load, missing, rewrite, serve, settled } from './browser.mjs';

const reason = missing();
const disassembler = fileURLToPath(new URL('../../node_modules/.bin/wasm-dis', import.meta.url));

describe('the builds of the program', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, builds, folder;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'builds-'));
    server = await serve();
    browser = await launch();
    builds = new Map(
      (await (await fetch(`${server.origin}/site.json`)).json()).wasm.map((build) => [build.name, build]),
    );
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  /** How often instructions of each proposal stand in a build's code. */
  function instructions({ name, file }) {
    const text = path.join(folder, `${name}.wat`);
    execFileSync(disassembler, ['--all-features', '-o', text, path.join(process.env.VITRINE_DIST, file)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const code = readFileSync(text, 'utf8');
    const count = (pattern) => code.match(pattern)?.length ?? 0;
    return {
      vectors: count(/\([a-z0-9]+x[0-9]+\./g),
      relaxed: count(/\([a-z0-9]+\.relaxed_/g),
      atomic: count(/\((?:[a-z0-9]+\.)?atomic\./g) + count(/\([a-z0-9]+\.atomic\./g),
    };
  }

  for (const [name, needs, relaxed, atomic] of [
    ['baseline', [], false, false],
    ['relaxed', ['relaxed-simd'], true, false],
    ['threads', ['relaxed-simd', 'threads'], true, true],
  ]) {
    test(`${name} holds the instructions that it says it needs, and no others`, () => {
      const build = builds.get(name);
      assert.deepEqual(build.needs, needs);
      const found = instructions(build);
      assert.ok(found.vectors > 1000, `${found.vectors} vector instructions: the disassembly is read rightly`);
      assert.equal(found.relaxed > 0, relaxed, JSON.stringify(found));
      assert.equal(found.atomic > 0, atomic, JSON.stringify(found));
    });
  }

  /** A visitor who searches; the builds that were fetched, and the vector that came out. */
  async function visit({ address = '', words = 'red dress', script = '', context } = {}) {
    const own = context ?? (await browser.newContext({ serviceWorkers: 'block' }));
    const fetched = new Set();
    own.on('request', (request) => /_bg\.wasm$/.test(request.url()) && fetched.add(request.url().split('/').at(-2)));
    if (script) {
      await rewrite(own, 'worker.js', (text) => `${script}\n${text}`);
    }
    const page = await own.newPage();
    await page.goto(`${server.origin}/${address}#${new URLSearchParams({ q: words })}`);
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine', words });
    const build = await page.getAttribute('[data-vitrine]', 'data-build');
    const order = await page.$$eval('.card', (cards) => cards.slice(0, 24).map((card) => card.dataset.id));
    if (!context) await own.close();
    return { build, fetched: [...fetched], order };
  }

  const none =
    'WebAssembly.validate = ((validate) => (bytes) => !bytes.includes(128) && validate(bytes))(WebAssembly.validate);';
  const alone = 'Object.defineProperty(globalThis, "crossOriginIsolated", { value: false });';

  test('a browser fetches the fastest build that it can run, and no other', async () => {
    const seen = [await visit(), await visit({ script: alone }), await visit({ script: none })];
    assert.deepEqual(
      seen.map(({ build }) => build),
      ['threads', 'relaxed', 'baseline'],
    );
    for (const { build, fetched } of seen) assert.deepEqual(fetched, [build]);
  });

  test('every build finds the same', async () => {
    const found = [];
    // the one for WebGPU runs beside them, and has tests of its own
    for (const name of [...builds.keys()].filter((name) => name !== 'gpu')) {
      // so many are red that those at the end are told apart by their vectors
      const { build, order } = await visit({ address: `?build=${name}`, words: 'red' });
      assert.equal(build, name);
      found.push(order);
    }
    // scores that differ in the last digits may change places, but not come and go
    const [first, ...others] = found;
    assert.equal(first.length, 24);
    for (const other of others) assert.ok(first.filter((id) => other.includes(id)).length >= 23, `${first}\n${other}`);
  });

  test('a build that the browser refuses after all is followed by the next', async () => {
    const refusing = `WebAssembly.compileStreaming = ((compile) => async (response) => {
      const module = await compile(response);
      if (WebAssembly.Module.imports(module).some(({ kind }) => kind === 'memory')) throw new WebAssembly.CompileError('no shared memory');
      return module;
    })(WebAssembly.compileStreaming);`;
    const { build, fetched } = await visit({ script: refusing });
    assert.equal(build, 'relaxed');
    assert.deepEqual(fetched, ['threads', 'relaxed']);
  });

  test('a large catalog gives the same answers before and after it is prepared for two passes', async () => {
    const page = await browser.newPage();
    await page.goto(server.origin);
    const [n, d, latent] = [20_100, 128, 12];
    let state = 5;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
    const directions = Float32Array.from({ length: latent * d }, random);
    const vectors = new Float32Array(n * d);
    for (let row = 0; row < n; row++) {
      const vector = vectors.subarray(row * d, (row + 1) * d).map(() => 0.02 * random());
      for (let l = 0; l < latent; l++) {
        const weight = random();
        for (let i = 0; i < d; i++) vector[i] += weight * directions[l * d + i];
      }
      const length = Math.hypot(...vector);
      vectors.set(
        vector.map((v) => v / length),
        row * d,
      );
    }
    const { manifest, shards } = await catalog(vectors, n, d);
    const files = shards.map(({ file, bytes }) => [file, Buffer.from(bytes).toString('base64')]);
    for (const name of ['baseline', 'relaxed']) {
      const { before, after, steps } = await page.evaluate(
        async ([name, manifest, files]) => {
          const program = await import(new URL(`pkg/${name}/vitrine.js`, location.href).href);
          await program.default();
          const engine = new program.Vitrine();
          engine.open_catalog(manifest);
          for (const [file, base64] of files)
            engine.add_shard(
              file,
              Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
            );
          const ask = () => [0, 77, 20_099].map((row) => engine.neighbours(row, 50).hits);
          const before = ask();
          let steps = 1;
          while (!engine.prepare(3000)) if (++steps > 1000) throw new Error('prepare was not done after 1000 steps');
          return { before, after: ask(), steps };
        },
        [name, JSON.stringify(manifest), files],
      );
      assert.equal(steps, 7, 'two passes are worth it here');
      assert.equal(before[0].length, 50);
      assert.deepEqual(after, before);
    }
    await page.close();
  });

  test('a second visit without a network runs on the build of the first', async () => {
    const context = await browser.newContext();
    const first = await visit({ context });
    assert.equal(first.build, 'threads');
    const page = context.pages()[0];
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await context.setOffline(true);
    await server.stop();
    const again = await context.newPage();
    await load(again, `${server.origin}/#q=red+dress`);
    await settled(again, { kind: 'text', by: 'engine', words: 'red dress' });
    assert.equal(await again.getAttribute('[data-vitrine]', 'data-build'), 'threads');
    await context.close();
    server = await serve();
  });
});
