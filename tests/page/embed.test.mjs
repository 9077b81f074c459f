// The package and the element, as a shop would use them: packed, installed without a network, served under a strict
// policy and asked in Chromium. Environment as in page.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import ts from 'typescript';
import { host, launch, missing } from './browser.mjs';

const { VITRINE_DIST: dist, VITRINE_BIN: vitrine } = process.env;
const www = fileURLToPath(new URL('../../www/', import.meta.url));
const policy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'";

const sha256 = (text) => createHash('sha256').update(text).digest('base64');

/** What an interface or class of a .d.ts says it has. */
function members(file, name) {
  const source = ts.createSourceFile(file, readFileSync(path.join(www, file), 'utf8'), ts.ScriptTarget.Latest);
  const found = source.statements.find((statement) => statement.name?.text === name);
  return [...new Set(found.members.flatMap((member) => (member.name ? [member.name.text] : [])))];
}

describe('the package', { skip: missing() ?? false, concurrency: 1 }, () => {
  let shop, packed, browser;
  const stops = [];
  const violations = [];

  async function page(origin, address, { prepare = () => {}, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
    await prepare(context);
    context.on(
      'console',
      (message) => /Content Security Policy/i.test(message.text()) && violations.push(message.text()),
    );
    const opened = await context.newPage();
    opened.on('pageerror', (error) => violations.push(String(error.stack)));
    await opened.goto(origin + address);
    return opened;
  }

  const serve = async (options) => {
    const server = await host(options);
    stops.push(server.stop);
    return server.origin;
  };

  const map = JSON.stringify({
    imports: { vitrine: '/packages/vitrine/embed/vitrine.js', 'vitrine/element': '/packages/vitrine/embed/element.js' },
  });
  const head = `<!doctype html><html lang="en"><head><title>A shop</title><meta name="viewport" content="width=device-width"><link rel="icon" href="/search/icons/icon.svg"><link rel="stylesheet" href="/shop.css"><script type="importmap">${map}</script>`;
  const pages = {
    '/module.html': `${head}<script type="module" src="/shop.js"></script></head><body><main></main></body></html>`,
    '/shop.js': "import { open } from 'vitrine'; globalThis.open_site = open;",
    '/shop.css': '.my-card b { color: rgb(10, 20, 200); }',
    '/element.html': `${head}<script type="module" src="/packages/vitrine/embed/element.js"></script></head>
      <body><main><h1>Shop</h1><vitrine-search catalog="/search/" k="6"><p slot="header">Find it</p><p slot="empty">Nothing, sorry</p></vitrine-search></main></body></html>`,
    '/template.html': `${head.replace('lang="en"', 'lang="de"')}<script type="module" src="/packages/vitrine/embed/element.js"></script></head>
      <body><vitrine-search catalog="/search/" filters="none"><template slot="result"><div class="my-card"><img data-field="photo"><b data-field="title"></b><i data-field="category"></i></div></template></vitrine-search></body></html>`,
  };

  before(async () => {
    shop = mkdtempSync(path.join(tmpdir(), 'vitrine-shop-'));
    const run = (command, args, cwd = shop) =>
      execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    writeFileSync(path.join(shop, 'package.json'), JSON.stringify({ name: 'shop', private: true, type: 'module' }));
    const assembled = path.join(shop, 'assembled');
    run(process.execPath, [fileURLToPath(new URL('../../packages/npm/assemble.mjs', import.meta.url)), assembled]);
    const [archive] = JSON.parse(run('npm', ['pack', '--json', '--silent', '--pack-destination', shop, assembled]));
    packed = archive.files.map(({ path: file }) => file);
    run('npm', [
      'install',
      path.join(shop, archive.filename),
      '--offline',
      '--omit=optional', // the program of this platform: the page needs none
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--silent',
    ]);
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    for (const stop of stops) await stop();
    rmSync(shop, { recursive: true, force: true });
  });

  const installed = (
    headers = {
      'content-security-policy': policy.replace("script-src 'self'", `script-src 'self' 'sha256-${sha256(map)}'`),
    },
  ) => serve({ folders: { '/packages/': path.join(shop, 'node_modules'), '/search/': dist }, headers, pages });

  test('holds program, types and wasm, and leaves nothing behind', () => {
    for (const file of [
      'embed/vitrine.js',
      'embed/vitrine.d.ts',
      'embed/element.js',
      'embed/element.d.ts',
      'worker.js',
      'site.json',
      'README.md',
    ])
      assert.ok(packed.includes(file), `${file} in ${packed}`);
    const listed = (folder) => JSON.parse(readFileSync(path.join(folder, 'site.json'))).wasm;
    const builds = listed(path.join(shop, 'node_modules/vitrine'));
    assert.deepEqual(builds, listed(dist), 'the builds of a site, with what they need');
    for (const { file } of builds)
      assert.ok(packed.includes(file) && packed.includes(file.replace('_bg.wasm', '.js')), file);
    assert.ok(!existsSync(path.join(www, 'site.json')), 'packing leaves the page as it was');
    const crate = readFileSync(path.join(www, '../Cargo.toml'), 'utf8').match(/^version = "(.*)"$/m)[1];
    assert.equal(JSON.parse(readFileSync(path.join(shop, 'node_modules/vitrine/package.json'))).version, crate);
  });

  test('has types that a compiler accepts, and refuses misuse by', () => {
    writeFileSync(
      path.join(shop, 'use.ts'),
      `import { open, VitrineError, type Hit, type Results } from 'vitrine';
      import { VitrineSearch } from 'vitrine/element';
      const engine = await open({ site: new URL('https://shop.example/search/'), keep: false });
      const { hits, by, ms }: Results = await engine.search({ text: 'red', image: new Blob(), product: null, k: 3, like: 0.4, sort: '-price', price: { to: 50 }, filter: { colour: ['red'] }, signal: AbortSignal.timeout(9) });
      await engine.search({ filter: (product: Hit) => product.attributes.colour === 'red' });
      engine.addEventListener('progress', (event) => event.detail.received / event.detail.total);
      const element: VitrineSearch = document.createElement('vitrine-search');
      element.addEventListener('vitrine-select', (event) => { const id: string = event.detail.hit.id; event.preventDefault(); return id; });
      const shown: Results | null = await element.search({ words: 'red' });
      const score: number | null = hits[0]!.score;
      const words: string[] = hits[0]!.matched.map(([from, to]) => hits[0]!.title.slice(from, to));
      // @ts-expect-error there is no such question
      await engine.search({ txt: 'red' });
      // @ts-expect-error a site is needed
      await open({});
      // @ts-expect-error a score may be missing
      const sure: number = hits[0]!.score;
      export { VitrineError, by, ms, shown, score, sure, words };`,
    );
    const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
    const compile = () =>
      execFileSync(
        process.execPath,
        [
          tsc,
          '--noEmit',
          '--strict',
          '--noUncheckedIndexedAccess',
          '--target',
          'es2022',
          '--module',
          'nodenext',
          '--lib',
          'es2022,dom,dom.iterable',
          'use.ts',
        ],
        { cwd: shop, encoding: 'utf8' },
      );
    assert.doesNotThrow(compile, (error) => assert.fail(error.stdout));
  });

  test('answers by words, filters, product, photo, and says how it goes', async () => {
    const opened = await page(await installed(), '/module.html');
    await opened.waitForFunction(() => globalThis.open_site);
    const engineMembers = members('embed/vitrine.d.ts', 'VitrineEngine');
    const got = await opened.evaluate(async (names) => {
      const engine = (globalThis.engine = await open_site({ site: '/search/' }));
      const steps = [];
      engine.addEventListener('progress', ({ detail }) => steps.push(detail));
      const browse = await engine.search({ k: 5 });
      const early = await engine.search({ text: 'red dress', wait: false, k: 5 });
      const text = await engine.search({ text: 'red dress', k: 10 });
      const filtered = await engine.search({ text: 'red dress', k: 10, filter: { category: 'skirt' } });
      const tested = await engine.search({
        text: 'dress -red',
        k: 10,
        filter: ({ attributes }) => attributes.category === 'dress',
      });
      const [{ id, photo }] = text.hits;
      const like = await engine.search({ product: id, k: 10 });
      const composed = await engine.search({ product: id, text: 'in blue', k: 10, like: 0.4 });
      const bytes = await (await fetch(photo)).arrayBuffer();
      const image = await engine.search({ image: bytes, k: 3 });
      const blob = await engine.search({ image: new Blob([bytes], { type: 'image/jpeg' }), k: 3 });
      const refused = [];
      for (const query of [{ filter: { no: 'such' } }, { product: 'no such' }, { image: 7 }])
        refused.push(await engine.search(query).catch(({ code }) => code));
      return {
        missing: names.filter((name) => !(name in engine)),
        count: engine.count,
        facets: engine.facets,
        steps,
        browse,
        early,
        text,
        filtered,
        tested,
        like,
        composed,
        image,
        blob,
        refused,
        bytes: bytes.byteLength,
      };
    }, engineMembers);
    assert.deepEqual(got.missing, [], 'the types name only what is there');
    assert.deepEqual(Object.keys(got.text.hits[0]).sort(), members('embed/vitrine.d.ts', 'Hit').sort());
    assert.deepEqual(Object.keys(got.text).sort(), members('embed/vitrine.d.ts', 'Results').sort());
    assert.deepEqual(
      [got.browse.by, got.early.by, got.text.by, got.like.by, got.composed.by, got.image.by],
      ['browse', 'titles', 'engine', 'engine', 'engine', 'engine'],
    );
    assert.equal(got.facets[0].name, 'category');

    // the command line says the same of the same catalog
    const said = JSON.parse(
      execFileSync(
        vitrine,
        [
          'search',
          path.join(dist, 'catalog'),
          '--model',
          path.join(dist, 'model'),
          '--text',
          'red dress',
          '-k',
          '10',
          '--json',
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      ),
    );
    const there = new Map(said.hits.map(({ id, score }) => [id, score]));
    const both = got.text.hits.filter(({ id, score }) => Math.abs((there.get(id) ?? 9) - score) < 0.01);
    assert.ok(
      both.length >= 9,
      `${got.text.hits.map(({ id, score }) => `${id} ${score}`)} against ${said.hits.map(({ id, score }) => `${id} ${score}`)}`,
    );

    assert.ok(
      got.filtered.hits.length > 0 && got.filtered.hits.every(({ attributes }) => attributes.category === 'skirt'),
    );
    assert.ok(
      got.tested.hits.length > 0 &&
        got.tested.hits.every(
          ({ attributes, title }) =>
            attributes.category === 'dress' && !/\bred\b/.test(title) && attributes.colour !== 'red',
        ),
    );
    const [first] = got.text.hits;
    assert.ok(
      [...got.like.hits, ...got.composed.hits].every(({ id }) => id !== first.id),
      'the product itself is left out',
    );
    assert.ok(got.composed.attention.photo.length > 4 && got.composed.ms.total > 0);
    assert.equal(got.image.hits[0].id, first.id, 'a photo finds its product');
    assert.equal(got.blob.hits[0].id, first.id);
    assert.deepEqual(got.refused, ['filter', 'product', 'argument']);
    assert.ok(got.steps.length > 1 && got.steps.every(({ received, total }) => received <= total));
    assert.ok(got.steps.at(-1).ready.includes('composed'));

    const ends = await opened.evaluate(async () => {
      const aborted = new AbortController();
      const given_up = engine.search({ text: 'green bag', signal: aborted.signal });
      const next = engine.search({ text: 'blue shirt', k: 3 });
      aborted.abort();
      const first = await given_up.catch(({ name }) => name);
      const second = (await next).hits.length;
      const cut = engine.search({ text: 'white shoes' });
      engine.close();
      return [
        first,
        second,
        await cut.catch(({ code }) => code),
        await engine.search({ text: 'more' }).catch(({ code }) => code),
      ];
    });
    assert.deepEqual(ends, ['AbortError', 3, 'closed', 'closed']);
    await opened.context().close();
  });

  test('the element is worked by hand, keyboard and script, under a strict policy', async () => {
    const opened = await page(await installed(), '/element.html');
    await opened.evaluate(() => {
      globalThis.told = [];
      for (const type of ['vitrine-ready', 'vitrine-results', 'vitrine-select', 'vitrine-error'])
        document.addEventListener(type, (event) => told.push([type, event.detail]));
    });
    const search = opened.locator('vitrine-search');
    await opened.waitForFunction(() => document.querySelector('vitrine-search').results);
    const missingMembers = await search.evaluate(
      (node, names) => names.filter((name) => !(name in node)),
      members('embed/element.d.ts', 'VitrineSearch'),
    );
    assert.deepEqual(missingMembers, []);
    assert.equal(await opened.locator('vitrine-search .card').count(), 6);
    const requested = () => opened.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    assert.ok(
      !(await requested()).some((name) => /_bg\.wasm|safetensors/.test(name)),
      'the model waits for the first question',
    );

    await opened.getByRole('textbox').fill('red dress');
    await opened.waitForFunction(() => document.querySelector('vitrine-search').results?.by === 'engine');
    const titles = await opened.locator('vitrine-search [part="title"]').allTextContents();
    const { hits: asked, good } = await search.evaluate((node) => node.engine.search({ text: 'red dress', k: 6 }));
    const groups = new Map(
      asked
        .slice(0, good)
        .toReversed()
        .map((hit) => [hit.group, hit]),
    ); // the best of each
    assert.deepEqual(
      titles,
      asked.filter((hit) => groups.get(hit.group) === hit).map(({ title }) => title),
    );
    assert.match(
      await opened.locator('vitrine-search [role="status"]').textContent(),
      new RegExp(`^${good} products, best match first`),
    );

    const frequent = await search.evaluate((node) => node.engine.facets[0].values[0].value);
    await opened.getByRole('combobox', { name: 'Category' }).selectOption(frequent);
    await opened.waitForFunction(
      (category) =>
        document
          .querySelector('vitrine-search')
          .results.hits.every(({ attributes }) => attributes.category === category),
      frequent,
    );
    await search.evaluate((node) => node.search({ filter: node.filter }));
    await opened.locator('vitrine-search [part~="more"]').click();
    await opened.waitForFunction(() => document.querySelector('vitrine-search').results.hits.length === 12);

    // the keyboard: from the words into the grid, along it, and to "more like this"
    await opened.getByRole('textbox').focus();
    await opened.keyboard.press('ArrowDown');
    const at = () =>
      search.evaluate(
        (node) =>
          node.shadowRoot.activeElement?.closest('.card')?.dataset.index ?? node.shadowRoot.activeElement?.localName,
      );
    assert.equal(await at(), '0');
    await opened.keyboard.press('ArrowRight');
    assert.equal(await at(), '1');
    const chosen = await search.evaluate((node) => node.shadowRoot.querySelectorAll('.card')[1].dataset.id);
    await opened.keyboard.press('Enter');
    assert.equal(
      await opened.evaluate(() => told.filter(([type]) => type === 'vitrine-select').at(-1)[1].hit.id),
      chosen,
    );
    await opened.keyboard.press('Tab');
    await opened.keyboard.press('Enter');
    await opened.waitForFunction(
      (id) =>
        document.querySelector('vitrine-search').product === id &&
        document.querySelector('vitrine-search').results.kind === 'like',
      chosen,
    );
    await opened.locator('vitrine-search .card').first().locator('.open').focus();
    await opened.keyboard.press('Escape');
    assert.equal(await at(), 'input');

    // a photo, and a script's own question
    const bytes = await search.evaluate(async (node) => [
      ...new Uint8Array(await (await fetch(node.results.hits[0].photo)).arrayBuffer()),
    ]);
    const wanted = await search.evaluate((node) => node.results.hits[0].id);
    await search.evaluate((node) => (node.filter = {}));
    await opened.setInputFiles('vitrine-search input[type="file"]', {
      name: 'mine.jpg',
      mimeType: 'image/jpeg',
      buffer: Buffer.from(bytes),
    });
    await opened.waitForFunction(
      (id) =>
        document.querySelector('vitrine-search').results.kind === 'image' &&
        document.querySelector('vitrine-search').results.hits[0]?.id === id,
      wanted,
    );
    const scripted = await search.evaluate((node) => node.search({ words: 'blue shirt' }));
    assert.equal(scripted.by, 'engine');
    await search.evaluate((node) =>
      node.search({ words: 'qqqq -shirt', filter: { category: 'shirt', colour: 'no such' } }),
    );
    assert.ok(await opened.locator('[slot="empty"]').isVisible());

    await search.evaluate((node) => node.search({ words: 'blue shirt' }));
    await opened.evaluate(axe.source);
    const { violations: found } = await opened.evaluate(() =>
      globalThis.axe.run(document, { resultTypes: ['violations'] }),
    );
    assert.deepEqual(
      found
        .filter(({ impact }) => ['serious', 'critical'].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
      [],
    );
    assert.deepEqual(
      await opened.evaluate(() =>
        told.filter(([type]) => type === 'vitrine-error').map(([, { error }]) => error.message),
      ),
      [],
    );

    const [worker] = opened.workers();
    const ended = worker.waitForEvent('close');
    await search.evaluate((node) => node.remove());
    await ended;
    await opened.context().close();
  });

  test('orders by price, keeps a range and stock, says what was matched, and answers by the small tier first', async () => {
    const json = (file) => JSON.parse(readFileSync(path.join(dist, file), 'utf8'));
    const manifest = json('catalog/catalog.json');
    const items = manifest.shards.flatMap(({ items: part }) => json(`catalog/${part.file}`));
    const cost = new Map(items.map(({ id }, row) => [id, 10 + ((row * 37) % 90)]));
    const inStock = new Map(items.map(({ id }, row) => [id, row % 3 > 0]));
    const { instant, parts } = json('model/model.json');
    let free = () => {};
    const freed = new Promise((resolve) => (free = () => resolve(null)));
    const prepare = async (context) => {
      for (const part of manifest.shards.map((shard) => shard.items)) {
        const rows = json(`catalog/${part.file}`).map((item) => ({
          ...item,
          offer: { now: String(cost.get(item.id)) },
          in_stock: inStock.get(item.id),
        }));
        const body = JSON.stringify(rows);
        const changed = createHash('sha256').update(body).digest('hex');
        await context.route(`**/${part.file}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
        Object.assign(part, { bytes: Buffer.byteLength(body), sha256: changed });
      }
      await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: manifest }));
      const large = parts.find(({ part }) => part === 'text').file;
      await context.route(`**/${large}`, async (route) => (await freed, route.continue().catch(() => {})));
    };
    const opened = await page(await installed(), '/module.html', { prepare });
    await opened.waitForFunction(() => globalThis.open_site);
    await opened.evaluate(async () => {
      globalThis.engine = await open_site({ site: '/search/' });
      globalThis.heard = [];
      const early = ({ by, hits }) => heard.push({ by, n: hits.length });
      globalThis.whole = engine.search({ text: 'red dress', k: 20, early });
    });
    if (instant) await opened.waitForFunction(() => heard.some(({ by, n }) => by === 'instant' && n > 0));
    free();
    const got = await opened.evaluate(async () => {
      const plain = await whole;
      const ask = (more) => engine.search({ text: 'dress', k: 20, ...more });
      return {
        plain,
        cheap: await ask({ sort: 'price' }),
        dear: await ask({ sort: '-price' }),
        all: await ask({ k: 500 }),
        range: await ask({ price: { from: 20, to: 40, stock: true } }),
        both: await ask({ price: { to: 40 }, filter: ({ attributes }) => attributes.colour === 'red' }),
        looking: await engine.search({ k: 3 }),
        wrong: await ask({ sort: 'newest' }).catch(({ code }) => code),
      };
    });
    assert.equal(got.plain.by, 'engine');
    for (const { title, matched } of got.plain.hits)
      for (const [from, to] of matched) assert.match(title.slice(from, to), /^(red|dress)$/i, title);
    assert.ok(got.plain.hits[0].matched.length >= 2);
    assert.deepEqual(
      got.looking.hits.map(({ matched }) => matched),
      [[], [], []],
    );
    const costs = ({ hits }) => hits.map(({ id }) => cost.get(id));
    const good = costs({ hits: got.all.hits.slice(0, got.all.good) }).toSorted((a, b) => a - b);
    assert.deepEqual(costs(got.cheap), good.slice(0, costs(got.cheap).length), 'the cheapest of all good ones');
    assert.deepEqual(costs(got.dear), good.toReversed().slice(0, costs(got.dear).length));
    assert.ok(costs(got.range).length && costs(got.range).every((price) => price >= 20 && price <= 40));
    assert.ok(got.range.hits.every(({ id }) => inStock.get(id)));
    assert.ok(got.both.hits.length && got.both.hits.every(({ attributes }) => attributes.colour === 'red'));
    assert.ok(
      costs(got.both).every((price) => price <= 40),
      'a test of one’s own and a range',
    );
    assert.equal(got.wrong, 'argument');
    await opened.context().close();
  });

  test('the element shows good matches first, and what shows the same once', async () => {
    const json = (file) => JSON.parse(readFileSync(path.join(dist, file), 'utf8'));
    const relevant = (relevance) => (context) =>
      context.route('**/search/site.json', (route) => route.fulfill({ json: { ...json('site.json'), relevance } }));
    const ask = async (prepare) => {
      const opened = await page(await installed(), '/element.html', { prepare });
      await opened.waitForFunction(() => document.querySelector('vitrine-search').results);
      const results = await opened.evaluate(() =>
        document.querySelector('vitrine-search').search({ words: 'something for a picnic' }),
      );
      const cards = () => opened.$$eval('vitrine-search .card', (list) => list.map(({ dataset }) => dataset.id));
      const status = () => opened.locator('vitrine-search [role="status"]').textContent();
      return { opened, results, cards, status, more: opened.locator('vitrine-search [part~="more"]') };
    };

    const plain = await ask(relevant(null));
    const { hits } = plain.results;
    assert.equal(plain.results.good, hits.length, 'nothing was measured, so nothing is cut');
    await plain.opened.context().close();

    const limit = (hits[1].score + hits[2].score) / 2 / hits[0].score;
    assert.ok(hits[1].score > hits[2].score, 'two scores between which the limit fits');
    const few = await ask(relevant({ known: 0, unknown: 0, share: limit, photo: 0 }));
    assert.equal(few.results.good, 2);
    assert.equal((await few.cards())[0], hits[0].id);
    assert.ok((await few.cards()).length <= 2);
    assert.match(await few.status(), /^2 products, best match first/);
    assert.match(await few.opened.textContent('vitrine-search [part="said"]'), /Only 2 good matches/);
    const first = await few.cards();
    await few.more.click();
    assert.deepEqual((await few.cards()).slice(0, first.length), first, 'what was there stays');
    assert.ok((await few.cards()).length > first.length);
    assert.equal(
      await few.opened.evaluate(
        () => document.querySelector('vitrine-search').shadowRoot.activeElement?.closest('.card')?.dataset.index,
      ),
      String(first.length),
      'the focus goes to what came',
    );
    await few.opened.context().close();

    const none = await ask(relevant({ known: 2, unknown: 2, share: 0, photo: 2 }));
    assert.equal(none.results.good, 0);
    assert.match(await none.status(), /come closest/);
    assert.ok((await none.cards()).length > 0);
    await none.opened.context().close();

    // the second and third hit made photos of the first one's product
    const { shards } = json('catalog/catalog.json');
    const same = new Set(hits.slice(0, 3).map(({ id }) => id));
    const folded = await ask(async (context) => {
      await relevant(null)(context);
      const changed = shards.map(({ items }) => {
        const body = JSON.stringify(
          json(`catalog/${items.file}`).map((item) => ({
            ...item,
            same_as: undefined,
            link: same.has(item.id) ? 'https://shop.example/one' : undefined,
          })),
        );
        return {
          file: items.file,
          body,
          bytes: Buffer.byteLength(body),
          sha256: createHash('sha256').update(body).digest('hex'),
        };
      });
      for (const { file, body } of changed)
        await context.route(`**/catalog/${file}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
      const catalog = json('catalog/catalog.json');
      catalog.shards.forEach((shard, i) =>
        Object.assign(shard.items, { bytes: changed[i].bytes, sha256: changed[i].sha256 }),
      );
      await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: catalog }));
    });
    const once = await folded.cards();
    assert.deepEqual(once, [hits[0].id, ...hits.slice(3).map(({ id }) => id)]);
    const badge = folded.opened.locator('vitrine-search [part~="alike"]');
    assert.equal(await badge.textContent(), '+2 alike');
    await badge.click();
    assert.deepEqual(
      await folded.cards(),
      hits.map(({ id }) => id),
      'they open beside it',
    );
    assert.equal(await badge.getAttribute('aria-expanded'), 'true');
    await badge.press('Enter');
    assert.deepEqual(await folded.cards(), once);
    await folded.opened.context().close();
  });

  test("a shop's own card stands in the shop's own tree and style", async () => {
    const opened = await page(await installed(), '/template.html');
    await opened.waitForSelector('.my-card img[src]');
    const first = await opened.evaluate(() => {
      const { hits } = document.querySelector('vitrine-search').results;
      const card = document.querySelector(`[slot="result-${hits[0].row}"]`);
      return {
        hit: hits[0],
        title: card.querySelector('b').textContent,
        category: card.querySelector('i').textContent,
        colour: getComputedStyle(card.querySelector('b')).color,
        src: card.querySelector('img').src,
      };
    });
    assert.deepEqual(
      [first.title, first.category, first.colour, first.src],
      [first.hit.title, first.hit.attributes.category, 'rgb(10, 20, 200)', first.hit.photo],
    );
    assert.ok(await opened.locator('.my-card').first().isVisible());
    assert.match(
      await opened.locator('vitrine-search [role="status"]').textContent(),
      /Produkten?/,
      "in the page's own language",
    );
    assert.equal(await opened.locator('vitrine-search select').count(), 0);
    await opened.context().close();
  });

  test('where WebAssembly is refused, titles and neighbours answer, and it says why', async () => {
    const strict = { 'content-security-policy': policy.replace(" 'wasm-unsafe-eval'", ` 'sha256-${sha256(map)}'`) };
    const opened = await page(await installed(strict), '/element.html');
    await opened.getByRole('textbox').fill('red dress');
    await opened.waitForFunction(() => document.querySelector('vitrine-search').results?.refused === 'wasm');
    assert.match(await opened.locator('vitrine-search [role="status"]').textContent(), /refused WebAssembly/);
    const titles = await opened.locator('vitrine-search [part="title"]').allTextContents();
    assert.ok(titles.length > 0 && titles.some((title) => /dress/i.test(title)));
    await opened.locator('vitrine-search .card').first().hover();
    await opened.locator('vitrine-search .card [part~="similar"]').first().click();
    await opened.waitForFunction(
      () =>
        document.querySelector('vitrine-search').results.by === 'neighbours' &&
        document.querySelector('vitrine-search').results.hits.length > 3,
    );
    await opened.context().close();
    violations.splice(0); // this policy forbids what the worker then finds out
  });

  test('the element that a site carries serves a page of another origin', async () => {
    const search = await serve({
      folders: { '/shop/': dist },
      headers: { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'same-origin' },
    });
    const allow = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' ${search}; style-src 'self'; img-src ${search} data:; connect-src ${search}; worker-src blob: ${search}`;
    const html = `<!doctype html><html lang="en"><title>Elsewhere</title><link rel="icon" href="data:,"><script type="module" src="${search}/shop/embed/element.js"></script><vitrine-search catalog="${search}/shop/" words="red dress" k="6"></vitrine-search></html>`;
    const origin = await serve({ folders: {}, headers: { 'content-security-policy': allow }, pages: { '/': html } });
    const opened = await page(origin, '/');
    await opened.waitForFunction(() => document.querySelector('vitrine-search').results?.by === 'engine');
    await opened.waitForFunction(() =>
      [...document.querySelector('vitrine-search').shadowRoot.querySelectorAll('img')].every(
        ({ complete, naturalWidth }) => complete && naturalWidth > 0,
      ),
    );
    await opened.context().close();
  });

  test('never broke a policy', () =>
    assert.deepEqual(
      violations.filter((text) => !/favicon|icon/.test(text)),
      [],
    ));
});
