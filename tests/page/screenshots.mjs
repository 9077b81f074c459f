// Photographs the page's states: node tests/page/screenshots.mjs FOLDER [state …]
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { able, host, launch, load, missing, rewrite, serve, settled } from './browser.mjs';

const [folder, ...only] = process.argv.slice(2);
const reason = folder ? missing() : 'usage: node tests/page/screenshots.mjs FOLDER [state …]';
if (reason) {
  console.error(reason);
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const sizes = {
  390: { width: 390, height: 844 },
  820: { width: 820, height: 1180 },
  1440: { width: 1440, height: 900 },
};

async function firstItem(page) {
  return page.$eval('.card', (card) => card.dataset.id);
}

/** Some of the catalog's own photos, and a file that is none, as a visitor might add them. */
async function addOwn(page) {
  await able(page, 'composed');
  const sources = await page.$$eval('.card img', (images) => images.slice(0, 18).map(({ src }) => src));
  const files = await Promise.all(
    sources.map(async (src, i) => ({
      name: `wardrobe ${i + 1}.jpg`,
      mimeType: 'image/jpeg',
      buffer: Buffer.from(await (await fetch(src)).arrayBuffer()),
    })),
  );
  await page.click('.own-button');
  await page.setInputFiles('[data-own="files"]', [
    ...files,
    { name: 'IMG_0042.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('cut off') },
  ]);
  await page.waitForSelector('.own [data-fresh]');
}

/** Has the page fetch products as `change(rows)` makes them. */
async function otherItems(page, change) {
  const catalog = await (await fetch(`${server.origin}/catalog/catalog.json`)).json();
  const [shard] = catalog.shards;
  const rows = await (await fetch(`${server.origin}/catalog/${shard.items.file}`)).json();
  change(rows);
  const [body, { file }] = [JSON.stringify(rows), shard.items];
  const sha256 = createHash('sha256').update(body).digest('hex');
  shard.items = { file, bytes: Buffer.byteLength(body), sha256 };
  await page.route(`**/catalog/${file}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
  await page.route('**/catalog/catalog.json', (route) => route.fulfill({ json: catalog }));
}

/** A shop's own page around the element. */
const embedded = `<!doctype html><html lang="en"><head><title>A shop</title><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<link rel="icon" href="/search/icons/icon.svg"><link rel="stylesheet" href="/shop.css"><script type="module" src="/search/embed/element.js"></script></head>
<body><main><h1>Autumn at the corner shop</h1><vitrine-search catalog="/search/" k="12"></vitrine-search></main></body></html>`;
const shop =
  'body { margin: 0; font: 16px/1.5 sans-serif } main { max-width: 1060px; margin: 0 auto; padding: 24px } h1 { font-weight: 500 }';

/** Each state goes from the first view of a loaded page to the moment of the photograph. */
const states = {
  async browse(page) {
    await settled(page, { kind: 'browse' });
  },
  async refused(page, origin) {
    await page.addInitScript(() => delete globalThis.WebAssembly);
    await rewrite(page.context(), 'worker.js', (text) => `delete globalThis.WebAssembly;\n${text}`);
    await load(page, `${origin}/#q=shirt`);
    await page.waitForSelector('[data-engine="refused"]');
    await settled(page, { kind: 'text', by: 'titles' });
  },
  async text(page, origin) {
    await able(page, 'text');
    const words = await page.$eval('[data-part="suggestions"] .chip', (chip) => chip.textContent);
    await load(page, `${origin}/#q=${encodeURIComponent(words)}`);
    await settled(page, { kind: 'text', by: 'engine' });
  },
  async composed(page, origin) {
    await able(page, 'composed');
    const id = await firstItem(page);
    await load(page, `${origin}/#like=${id}`);
    await settled(page, { kind: 'like' });
    const change = await page.$eval('[data-part="suggestions"] .chip', (chip) => chip.textContent);
    await load(page, `${origin}/#like=${id}&q=${encodeURIComponent(change)}`);
    await able(page, 'composed');
    await settled(page, { kind: 'composed', by: 'engine' });
  },
  async attention(page, origin) {
    await states.composed(page, origin);
    await page.click('[data-part="status"]');
    await page.click('.attention summary');
  },
  async typing(page) {
    await able(page, 'text');
    await page.click('[data-part="words"]');
    await page.keyboard.type('blue dr');
    await page.waitForSelector('.complete li');
    await page.keyboard.press('ArrowDown');
  },
  async closer(page, origin) {
    let here = () => {};
    const held = new Promise((resolve) => (here = () => resolve(null)));
    await page.route(/\.safetensors$/, async (route) => (await held, route.continue()));
    await load(page, `${origin}/#q=dress`);
    await settled(page, { kind: 'text', by: 'words' });
    await page.mouse.wheel(0, 500);
    await page.waitForFunction(() => scrollY > 100);
    here();
    await page.waitForSelector('[data-notice="closer"] button', { timeout: 60_000 });
  },
  async none(page) {
    await able(page, 'text');
    await page.fill('[data-part="words"]', 'tomato soup');
    await settled(page, { kind: 'text', by: 'engine', words: 'tomato soup' });
  },
  async like(page, origin) {
    const id = await firstItem(page);
    await load(page, `${origin}/#like=${id}`);
    await able(page, 'like');
    await settled(page, { kind: 'like', by: 'engine' });
  },
  async photo(page) {
    await able(page, 'image');
    const source = await page.$eval('.card img', (image) => image.src);
    const bytes = await (await fetch(source)).arrayBuffer();
    await page.setInputFiles('[data-part="file"]', {
      name: 'mine.jpg',
      mimeType: 'image/jpeg',
      buffer: Buffer.from(bytes),
    });
    await settled(page, { kind: 'image', by: 'engine' });
  },
  async product(page) {
    await page.click('.card:nth-child(2) .card-open');
    await page.waitForSelector('dialog.product[open]');
    await page.waitForTimeout(400);
  },
  /** Every second row is a second photo of the product before it. */
  async leafing(page, origin) {
    await otherItems(page, (rows) => {
      for (let row = 1; row < rows.length; row += 2) rows[row - 1].product = rows[row].product = rows[row - 1].id;
    });
    await load(page, `${origin}/#q=coat`);
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine' });
    await page.locator('[data-photos] .card-open').first().focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
  },
  async offers(page, origin) {
    await otherItems(page, (rows) =>
      rows.forEach((item, row) => {
        item.brand = ['Nordlys', 'Hafen & Söhne', 'Petite Rive'][row % 3];
        item.offer = { now: `${19 + ((row * 37) % 90)}.90`, currency: 'EUR' };
        if (row % 4 === 0) item.offer.was = `${39 + ((row * 37) % 90)}.90`;
        item.in_stock = row % 5 > 0;
      }),
    );
    await load(page, `${origin}/#q=dress`);
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine' });
  },
  async filters(page) {
    const narrow = await page.isVisible('[data-part="open-filters"]');
    if (narrow) await page.click('[data-part="open-filters"]');
    await page.locator('.facet-value input').nth(1).check();
    await page.locator('.facet-value input').nth(9).check();
    await page.waitForTimeout(300);
  },
  async loading(page, origin) {
    await page.route(/\.safetensors$/, () => {}); // never answered
    await load(page, `${origin}/#q=shirt`);
    await settled(page, { kind: 'text', by: 'words' });
    await page.waitForTimeout(800);
  },
  async placeholders(page, origin) {
    await page.route('**/photos/*', () => {});
    await page.goto(origin);
    await settled(page, { kind: 'browse' });
  },
  async few(page, origin) {
    // The limit is set to where this query's second match ends, whatever the catalog was measured to.
    await able(page, 'text');
    await load(page, `${origin}/#q=red+dress`);
    await settled(page, { kind: 'text', by: 'engine' });
    const scores = await page.$$eval('.card', (nodes) => nodes.map((node) => Number(node.dataset.score)));
    const share = (scores[1] + scores[2]) / 2 / scores[0];
    await page.route(/site\.json/, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({
        response: answer,
        json: { ...(await answer.json()), relevance: { known: 0, unknown: 0, share, photo: 0 } },
      });
    });
    await load(page, `${origin}/#q=red+dress`);
    await settled(page, { kind: 'text', by: 'engine' });
  },
  async wrong(page, origin) {
    await able(page, 'text');
    await load(page, `${origin}/#q=submarine+periscope`);
    await settled(page, { kind: 'text', by: 'engine' });
  },
  async crop(page, origin) {
    await load(page, `${origin}/#like=${await firstItem(page)}`);
    await settled(page, { kind: 'like' });
    await page.click('.query-chip-photo');
    await page.waitForTimeout(400);
  },
  async earlier(page, origin) {
    await states.composed(page, origin);
    await page.fill('[data-part="words"]', 'in green');
    await settled(page, { kind: 'composed', by: 'engine', words: 'in green' });
    await page.click('[data-part="earlier"]');
    await page.waitForTimeout(400);
  },
  async metered(page, origin) {
    await page.addInitScript(() => Object.defineProperty(navigator, 'connection', { value: { saveData: true } }));
    await page.goto('about:blank');
    await page.goto(`${origin}/manifest.webmanifest`);
    await page.evaluate(async () => Promise.all((await caches.keys()).map((name) => caches.delete(name))));
    await page.goto(origin);
    await page.waitForSelector('[data-notice="consent"]');
  },
  async minus(page, origin) {
    await able(page, 'text');
    await load(page, `${origin}/#q=dress+-red+-floral`);
    await settled(page, { kind: 'text', by: 'engine' });
  },
  async landscape(page, origin) {
    const size = page.viewportSize();
    await page.setViewportSize({ width: Math.max(size.width, 780), height: 390 });
    await states.like(page, origin);
  },
  async nothing(page, origin) {
    const name = await page.$eval('.facet-value input', (input) => input.dataset.facet);
    await load(page, `${origin}/#q=red&f.${name}=no+such+value`);
    await settled(page, { kind: 'text' });
  },
  async privacy(page) {
    await able(page, 'composed');
    await page.click('[data-part="status"]');
    await page.waitForTimeout(700);
  },
  async software(page) {
    await page.waitForSelector('[data-vitrine][data-backend-why="software"]', { timeout: 60_000 });
    await page.click('[data-part="status"]');
    await page.waitForTimeout(700);
  },
  async webgpu(page, origin) {
    await page.goto(`${origin}/?backend=gpu#q=red+dress`);
    await page.waitForSelector('[data-vitrine][data-backend="gpu"]', { timeout: 240_000 });
    await settled(page, { kind: 'text', by: 'engine' });
    await page.click('[data-part="status"]');
    await page.waitForTimeout(700);
  },
  async offline(page, origin) {
    await able(page, 'composed');
    await page.waitForFunction(() => navigator.serviceWorker.controller);
    await page.waitForTimeout(1500);
    await page.context().setOffline(true);
    await load(page, `${origin}/#q=shirt`);
    await settled(page, { kind: 'text', by: 'engine' });
  },
  async own(page) {
    await addOwn(page);
    await page.keyboard.press('Escape');
    const words = await page.$eval('.card-title', (title) => title.textContent);
    await page.fill('[data-part="words"]', words);
    await settled(page, { kind: 'text', by: 'engine', words });
  },
  async 'own-dialog'(page) {
    await addOwn(page);
  },
  async embed(page) {
    await page.goto(`${shopHost.origin}/index.html`);
    await page.waitForFunction(() => document.querySelector('vitrine-search').results);
    await page.evaluate(() => document.querySelector('vitrine-search').search({ words: 'red dress' }));
  },
  async damaged(page, origin) {
    await page.route('**/shard-*', (route) => route.fulfill({ body: 'not a shard' }));
    await load(page, `${origin}/#q=shirt`);
    await page.waitForSelector('[role="alert"]');
  },
};

/** States that answer requests themselves. */
const answering = ['leafing', 'offers', 'refused', 'closer', 'damaged', 'loading', 'placeholders', 'few', 'metered'];

const server = await serve();
// Chromium's software adapter stands in for a graphics card
const browser = await launch([
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
]);
const shopHost = await host({
  folders: { '/search/': process.env.VITRINE_DIST },
  pages: { '/index.html': embedded, '/shop.css': shop },
});
try {
  for (const [name, size] of Object.entries(sizes)) {
    for (const colorScheme of ['light', 'dark']) {
      for (const [state, reach] of Object.entries(states)) {
        if (
          only.length &&
          !only.some((wanted) => `${state}-${name}-${colorScheme}`.startsWith(wanted) || wanted === state)
        )
          continue;
        const phone = name === '390';
        // A service worker would answer in their place.
        const serviceWorkers = answering.includes(state) ? 'block' : 'allow';
        const context = await browser.newContext({
          serviceWorkers,
          viewport: size,
          colorScheme,
          hasTouch: phone,
          isMobile: phone,
          deviceScaleFactor: phone ? 2 : 1,
        });
        const page = await context.newPage();
        try {
          await page.goto(server.origin);
          await settled(page, { kind: 'browse' });
          await reach(page, server.origin);
          await page.waitForTimeout(450);
          await page.screenshot({ path: path.join(folder, `${state}-${name}-${colorScheme}.png`) });
          console.log(`${state}-${name}-${colorScheme}`);
        } catch (error) {
          console.error(`${state}-${name}-${colorScheme}: ${error.message.split('\n')[0]}`);
          process.exitCode = 1;
        }
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
  await shopHost.stop();
  await server.stop();
}
