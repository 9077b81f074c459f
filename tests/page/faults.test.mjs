// What a visitor sees when things break while the page is open: tests/FAULTS.md is the whole list.
// data.test.mjs has the faults of single downloads; page.test.mjs those of ordinary use.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { able, launch, load, missing, rewrite, serve, settled } from './browser.mjs';

const reason = missing();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('the page, when things break', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, manifest, site;

  before(async () => {
    server = await serve();
    browser = await launch();
    manifest = await (await fetch(`${server.origin}/catalog/catalog.json`)).json();
    site = await (await fetch(`${server.origin}/site.json`)).json();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** A fresh visitor whose requests a test answers itself. */
  const visitor = (options) => browser.newContext({ serviceWorkers: 'block', ...options });
  async function open(context, address = '', origin = server.origin) {
    const page = await context.newPage();
    await page.goto(`${origin}/${address}`);
    return page;
  }
  const ask = async (page, words) => {
    await page.fill('[data-part="words"]', words);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', by: 'engine', words });
  };

  /** Lets `script` run inside the worker, as the engine's own code would, each time one starts; `times` at most. */
  function inWorker(context, script, times) {
    return rewrite(context, 'worker.js', (text) => `${text}\n${script}`, { times });
  }

  // The first question finds that the program's memory cannot grow any more: a real trap follows.
  const fillMemory = `
    const ask = methods.query;
    methods.query = async (args) => {
      const { memory } = await program.default();
      for (let pages = 4096; pages; pages >>= 1) {
        try { for (;;) memory.grow(pages); } catch { /* so much is not left */ }
      }
      return ask(args);
    };`;

  test('a search that runs out of memory is started anew and the question answered, without a word', async () => {
    const context = await visitor();
    const started = await inWorker(context, fillMemory, 1);
    const page = await open(context);
    await able(page, 'image');
    // 49 megapixels in nine kilobytes: within the limit, and 150 MB when decoded
    await page.setInputFiles('[data-part="file"]', new URL('../fuzz/corpus/photo/bomb.png', import.meta.url).pathname);
    await settled(page, { kind: 'image', by: 'engine' });
    assert.equal(started(), 2, 'a second worker answered');
    assert.equal(await page.getAttribute('[data-vitrine]', 'data-build'), 'baseline', 'on the plainest build');
    assert.equal(await page.locator('[role="alert"]').count(), 0);
    await page.click('.brand');
    await ask(page, 'blue shirt');
    assert.equal(started(), 2, 'and goes on answering');
    await context.close();
  });

  const breakDown = (when) => `
    const ask = methods.query;
    methods.query = (args) => {
      if (${when}) throw new WebAssembly.RuntimeError('unreachable');
      return ask(args);
    };`;

  test('a question that breaks the search twice is left alone, and others are answered', async () => {
    const context = await visitor();
    const started = await inWorker(context, breakDown("args.text === 'red dress'"), 3);
    const page = await open(context);
    await able(page, 'text');
    await page.fill('[data-part="words"]', 'red dress');
    const alert = page.locator('[role="alert"]');
    await alert.waitFor();
    assert.match(await alert.textContent(), /stopped twice at this question/);
    assert.ok((await page.locator('.card').count()) > 0, 'titles still answer');
    await able(page, 'text');
    await ask(page, 'blue shirt');
    assert.equal(await alert.count(), 0);
    assert.equal(started(), 3);
    await context.close();
  });

  test('a device that cannot run the search at all is told so, and browses on', async () => {
    const context = await visitor();
    const started = await inWorker(context, breakDown('true'), 9);
    const page = await open(context);
    await able(page, 'text');
    await page.fill('[data-part="words"]', 'red dress');
    await page.locator('[role="alert"]').waitFor();
    await able(page, 'text');
    await page.fill('[data-part="words"]', 'blue shirt');
    await page.waitForSelector('[data-engine="refused"]');
    await settled(page, { kind: 'text', by: 'titles', words: 'blue shirt' });
    assert.match(await page.textContent('[data-notice="waiting"]'), /lack of memory/);
    assert.equal(started(), 3);
    await page.hover('.card');
    await page.click('.card .card-action');
    await settled(page, { kind: 'like', by: 'neighbours' });
    await context.close();
  });

  test('an error that nobody caught in the worker counts as a breakdown', async () => {
    const context = await visitor();
    const started = await inWorker(
      context,
      "const ask = methods.query; methods.query = () => (setTimeout(() => { throw new Error('lost'); }), new Promise(() => {}));",
      1,
    );
    const page = await open(context);
    await able(page, 'text');
    await ask(page, 'red dress');
    assert.equal(started(), 2);
    await context.close();
  });

  test('a file that the server does not have is named with the status', async () => {
    const context = await visitor();
    await context.route('**/shard-*', (route) => route.fulfill({ status: 404, body: 'Not found' }));
    const page = await open(context, '#q=red+dress');
    const alert = page.locator('[role="alert"]');
    await alert.waitFor();
    const sentence = await alert.textContent();
    assert.ok(sentence.includes(manifest.shards[0].file) && sentence.includes('404'), sentence);
    assert.ok((await page.locator('.card').count()) > 0, 'titles still answer');
    await context.close();
  });

  test('a host that answers every address with its start page is seen through', async () => {
    const context = await visitor();
    await context.route('**/model/text*', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Shop</title>' }),
    );
    const page = await open(context);
    const alert = page.locator('[role="alert"]');
    await alert.waitFor();
    assert.match(await alert.textContent(), /text.*\.safetensors could not be fetched: the server sent a web page/);
    await context.close();
  });

  test('a catalog of a newer format is refused with what to do', async () => {
    const context = await visitor();
    await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: { ...manifest, version: 99 } }));
    const page = await open(context);
    const alert = page.locator('[role="alert"]');
    await alert.waitFor();
    assert.match(await alert.textContent(), /version 99.*Load the page anew/);
    await context.close();
  });

  test('a tab that was open while the site was replaced mixes nothing, and offers to load anew', async () => {
    const copy = mkdtempSync(path.join(tmpdir(), 'vitrine-update-'));
    cpSync(process.env.VITRINE_DIST, copy, { recursive: true });
    const own = await serve(copy);
    const context = await visitor();
    try {
      let hold = true;
      const held = [];
      await context.route('**/shard-*', (route) => (hold ? held.push(route) : route.continue()));
      const page = await open(context, '#q=red+dress', own.origin);
      await settled(page, { kind: 'text', by: 'titles' });
      // the shop is replaced: the same vectors under another name, as another catalog would have them, and the old one gone
      const [shard, ...others] = manifest.shards;
      const bytes = Buffer.from(readFileSync(path.join(copy, 'catalog', shard.file)));
      bytes[bytes.length - 1] ^= 1;
      const file = `shard-${sha256(bytes).slice(0, 16)}.bin`;
      rmSync(path.join(copy, 'catalog', shard.file));
      writeFileSync(path.join(copy, 'catalog', file), bytes);
      const renewed = { ...manifest, title: 'Renewed', shards: [{ ...shard, file, sha256: sha256(bytes) }, ...others] };
      writeFileSync(path.join(copy, 'catalog/catalog.json'), JSON.stringify(renewed));
      hold = false;
      for (const route of held) await route.continue();
      const alert = page.locator('[data-notice="engine"]', { hasText: 'updated while this page was open' });
      await alert.waitFor();
      const asked = [];
      context.on('request', (request) => asked.push(request.url().split('/').pop()));
      const by = await page.getAttribute('[data-part="results"]', 'data-by');
      assert.ok(['titles', 'words'].includes(by), `nothing was answered with the new vectors, but by ${by}`);
      await alert.getByRole('button', { name: 'Reload' }).click();
      await settled(page, { kind: 'text', by: 'engine', words: 'red dress' });
      assert.ok(asked.includes(file) && !asked.includes(shard.file), 'all of the new site, none of the old');
    } finally {
      await context.close();
      await own.stop();
      rmSync(copy, { recursive: true });
    }
  });

  test('a half-finished upload is not kept for offline use, and not run', async () => {
    const copy = mkdtempSync(path.join(tmpdir(), 'vitrine-half-'));
    cpSync(process.env.VITRINE_DIST, copy, { recursive: true });
    // a module of another build: the page would run it and look like a mixture
    writeFileSync(
      path.join(copy, 'ui/grid.js'),
      `document.title = 'mixed';\n${readFileSync(path.join(copy, 'ui/grid.js'))}`,
    );
    const own = await serve(copy);
    const context = await browser.newContext();
    try {
      const page = await open(context, '', own.origin);
      const state = await page.evaluate(() =>
        navigator.serviceWorker.register('sw.js?v=half').then((registration) => {
          const worker = registration.installing;
          return new Promise((resolve) =>
            worker.addEventListener(
              'statechange',
              () => ['redundant', 'installed'].includes(worker.state) && resolve(worker.state),
            ),
          );
        }),
      );
      assert.equal(state, 'redundant', 'the service worker refuses to install it');
      assert.notEqual(await page.title(), 'mixed', 'a module with another hash does not run');
    } finally {
      await context.close();
      await own.stop();
      rmSync(copy, { recursive: true });
    }
  });

  test('every script and style of the page carries a hash, and every other file of it has one in site.json', async () => {
    const html = await (await fetch(server.origin)).text();
    const signed = new Map(
      [...html.matchAll(/(?:src|href)="([^"]+)" integrity="sha256-([^"]+)"/g)].map(([, file, hash]) => [file, hash]),
    );
    const modules = ['core', 'ui'].flatMap((folder) =>
      readdirSync(path.join(process.env.VITRINE_DIST, folder), { recursive: true }).map((file) => `${folder}/${file}`),
    );
    // what only clustered catalogs and packs need is in no list of this page, so that nothing of it can run
    const unused = ['core/clustered.js', 'core/clusters.js', 'core/packs.js', 'ui/packed.js'];
    for (const file of unused) {
      assert.ok(modules.includes(file) && !signed.has(file), file);
      assert.ok(![...site.precache, ...site.later].some((kept) => kept.endsWith(file)), `${file} is not kept`);
    }
    const needed = modules.filter((file) => /\.(js|css)$/.test(file) && !unused.includes(file));
    for (const file of ['app.js', 'style.css', ...needed]) {
      const hash = createHash('sha256')
        .update(readFileSync(path.join(process.env.VITRINE_DIST, file)))
        .digest('base64');
      assert.equal(signed.get(file), hash, file);
    }
    for (const [file, hash] of Object.entries(site.hashes))
      assert.equal(sha256(readFileSync(path.join(process.env.VITRINE_DIST, file))), hash, file);
    for (const file of [...site.precache, ...site.later])
      assert.ok(site.hashes[file.replace('./', '')] ?? signed.get(file.replace('./', '')), `${file} has a hash`);
  });

  test('a browser whose storage is full, or was emptied, searches all the same', async () => {
    const context = await visitor();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: 1 << 20 });
    await page.goto(server.origin);
    await able(page, 'text');
    await ask(page, 'red dress');
    assert.equal(await page.locator('[role="alert"]').count(), 0);
    await page.click('[data-part="status"]');
    await page.locator('.privacy', { hasText: 'storage is full' }).waitFor();
    await session.send('Storage.overrideQuotaForOrigin', { origin: server.origin });
    await page.reload();
    await able(page, 'text');
    // evicted while the tab is open: the next visit fetches everything anew
    await page.evaluate(async () => {
      for (const name of await caches.keys()) await caches.delete(name);
    });
    await ask(page, 'blue shirt');
    const fetched = [];
    context.on('request', (request) => fetched.push(request.url()));
    await page.reload();
    await able(page, 'text');
    assert.ok(fetched.some((url) => url.includes('/shard-')));
    await context.close();
  });

  test('a copy that the device kept and damaged is fetched anew, without a word', async () => {
    const context = await visitor();
    const page = await open(context);
    await able(page, 'text');
    const damaged = await page.evaluate(async () => {
      let count = 0;
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
          if (!request.url.includes('/_kept/')) continue;
          await cache.put(request, new Response('damaged', { headers: { 'content-length': '7' } }));
          count++;
        }
      }
      return count;
    });
    assert.ok(damaged >= 5);
    await page.reload();
    await able(page, 'text');
    await ask(page, 'red dress');
    assert.equal(await page.locator('[role="alert"]').count(), 0);
    await context.close();
  });

  test('a photo of a hundred megapixels is refused in a sentence', async () => {
    const context = await visitor();
    const page = await open(context);
    await able(page, 'image');
    const buffer = readFileSync(new URL('../fuzz/corpus/photo/100-megapixels.png', import.meta.url));
    await page.setInputFiles('[data-part="file"]', { name: 'huge.png', mimeType: 'image/png', buffer });
    const alert = page.locator('[role="alert"]');
    await alert.waitFor();
    assert.match(await alert.textContent(), /at most 64 megapixels are accepted, this one has 100/);
    await ask(page, 'red dress');
    await context.close();
  });

  test('links, prices, ids and titles of a hostile catalog stay text', async () => {
    const links = [
      'javascript:document.title="owned"',
      ' JavaScript:document.title="owned"',
      'java\nscript:document.title="owned"',
      'data:text/html,<script>top.document.title="owned"</script>',
      'vbscript:x',
      'file:///etc/passwd',
      '//elsewhere.example',
      'blob:https://elsewhere.example/x',
    ];
    const shard = manifest.shards[0];
    const list = await (await fetch(`${server.origin}/catalog/${shard.items.file}`)).json();
    const markup = '"><svg onload=document.title="owned"><!--';
    links.forEach((link, i) =>
      Object.assign(list[i], {
        link,
        price: markup,
        title: `${i} ${markup}`,
        id: `${i}'"><img src=x onerror=document.title="owned">`,
        photo: '../../site.json',
      }),
    );
    const body = JSON.stringify(list);
    const context = await visitor();
    const catalog = {
      ...manifest,
      title: markup,
      shards: [
        { ...shard, items: { ...shard.items, bytes: Buffer.byteLength(body), sha256: sha256(body) } },
        ...manifest.shards.slice(1),
      ],
    };
    await context.route(`**/${shard.items.file}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
    await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: catalog }));
    const page = await context.newPage();
    for (const [i, link] of links.entries()) {
      await load(page, `${server.origin}/#item=${encodeURIComponent(list[i].id)}`);
      await page.waitForSelector('dialog.product[open]');
      assert.equal(await page.locator('dialog.product a[href]').count(), 0, `${link} is no link`);
      assert.equal(await page.textContent('.product-title'), list[i].title);
      assert.equal(await page.textContent('.product-price'), markup);
      assert.equal(await page.locator('svg[onload], img[onerror], script:not([src])').count(), 0);
      assert.notEqual(await page.title(), 'owned');
    }
    await context.close();
  });

  // what the host of each file name in a manifest would be asked for, and what runs when text becomes markup
  const markup =
    '</title></head>"><script>document.title="owned"</script><svg onload=document.title="owned"><img src=x onerror=document.title="owned">\'';

  test('a site made of a hostile catalog runs no script, publishes no page and asks nobody else', async () => {
    const home = mkdtempSync(path.join(tmpdir(), 'vitrine-hostile-'));
    const [catalog, dist] = [path.join(home, 'catalog'), path.join(home, 'dist')];
    cpSync(path.join(process.env.VITRINE_DIST, 'catalog'), catalog, { recursive: true });
    for (const [name, text] of [
      ['evil.html', markup],
      ['evil.js', 'document.title="owned"'],
      ['evil.svg', `<svg onload='document.title="owned"'/>`],
    ])
      writeFileSync(path.join(catalog, 'photos', name), text);
    const [shard, ...others] = manifest.shards;
    const list = JSON.parse(readFileSync(path.join(catalog, shard.items.file)));
    Object.assign(list[0], {
      id: markup,
      title: markup,
      price: markup,
      link: `javascript:document.title="owned"`,
      tone: `red;background:url(//elsewhere.example)`,
      attributes: { [markup]: markup },
    });
    const body = JSON.stringify(list);
    writeFileSync(path.join(catalog, shard.items.file), body);
    const items = { ...shard.items, bytes: Buffer.byteLength(body), sha256: sha256(body) };
    const facets = [
      {
        name: markup,
        values: [
          { value: markup, count: 1 },
          { value: `${markup}2`, count: 1 },
        ],
      },
      ...manifest.facets,
    ];
    writeFileSync(
      path.join(catalog, 'catalog.json'),
      JSON.stringify({ ...manifest, title: markup, facets, shards: [{ ...shard, items }, ...others] }),
    );
    const logo = path.join(home, 'x"><script>document.title="owned"<b>.svg');
    writeFileSync(logo, '<svg xmlns="http://www.w3.org/2000/svg"/>');
    execFileSync(process.env.VITRINE_BIN, ['site', catalog, '--out', dist, '--logo', logo], { stdio: 'pipe' });
    assert.deepEqual(
      readdirSync(path.join(dist, 'catalog/photos')).filter((name) => name.startsWith('evil')),
      [],
    );
    const own = await serve(dist);
    const context = await visitor();
    const asked = [];
    context.on('request', (request) => asked.push(request.url()));
    try {
      for (const address of ['', `?item=${encodeURIComponent(markup)}`, '?q=red+dress']) {
        const page = await open(context, address, own.origin);
        await page.waitForSelector('[data-part="grid"] .card');
        if (address.startsWith('?item')) await page.waitForSelector('dialog.product[open]');
        assert.equal(await page.locator('svg[onload], img[onerror], script:not([src]), iframe').count(), 0, address);
        assert.notEqual(await page.title(), 'owned', address);
        await page.close();
      }
      for (const url of asked) assert.ok(url.startsWith(own.origin) || /^(data|blob):/.test(url), url);
    } finally {
      await context.close();
      await own.stop();
      rmSync(home, { recursive: true });
    }
  });

  test('a manifest that names a file elsewhere is refused in a sentence, and nothing is asked for it', async () => {
    const elsewhere = '//elsewhere.example/items.json';
    for (const [name, edit] of [
      ['catalog/catalog.json', (value) => (value.shards[0].items.file = elsewhere)],
      ['catalog/catalog.json', (value) => (value.photos = 'https://elsewhere.example/')],
      ['model/model.json', (value) => (value.parts[0].file = elsewhere)],
      ['site.json', (value) => (value.wasm[0].file = 'https://elsewhere.example/vitrine_bg.wasm')],
    ]) {
      const context = await visitor();
      const asked = [];
      context.on('request', (request) => asked.push(request.url()));
      const value = await (await fetch(`${server.origin}/${name}`)).json();
      edit(value);
      // site.json is asked for with the name of the page's build
      await context.route(`**/${name}*`, (route) => route.fulfill({ json: value }));
      const page = await open(context);
      const alert = page.locator('[role="alert"]').first();
      await alert.waitFor();
      const sentence = await alert.textContent();
      assert.ok(sentence.includes(name.split('/').pop()), `${name}: ${sentence}`);
      assert.deepEqual(
        asked.filter((url) => url.includes('elsewhere')),
        [],
        name,
      );
      await context.close();
    }
  });
});
