// The page on a host that sends no headers and on connections that break or count bytes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { able, launch, missing, settled } from './browser.mjs';
import { plainHost } from './host.mjs';

const reason = missing();
const dist = process.env.VITRINE_DIST;
const json = (file) => JSON.parse(readFileSync(path.join(dist, file), 'utf8'));

describe('the page on a plain host', { skip: reason ?? false, concurrency: 1 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(async () => browser?.close());

  /** The model as one without an instant tier. */
  const withoutTier = (context) => {
    const { instant, ...plain } = json('model/model.json');
    return context.route(/model\/model\.json/, (route) => route.fulfill({ json: plain }));
  };

  async function visit(host, { address = '', init, before = async (_) => {}, ...options } = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      serviceWorkers: 'block',
      ...options,
    });
    if (init) await context.addInitScript(init);
    await before(context);
    const page = await context.newPage();
    await page.goto(`${host.origin}/${address}`);
    return { context, page };
  }

  test('keeps its promise by its own meta tag: another site cannot be reached, and the panel counts the attempt', async () => {
    const host = await plainHost(dist);
    const { context, page } = await visit(host);
    await able(page, 'text');
    const left = []; // what the policy stops never gets that far, and fails as "csp"
    const away = (request) => new URL(request.url()).origin !== host.origin && left.push(request.url());
    context.on('requestfinished', away);
    context.on('requestfailed', (request) => request.failure().errorText !== 'csp' && away(request));
    const tried = await page.evaluate(async () => {
      const reached = await fetch('https://elsewhere.example/?q=secret').then(
        () => 'reached',
        () => 'refused',
      );
      const image = await new Promise((resolve) => {
        const pixel = new Image();
        pixel.onload = () => resolve('reached');
        pixel.onerror = () => resolve('refused');
        pixel.src = 'https://elsewhere.example/pixel.png?q=secret';
      });
      const script = await new Promise((resolve) => {
        const inline = document.createElement('script');
        inline.textContent = 'globalThis.ran = true';
        document.head.append(inline); // runs before this returns, or not at all
        resolve(globalThis.ran ? 'ran' : 'refused');
      });
      return { reached, image, script };
    });
    assert.deepEqual(tried, { reached: 'refused', image: 'refused', script: 'refused' });
    assert.deepEqual(left, []);
    await page.click('[data-part="status"]');
    assert.equal(await page.textContent('.privacy-count'), '0 requests left this site');
    assert.match(await page.textContent('.privacy'), /blocked 3 attempts/);
    await context.close();
    await host.stop();
  });

  test('is isolated by its service worker from the second page on, and never loops', async () => {
    const host = await plainHost(dist);
    const { context, page } = await visit(host, { serviceWorkers: 'allow' });
    await page.waitForFunction(() => navigator.serviceWorker.controller);
    assert.equal(await page.evaluate(() => crossOriginIsolated), false, 'the host itself sends nothing');
    await page.reload();
    await able(page, 'text'); // worker and wasm run under isolation too
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);

    // A site made with --isolate does not wait for the second page.
    const eager = await browser.newContext();
    let loads = 0;
    const first = await eager.newPage();
    first.on('load', () => loads++);
    await eager.route('**/site.json*', (route) => route.fulfill({ json: { ...json('site.json'), isolate: true } }));
    await first.goto(host.origin);
    await first.waitForFunction(() => globalThis.crossOriginIsolated);
    await settled(first, { kind: 'browse' });
    assert.equal(loads, 2);

    // Where isolation does not come (here a browser says so), the page is loaded again once and then left alone.
    const stuck = await browser.newContext();
    await stuck.addInitScript(() => Object.defineProperty(globalThis, 'crossOriginIsolated', { value: false }));
    await stuck.route('**/site.json*', (route) => route.fulfill({ json: { ...json('site.json'), isolate: true } }));
    const second = await stuck.newPage();
    let again = 0;
    second.on('load', () => again++);
    await second.goto(host.origin);
    await second.waitForFunction(() => navigator.serviceWorker.controller);
    await able(second, 'text');
    await second.evaluate(() => navigator.serviceWorker.controller.postMessage({ type: 'take over' }));
    await able(second, 'image');
    assert.ok(again <= 2, `loaded ${again} times`);
    for (const one of [context, eager, stuck]) await one.close();
    await host.stop();
  });

  for (const ranges of [true, false]) {
    test(`takes a download up where it broke, on a host that ${ranges ? 'knows' : 'does not know'} ranges`, async () => {
      const { parts } = json('model/model.json');
      const { file, bytes } = parts.find(({ part }) => part === 'text');
      const half = bytes >> 1;
      const host = await plainHost(dist, {
        ranges,
        breaks: (name, nth) => (name === file && nth === 1 ? half : undefined),
      });
      const { context, page } = await visit(host, { address: '#q=red+dress' });
      await settled(page, { kind: 'text', by: 'engine' });
      const asked = host.asked.filter((one) => one.file === file);
      assert.equal(asked[0].range, null);
      assert.match(asked[1].range, /^bytes=[1-9]\d*-$/, 'the rest is asked for');
      assert.ok(Number(asked[1].range.match(/\d+/)[0]) <= half);
      assert.equal(asked.length, 2, JSON.stringify(asked));
      assert.equal(await page.locator('[role="alert"]').count(), 0);
      await context.close();
      await host.stop();
    });
  }

  test('asks before it fetches the model over a connection that counts bytes, and browses meanwhile', async () => {
    const host = await plainHost(dist);
    const init = () => Object.defineProperty(navigator, 'connection', { value: { saveData: true } });
    const { context, page } = await visit(host, { init, address: '#q=dress', before: withoutTier });
    const notice = page.locator('[data-notice="consent"]');
    await notice.waitFor();
    assert.match(await notice.textContent(), /needs \d+ MB, once/);
    await settled(page, { kind: 'text', by: 'titles' });
    assert.ok((await page.locator('.card').count()) > 0, 'titles answer');
    assert.ok(
      !host.asked.some(({ file }) => /safetensors|_bg\.wasm|^shard-|tokenizer/.test(file)),
      'nothing large was fetched',
    );
    await notice.getByRole('button', { name: 'Fetch it now' }).click();
    await settled(page, { kind: 'text', by: 'engine' });
    await page.waitForFunction(() => !document.querySelector('[data-notice="consent"]'));
    assert.ok(!host.asked.some(({ file }) => file.startsWith('image.')), 'the image encoder waits until it is needed');
    await page.reload();
    await settled(page, { kind: 'text', by: 'engine' });
    assert.equal(await notice.count(), 0, 'the answer is remembered');
    await context.close();
    await host.stop();
  });

  test('answers words over a connection that counts bytes without asking, and asks where a photo needs more', async (t) => {
    const { instant } = json('model/model.json');
    if (!instant) return t.skip('the model has no instant tier');
    const host = await plainHost(dist);
    const init = () => Object.defineProperty(navigator, 'connection', { value: { saveData: true } });
    const { context, page } = await visit(host, { init, address: '#q=dress' });
    await settled(page, { kind: 'text', by: 'instant' });
    const notice = page.locator('[data-notice="consent"]');
    assert.equal(await notice.count(), 0, 'words need nothing more');
    const weights = () => host.asked.map(({ file }) => file).filter((file) => /safetensors|tokenizer/.test(file));
    assert.deepEqual(weights(), [instant.file], 'of the model, the tier alone was fetched');
    await page.evaluate(() => (location.hash = `#like=${document.querySelector('.card').dataset.id}&q=in+blue`));
    await notice.waitFor();
    assert.match(await notice.textContent(), /needs \d+ MB, once/);
    assert.deepEqual(weights(), [instant.file], 'nobody has agreed yet');
    await notice.getByRole('button', { name: 'Fetch it now' }).click();
    await settled(page, { kind: 'composed', by: 'engine' });
    await context.close();
    await host.stop();
  });

  test('answers words by the instant tier until the text encoder is here, and then by that', async (t) => {
    const { instant, parts } = json('model/model.json');
    if (!instant) return t.skip('the model has no instant tier');
    const host = await plainHost(dist);
    let free = () => {};
    const freed = new Promise((resolve) => (free = () => resolve(null)));
    const large = parts.find(({ part }) => part === 'text').file;
    const before = (context) =>
      context.route(`**/${large}`, async (route) => (await freed, route.continue().catch(() => {})));
    const { context, page } = await visit(host, { address: '#q=red+dress', before });
    await settled(page, { kind: 'text', by: 'instant' });
    assert.ok((await page.locator('.card').count()) > 0);
    assert.ok(host.asked.some(({ file }) => file === instant.file));
    free();
    await settled(page, { kind: 'text', by: 'engine' });
    await context.close();
    await host.stop();
  });

  test('keeps small over the wire what a first view and a first search need, the program apart', () => {
    const { precache, later } = json('site.json');
    const size = (files) => {
      const sizes = [...new Set(files)].map((file) => [
        file,
        brotliCompressSync(readFileSync(path.join(dist, file))).length,
      ]);
      return {
        total: sizes.reduce((sum, [, bytes]) => sum + bytes, 0),
        list: JSON.stringify(Object.fromEntries(sizes.sort((a, b) => b[1] - a[1]).slice(0, 12))),
      };
    };
    // pkg/ is the program: wasm, and the bindings that were generated with it
    const shell = [...precache, './index.html', './site.json', './sw.js'].filter((file) => !file.startsWith('./pkg/'));
    for (const language of ['en', 'de', 'fr']) {
      const { total, list } = size([...shell, `./ui/strings/${language}.js`]);
      assert.ok(total <= 57_000, `${language}: ${total} bytes: ${list}`);
    }
    // what is fetched in the background afterwards, for use without a network: completions, dialogs and how they look,
    // what a query weighed, prices, cropping, own photos, WebGPU
    const { total, list } = size(later);
    assert.ok(total <= 35_000, `${total} bytes later: ${list}`);
  });

  test('fetches no part of the page at first that waits until it is used, and runs none that was changed', async () => {
    const { later } = json('site.json');
    const host = await plainHost(dist);
    const { context, page } = await visit(host);
    await able(page, 'text');
    const fetched = () => later.filter((file) => host.asked.some((one) => file.endsWith(`/${one.file}`)));
    const noGpu = await page.evaluate(() => !navigator.gpu);
    // used as soon as the first view stands: colours of filters, what belongs to an answer, how such parts look, and what
    // older catalogs left on the device
    const soon = ['./core/kept.js', './core/matched.js', './ui/answer.js', './ui/deferred.css', './ui/values.js'];
    assert.deepEqual(
      fetched().filter((file) => !soon.includes(file) && (noGpu || !file.includes('webgpu'))),
      [],
    );
    await page.click('.own-button');
    await page.waitForSelector('.own-sheet[open]');
    assert.ok(fetched().includes('./ui/own/panel.js') && fetched().includes('./ui/own/own.css'));
    await page.keyboard.press('Escape');
    await context.close();

    const other = await visit(host);
    await other.context.route('**/ui/own/panel.js', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `document.title = 'mixed';\n${await response.text()}` });
    });
    await able(other.page, 'text');
    await other.page.click('.own-button');
    const notice = other.page.locator('[data-notice="own"]');
    await notice.waitFor();
    assert.match(await notice.textContent(), /ui\/own\/panel\.js.*newer build/);
    assert.notEqual(await other.page.title(), 'mixed');
    await other.context.unroute('**/ui/own/panel.js');
    await notice.getByRole('button', { name: 'Try again' }).click();
    await other.page.waitForSelector('.own-sheet[open]');
    await other.context.close();
    await host.stop();
  });
});
