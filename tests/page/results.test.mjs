// What the page makes of a ranking and of a question: where good matches end, what is folded, a part of a photo, minus
// words, and the way back.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import { able, catalogOf, ids, launch, load, missing, serve, settled } from './browser.mjs';

const reason = missing();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('results', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, manifest, items;

  before(async () => {
    server = await serve();
    browser = await launch();
    ({ manifest, items } = await catalogOf(server.origin));
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** A visitor of this catalog, or of one that `change(rows, catalog)` has made of it, with good matches ending at `relevance`. */
  async function visit(address = '', change = null, { relevance, ...options } = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      serviceWorkers: 'block',
      ...options,
    });
    if (relevance !== undefined) {
      const site = await (await fetch(`${server.origin}/site.json`)).json();
      await context.route(/site\.json/, (route) => route.fulfill({ json: { ...site, relevance } }));
    }
    if (change) {
      const catalog = structuredClone(manifest);
      const shard = catalog.shards[0];
      const { file } = shard.items;
      const rows = structuredClone(items.slice(0, shard.count));
      change(rows, catalog);
      const body = JSON.stringify(rows);
      shard.items = { file, bytes: Buffer.byteLength(body), sha256: sha256(body) };
      await context.route(`**/catalog/${file}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
      await context.route('**/catalog/catalog.json', (route) => route.fulfill({ json: catalog }));
    }
    const page = await context.newPage();
    await page.goto(`${server.origin}/${address}`);
    return { context, page };
  }

  const search = async (page, words) => {
    await page.fill('[data-part="words"]', words);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', by: 'engine', words });
  };

  const scores = (page) => page.$$eval('.card', (nodes) => nodes.map((node) => Number(node.dataset.score)));

  async function serious(page, state) {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const found = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    assert.deepEqual(
      found.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
      [],
      state,
    );
  }

  test('says where good matches end, as the catalog was measured', async () => {
    const { context, page } = await visit();
    await able(page, 'text');
    const none = [];
    // none of these is among the words that the catalog was measured with
    for (const words of [
      'submarine periscope',
      'income statement',
      'boiled potatoes',
      'a glass of milk',
      'moon landing',
    ]) {
      await search(page, words);
      const unknown = await page.locator('.empty').allTextContents(); // words that nobody knows have no closest products
      none.push((await page.locator('[data-notice="few"]').count()) === 1 || unknown.length === 1);
      if (unknown.length)
        assert.ok(
          words.split(' ').some((word) => unknown[0].includes(word)),
          unknown[0],
        );
      else assert.ok((await page.locator('.card').count()) > 0, 'the closest are shown all the same');
    }
    assert.ok(none.filter(Boolean).length >= 3, `wrong questions are told apart: ${none}`);
    // what the catalog has is found: each title finds its own product among the good matches
    const found = [];
    for (const item of [0, 1, 2, 3, 4, 5].map((i) => items[Math.floor((i * items.length) / 6)])) {
      await search(page, item.title);
      found.push((await page.locator('[data-notice="few"]').count()) === 0 && (await ids(page, 48)).includes(item.id));
    }
    assert.ok(found.filter(Boolean).length >= 5, String(found));
    await context.close();
  });

  test('shows few good matches as few, and the rest when asked', async () => {
    const plain = await visit('#q=something+for+a+picnic', null, { relevance: null });
    await settled(plain.page, { kind: 'text', by: 'engine' });
    const all = await ids(plain.page, 96);
    assert.equal(await plain.page.locator('.cut').count(), 0, 'a catalog that was not measured has no cut');
    const [first, second, third] = await scores(plain.page);
    await plain.context.close();
    assert.ok(second > third, 'two scores between which the limit fits');

    const { context, page } = await visit('#q=something+for+a+picnic', null, {
      relevance: { known: 0, unknown: 0, share: (second + third) / 2 / first, photo: 0 },
    });
    await settled(page, { kind: 'text', by: 'engine' });
    assert.deepEqual(await ids(page, 96), all.slice(0, 2));
    assert.match(await page.textContent('.cut'), /Only 2 good matches/);
    assert.match(await page.textContent('[data-part="subheading"]'), /^2 /);
    await serious(page, 'few');
    await page.locator('.cut').getByRole('button').click();
    assert.equal(await page.textContent('.grid-divider'), 'Less close');
    assert.deepEqual(await ids(page, 40), all.slice(0, 40));
    assert.equal(
      await page.evaluate(() => document.activeElement.closest('.card')?.dataset.index),
      '2',
      'the focus goes to what came',
    );
    await page.keyboard.press('ArrowRight');
    assert.equal(
      await page.evaluate(() => document.activeElement.closest('.card')?.dataset.index),
      '3',
      'the divider is no stop',
    );

    await context.close();
    const none = await visit('#q=something+for+a+picnic', null, {
      relevance: { known: 2, unknown: 2, share: 0, photo: 2 },
    });
    await settled(none.page, { kind: 'text', by: 'engine' });
    assert.match(await none.page.textContent('[data-notice="few"]'), /come closest/);
    assert.match(await none.page.textContent('[data-part="live"]'), /come closest/);
    assert.deepEqual(await ids(none.page, 96), all.slice(0, 8));
    await none.context.close();
  });

  test('folds near-duplicates behind the best of them', async () => {
    const { name } = manifest.facets.find((facet) => facet.name === 'category');
    const kind = items[3].attributes[name];
    const { context, page } = await visit(`#f.${name}=${kind}`, (rows) => {
      for (const row of rows) delete row.same_as; // what the indexer found
      for (const row of [7, 9, 20, 21]) rows[row].attributes[name] = kind; // shown beside row 3
      rows[7].same_as = 3;
      rows[9].same_as = 3;
      [rows[20].link, rows[21].link] = ['https://shop.example/p/1', 'https://shop.example/p/1'];
      for (const row of rows.slice(30, 60)) row.link = 'https://shop.example/'; // the shop itself is no product
    });
    await able(page, 'text'); // by then the view has been drawn again with every product
    await settled(page, { kind: 'browse' });
    const copies = [items[7].id, items[9].id];
    const group = page.locator(`.card[data-id="${items[3].id}"]`);
    assert.equal(await group.locator('.alike').textContent(), '+2 alike');
    for (const id of copies) assert.equal(await page.locator(`.card[data-id="${id}"]`).count(), 0);
    const at = Number(await group.getAttribute('data-index'));
    await group.locator('.alike').click();
    assert.deepEqual((await ids(page, at + 3)).slice(at + 1).toSorted(), copies.toSorted(), 'they open beside it');
    assert.equal(await group.locator('.alike').getAttribute('aria-expanded'), 'true');
    await group.locator('.alike').click();
    for (const id of copies) assert.equal(await page.locator(`.card[data-id="${id}"]`).count(), 0);
    assert.equal(await page.locator('.alike').count(), 1, 'the copies');
    assert.equal(await page.locator('[data-photos="2"]').count(), 1, 'and the two photos of one product, on one card');
    await context.close();
  });

  /** Every third row is a second photo of the product before it, in a colour of its own. */
  function severalPhotos(rows) {
    for (const row of rows) {
      delete row.same_as;
      row.title = row.title.replaceAll('-', ' ');
    }
    for (let row = 2; row < rows.length; row += 3) {
      const { id, title, attributes } = rows[row - 1];
      rows[row - 1].product = id;
      Object.assign(rows[row], {
        product: id,
        title,
        attributes: { ...attributes, colour: rows[row].attributes.colour },
      });
    }
  }

  /** What the filters say: value → count, of one group. */
  const countsOf = (page, name) =>
    page.$$eval(`.rail input[data-facet="${name}"]`, (inputs) =>
      Object.fromEntries(
        inputs.map((input) => [
          input.dataset.value,
          input.closest('label').querySelector('.facet-count').textContent.replaceAll(/\D/g, ''),
        ]),
      ),
    );

  test('counts products, not photos, and filters by what the answer has', async () => {
    let rows;
    const { context, page } = await visit('', (all) => (severalPhotos(all), (rows = all)));
    await able(page, 'text');
    await settled(page, { kind: 'browse' });
    const product = (item) => item.product ?? item.id;
    const products = (list) => new Set(list.map(product)).size;
    const heading = async () => Number((await page.textContent('[data-part="heading"]')).replaceAll(/\D/g, ''));
    assert.equal(await heading(), products(rows));
    assert.ok(products(rows) < rows.length);
    const all = async () => page.$$eval('.rail .facet-values .link', (links) => links.forEach((link) => link.click()));
    await all();
    const having = (list, name, value) => products(list.filter((item) => item.attributes[name] === value));
    const told = async (list, name) => {
      for (const [value, n] of Object.entries(await countsOf(page, name)))
        assert.equal(Number(n), having(list, name, value), `${name} ${value}`);
    };
    await told(rows, 'colour');

    await search(page, 'dress');
    const answer = async () => {
      const shown = await page.$$eval('.card', (cards) => cards.map((card) => Number(card.dataset.row)));
      const names = new Set(shown.map((row) => product(rows[row])));
      assert.equal(names.size, shown.length, 'a product is one card');
      return { n: shown.length, names };
    };
    const subheading = async () => Number((await page.textContent('[data-part="subheading"]')).match(/\d+/)[0]);
    for (let shown = -1; shown !== (await answer()).n;) {
      shown = (await answer()).n;
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await page.waitForTimeout(300);
    }
    const { n } = await answer();
    assert.equal(await subheading(), n, 'the heading counts the cards');
    const before = await countsOf(page, 'colour');
    const sum = Object.values(await countsOf(page, 'gender')).reduce((total, count) => total + Number(count), 0);
    assert.equal(sum, n, 'each product of the answer is of one gender, and no other is counted');
    assert.ok(Object.values(await countsOf(page, 'category')).filter(Number).length < 20, 'not the whole catalog');

    // a chosen value leaves the counts of its own group as they were, since another one may be added to it
    await page.locator('.rail input[data-facet="colour"][data-value="red"]').check();
    await settled(page, { kind: 'text', by: 'engine', words: 'dress' });
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.rail [data-facet="colour"]')].every(
        (input) => input.closest('label').querySelector('.facet-count').textContent !== '',
      ),
    );
    assert.deepEqual(await countsOf(page, 'colour'), before);
    const genders = Object.values(await countsOf(page, 'gender')).reduce((total, count) => total + Number(count), 0);
    assert.equal(genders, await subheading(), 'the other groups count what is left');
    await serious(page, 'counts');
    await context.close();
  });

  test('offers changes beside the slider, and adds one to the words', async () => {
    const coat = items.find(({ attributes }) => attributes.category === 'coat' && attributes.colour === 'burgundy');
    for (const width of [1280, 390]) {
      const { context, page } = await visit(`#like=${coat.id}&q=in+blue`, null, { viewport: { width, height: 900 } });
      await able(page, 'composed');
      await settled(page, { kind: 'composed', by: 'engine' });
      const [slider, chip] = [page.locator('.mix'), page.locator('[data-part="suggestions"] .chip').first()];
      const [a, b] = [await slider.boundingBox(), await chip.boundingBox()];
      assert.ok(Math.abs(a.y + a.height / 2 - b.y - b.height / 2) < 8 && b.x > a.x + a.width - 1, 'in one row');
      assert.ok(b.x + b.width / 2 < width, `half of it is in view at ${width} px`);
      const offered = await page.locator('[data-part="suggestions"] .chip').allTextContents();
      const colours = new Set(items.map(({ attributes }) => attributes.colour));
      assert.ok(
        offered.length > 2 && !offered.some((words) => colours.has(words.replace(/^in /, ''))),
        String(offered),
      );
      await chip.click();
      await settled(page, { kind: 'composed', by: 'engine', words: `in blue ${offered[0]}` });
      await serious(page, 'changes');
      await context.close();
    }
  });

  test('hands an address on, but no photo, and shows a photo at its full size', async () => {
    const { context, page } = await visit('#q=coat', severalPhotos, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine' });
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    const share = page.locator('.results-tools .share');
    await share.click();
    await page.waitForSelector('.results-tools .share[data-said]');
    assert.equal(await share.getByRole('status').textContent(), 'Address copied');
    assert.equal(await copied(), page.url());
    await page.locator('[data-photos] .card-open').first().click();
    const dialog = page.locator('dialog.product');
    const id = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('item');
    await dialog.locator('.share').click();
    await page.waitForSelector('dialog .share[data-said]');
    assert.equal(await copied(), `${server.origin}/#item=${id}`);
    assert.equal(await dialog.locator('.product-photos li').count(), 2, 'all photos of the product');
    await dialog.locator('.product-photos button:not([aria-current])').click();
    await page.waitForFunction((was) => !location.hash.includes(`item=${was}`), id);
    await dialog.locator('.zoom-open').click();
    const zoom = page.locator('dialog.zoom');
    const image = await zoom.locator('img').evaluate(async (node) => {
      await node.decode();
      return { shown: node.clientHeight, has: node.naturalHeight };
    });
    assert.ok(image.shown >= image.has && image.shown >= 900, JSON.stringify(image));
    await serious(page, 'zoom');
    await page.keyboard.press('Escape');
    assert.equal(await zoom.count(), 0);
    assert.ok(await dialog.isVisible(), 'the product stays open');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !location.hash.includes('item='));

    const photo = Buffer.from(await (await fetch(`${server.origin}/catalog/photos/${items[5].photo}`)).arrayBuffer());
    await able(page, 'composed');
    await page.setInputFiles('[data-part="file"]', { name: 'mine.jpg', mimeType: 'image/jpeg', buffer: photo });
    await settled(page, { kind: 'composed', by: 'engine' });
    assert.ok(await share.isHidden(), 'a private photo cannot be handed on');
    await context.close();
  });

  test('leafs through the photos of a product on its card, by pointer, by keys and by finger', async () => {
    let rows;
    const { context, page } = await visit('#q=coat', (all) => (severalPhotos(all), (rows = all)));
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine' });
    const card = page.locator('.card[data-photos]').first();
    await card.waitFor();
    assert.equal(await card.locator('.leaf-dot').count(), 2);
    const source = () => card.locator('.frame img').getAttribute('src');
    const first = await source();
    await card.getByRole('button', { name: /^Next photo/ }).click();
    const second = await source();
    assert.notEqual(second, first);
    assert.equal(await card.getByRole('status').textContent(), 'Photo 2 of 2');
    assert.ok((await card.locator('.leaf-dot').nth(1).getAttribute('data-on')) !== null);
    await card.locator('.card-open').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter'); // the photo before
    assert.equal(await source(), first);
    const swipe = (from, to) =>
      card.locator('.card-open').evaluate(
        (node, [x, end]) => {
          const send = (type, clientX) =>
            node.dispatchEvent(new PointerEvent(type, { clientX, clientY: 10, pointerType: 'touch', bubbles: true }));
          send('pointerdown', x);
          send('pointerup', end);
          node.click();
        },
        [from, to],
      );
    await swipe(120, 40);
    assert.equal(await source(), second);
    assert.equal(await page.locator('dialog.product').count(), 0, 'a swipe opens nothing');
    await serious(page, 'leafing');
    await swipe(120, 118);
    await page.waitForSelector('dialog.product[open]');
    const { product } = rows[await card.evaluate((node) => Number(node.dataset.row))];
    await load(page, `${server.origin}/#like=${product}`);
    await able(page, 'like');
    await settled(page, { kind: 'like', by: 'engine' });
    await page.waitForSelector('[data-photos]'); // what takes its other photos out is here, too
    const like = await page.$$eval('.card', (cards) => cards.map((node) => Number(node.dataset.row)));
    assert.ok(
      like.length > 4 && like.every((row) => rows[row].product !== product),
      'its other photo is no other product',
    );
    await context.close();
  });

  test('shows a few pixels of each photo until the photo is there', async () => {
    const context = await browser.newContext({ serviceWorkers: 'block' });
    await context.route('**/photos/*', () => {}); // never answered
    const page = await context.newPage();
    await page.goto(server.origin, { waitUntil: 'domcontentloaded' });
    await settled(page, { kind: 'browse' });
    const drawn = await page.$$eval('.card .blur', (canvases) =>
      canvases.map((canvas) => [...canvas.getContext('2d').getImageData(0, 0, 3, 4).data]),
    );
    assert.equal(drawn.length, await page.locator('.card').count());
    assert.ok(
      drawn.every((pixels) => pixels.length === 48) && new Set(drawn.map(String)).size > drawn.length / 2,
      'each its own',
    );
    await context.close();
  });

  test('searches with a part of a photo, by pointer and by keys, and says so in the address only for a product', async () => {
    const { context, page } = await visit(`#like=${items[0].id}`);
    await able(page, 'composed');
    await settled(page, { kind: 'like', by: 'engine' });
    await page.click('.query-chip-photo');
    await page.waitForSelector('.crop-sheet[open]');
    await serious(page, 'crop');
    const corner = await page.locator('.crop-corner.se').boundingBox();
    await page.mouse.move(corner.x + 18, corner.y + 18);
    await page.mouse.down();
    await page.mouse.move(corner.x - 60, corner.y - 90, { steps: 4 });
    await page.mouse.up();
    await page.focus('.crop-frame');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.getByRole('button', { name: 'Search this part' }).click();
    await settled(page, { kind: 'image', by: 'engine' });
    assert.match(await page.textContent('[data-part="heading"]'), /that part/);
    const crop = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('crop').split(',').map(Number);
    assert.ok(crop.length === 4 && crop[2] < 0.7 && crop[3] < 0.7 && crop[1] < 0.15, String(crop));
    const cropped = await ids(page, 12);
    const shown = await page.$eval('.query-chip img', (image) => [image.naturalWidth, image.naturalHeight]);
    assert.deepEqual(
      shown,
      [items[0].width, items[0].height].map((side, i) => Math.round(side * crop[i + 2])),
    );
    await page.reload();
    await settled(page, { kind: 'image', by: 'engine' });
    assert.deepEqual(await ids(page, 12), cropped, 'the address is the whole state');
    await page.click('.query-chip-photo');
    await page.getByRole('button', { name: 'Whole photo' }).click();
    await settled(page, { kind: 'like', by: 'engine' });
    assert.ok(!page.url().includes('crop'));

    const photo = Buffer.from(await (await fetch(`${server.origin}/catalog/photos/${items[5].photo}`)).arrayBuffer());
    await page.setInputFiles('[data-part="file"]', { name: 'mine.jpg', mimeType: 'image/jpeg', buffer: photo });
    await settled(page, { kind: 'image', by: 'engine' });
    const whole = await ids(page, 12);
    await page.click('.query-chip-photo');
    await page.getByRole('button', { name: 'Search this part' }).click();
    await page.waitForFunction(() => document.querySelector('[data-part="heading"]').textContent.includes('that part'));
    await settled(page, { kind: 'image', by: 'engine' });
    assert.equal(page.url(), `${server.origin}/`, 'a private photo leaves no trace');
    await page.goBack();
    await page.waitForFunction(() =>
      document.querySelector('[data-part="heading"]').textContent.includes('your photo'),
    );
    assert.deepEqual(await ids(page, 12), whole);
    await context.close();
  });

  test('leaves out what looks like a minus-word that no title knows', async () => {
    const bare = (rows, catalog) => {
      // photos alone: no titles, no details
      rows.forEach((row) => Object.assign(row, { title: `Product ${row.id}`, attributes: {} }));
      catalog.facets = [];
    };
    const { context, page } = await visit('', bare);
    await able(page, 'text');
    const category = new Map(items.map(({ id, attributes }) => [id, attributes.category]));
    const share = async () => {
      const top = await ids(page, 24);
      return top.filter((id) => category.get(id) === 'dress').length / top.length;
    };
    await search(page, 'red');
    const before = await share();
    await page.fill('[data-part="words"]', 'red -dress');
    await page.waitForFunction(() => document.querySelector('.active-filters')?.textContent.includes('without dress'));
    await settled(page, { kind: 'text', by: 'engine', words: 'red' });
    assert.ok(before > 0 && (await share()) < before, `dresses: ${before} before, ${await share()} after`);
    await page.locator('.active-filters .chip').click();
    await page.waitForFunction(() => !document.querySelector('.active-filters .chip'));
    assert.equal(await page.inputValue('[data-part="words"]'), 'red');
    await context.close();
  });

  test('goes back a step, and lists what was asked in this tab and nowhere else', async () => {
    const { context, page } = await visit();
    await able(page, 'text');
    const depth = () => page.evaluate(() => history.state.depth);
    assert.equal(await depth(), 0);
    await search(page, 'red dress');
    await search(page, 'blue coat');
    await page.goBack();
    await settled(page, { kind: 'text', by: 'engine', words: 'red dress' });
    await page.focus('[data-part="grid"] .card-open');
    await page.keyboard.press('Control+z');
    await settled(page, { kind: 'browse' });
    assert.equal(await depth(), 0);
    await page.reload();
    await able(page, 'text');
    await page.click('[data-part="earlier"]');
    const dialog = page.locator('.trail-sheet');
    await dialog.waitFor();
    assert.deepEqual((await dialog.locator('.trail-step').allTextContents()).toSorted(), [
      '“blue coat”',
      '“red dress”',
    ]);
    await serious(page, 'earlier');
    await dialog.getByText('blue coat').click();
    await settled(page, { kind: 'text', by: 'engine', words: 'blue coat' });
    assert.ok(await page.evaluate(() => !Object.values(localStorage).join().includes('blue coat')));
    const other = await context.newPage();
    await other.goto(server.origin);
    await settled(other, { kind: 'browse' });
    assert.ok(await other.isHidden('[data-part="earlier"]'), 'another tab knows nothing of it');
    await page.click('[data-part="earlier"]');
    await dialog.getByRole('button', { name: 'Forget' }).click();
    assert.ok(await page.evaluate(() => !Object.values(sessionStorage).join().includes('coat')));
    await context.close();
  });
});
