// What a visitor of any shop search expects: names are found, before and after the encoders are here; the bar helps while
// one types; nothing moves under somebody who reads; Back and a reload find the place again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import { fold, stem } from '../../www/core/catalog.js';
import { matcher, near } from '../../www/core/matched.js';
import { able, catalogOf, ids, launch, load, missing, serve, settled } from './browser.mjs';

const reason = missing();

/** The words of a title that are marked, where products hold those of `held`. */
function markedIn(title, texts, held = title) {
  const words = new Set((held.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).map((word) => stem(fold(word.toLowerCase()))));
  const find = matcher(texts, (form) => words.has(form));
  return (find?.(title) ?? []).map(([from, to]) => title.slice(from, to));
}

test('of a title those words are matched that the query names', () => {
  const cases = [
    ['Red striped dress', ['red dress'], ['Red', 'dress']],
    ['Red striped dress', ['DRESSES'], ['dress']],
    ['Dresses for summer', ['dress for summer'], ['Dresses', 'summer']],
    ['Dress with pockets', ['with a'], []],
    ['Café-Kleid, hellblau', ['cafe'], ['Café']],
    ['Weißes Kleid', ['weisses'], ['Weißes']],
    ['Grüner Rock', ['gruener rock'], ['Grüner', 'Rock']],
    ['T-shirt with print', ['t-shirt'], ['T-shirt']],
    ['T-shirt with print', ['tshirt print'], ['T-shirt', 'print']],
    ['Long-sleeve top', ['long'], ['Long']],
    ['Press stud jacket', ['dress'], [], 'dress press'],
    ['Red dress', ['drses'], ['dress']],
    ['Red skirt', ['skrt'], ['skirt']],
    ['Red skirt', ['dress skir'], ['skir'], 'dress skirt'],
    ['Red dress', ['rotes Kleid', 'red dress'], ['Red', 'dress']],
    ['Air 90 runner', ['90'], ['90']],
    ['赤いワンピース', ['ワンピース'], ['ワンピース']],
    ['Red dress', ['🔥'], []],
    ['<b>dress</b>', ['dress'], ['dress']],
  ];
  for (const [title, texts, wanted, held] of cases)
    assert.deepEqual(markedIn(title, texts, held), wanted, `${texts} in ${title}`);
  for (const [a, b, most, wanted] of [
    ['dress', 'drses', 1, true],
    ['dress', 'drss', 1, true],
    ['dress', 'press', 1, true],
    ['dress', 'prest', 1, false],
    ['dress', 'dressing', 2, false],
  ])
    assert.equal(near(a, b, most), wanted, `${a} ${b}`);
});

describe('finds', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, items;

  before(async () => {
    server = await serve();
    browser = await launch();
    ({ items } = await catalogOf(server.origin));
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** A visitor; `held` keeps the encoders' weights on their way until `free()`. */
  async function visit(address = '', { held = false, ...options } = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      serviceWorkers: 'block',
      ...options,
    });
    let free = () => {};
    const freed = new Promise((resolve) => (free = () => resolve(null)));
    if (held) await context.route(/\.safetensors$/, async (route) => (await freed, route.continue().catch(() => {})));
    const page = await context.newPage();
    await page.goto(`${server.origin}/${address}`);
    return { context, page, free };
  }

  const every = (n) => Array.from({ length: n }, (_, i) => items[Math.floor((i * items.length) / n)]);
  const same = (title) => items.filter((item) => item.title === title).map(({ id }) => id);
  const type = async (page, words, by) => {
    await page.fill('[data-part="words"]', words);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', by, words });
  };

  /** How many of a list of texts bring one of their products first. */
  async function first(page, texts, by) {
    let found = 0;
    for (const [words, wanted] of texts) {
      await type(page, words, by);
      found += wanted.includes((await ids(page, 1))[0]) ? 1 : 0;
    }
    return found;
  }

  const named = () => [
    ...every(12).map(({ title }) => [title, same(title)]),
    ...every(8).map(({ id }) => [id, [id]]),
    ...every(6).map(({ title }) => [title.split(' ').reverse().join(' '), same(title)]),
  ];

  test('a name is found before the encoders are here, and the whole search is never worse', async () => {
    const { context, page, free } = await visit('', { held: true });
    await page.waitForFunction(() => document.querySelector('[data-vitrine]'));
    const texts = named();
    const words = await first(page, texts, 'words');
    assert.ok(words >= texts.length - 1, `${words} of ${texts.length} by words alone`);
    free();
    await able(page, 'text');
    const both = await first(page, texts, 'engine');
    assert.ok(both >= words, `${both} of ${texts.length} with vectors, ${words} without`);
    await context.close();
  });

  test('a change of a product is answered by its attributes before the encoders are here', async () => {
    const { context, page } = await visit('', { held: true });
    const red = items.find(({ attributes }) => attributes.colour === 'red' && attributes.category === 'dress');
    await load(page, `${server.origin}/#like=${red.id}&q=in+blue`);
    await settled(page, { kind: 'composed', by: 'words' });
    const top = (await ids(page, 6)).map((id) => items.find((item) => item.id === id).attributes);
    for (const { colour, category } of top.slice(0, 4))
      assert.deepEqual([/blue$/.test(colour), category], [true, 'dress']);
    await context.close();
  });

  test('what nobody here can mean is refused, and what was named never is', async () => {
    const { context, page } = await visit();
    await able(page, 'text');
    const refused = async (words) => {
      await type(page, words, 'engine');
      return (await page.locator('[data-notice="few"]').count()) === 1;
    };
    for (const words of ['🔥', 'tomato soup', 'quarterly tax return']) assert.ok(await refused(words), words);
    for (const { title, id } of every(5)) for (const words of [title, id]) assert.ok(!(await refused(words)), words);
    await context.close();
  });

  test('words of other languages find what the shop calls otherwise, and what nobody understands is named', async () => {
    const { context, page } = await visit('', { locale: 'de-DE' });
    await able(page, 'text');
    const cases = [
      ['rotes Kleid mit langen Ärmeln', { colour: 'red', category: 'dress' }],
      ['chemise à carreaux', { category: 'shirt' }],
      ['falda azul', { category: 'skirt' }],
      ['borsa marrone', { category: 'bag' }],
    ];
    for (const [words, wanted] of cases) {
      await type(page, words, 'engine');
      const top = (await ids(page, 5)).map((id) => items.find((item) => item.id === id).attributes);
      for (const [name, value] of Object.entries(wanted))
        assert.ok(top.filter((item) => item[name].includes(value)).length >= 3, `${words}: ${JSON.stringify(top)}`);
    }
    await type(page, 'qwertzuiop asdfghjkl', 'engine');
    assert.equal(await page.locator('.card').count(), 0, 'no random products');
    assert.match(await page.textContent('.empty'), /qwertzuiop/);
    await page.locator('.empty .chip').first().click();
    await settled(page, { kind: 'browse' });
    await context.close();
  });

  test('what was matched is marked in titles, and nothing else is', async () => {
    const { context, page } = await visit('#q=red+dress+with');
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine' });
    await page.waitForSelector('.card-title mark');
    const marks = async () => [
      ...new Set((await page.locator('.card mark').allTextContents()).map((word) => word.toLowerCase())),
    ];
    assert.deepEqual((await marks()).toSorted(), ['dress', 'red']);
    const titles = await page.$$eval('.card', (cards) =>
      cards.map((card) => [card.dataset.id, card.querySelector('.card-title').textContent]),
    );
    for (const [id, title] of titles) assert.equal(title, items.find((item) => item.id === id).title);
    await type(page, 'blue', 'engine');
    assert.deepEqual(await marks(), ['blue'], 'cards that stay are marked anew');
    await page.fill('[data-part="words"]', '');
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'browse' });
    assert.deepEqual(await marks(), []);
    await context.close();
  });

  test('the field stays where it is while somebody types, and gets its room when they are done', async () => {
    const { context, page } = await visit();
    await able(page, 'text');
    const top = () => page.$eval('.composer-bar', (bar) => bar.getBoundingClientRect().top);
    const before = await top();
    await page.click('[data-part="words"]');
    await page.keyboard.type('red dress');
    await settled(page, { kind: 'text', by: 'engine', words: 'red dress' });
    assert.equal(await top(), before);
    await page.keyboard.press('Enter');
    await page.waitForFunction(
      (y) => document.querySelector('.composer-bar').getBoundingClientRect().top < y - 60,
      before,
    );
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Backspace');
    const now = await top();
    await settled(page, { kind: 'browse' });
    assert.equal(await top(), now, 'nor does it jump back under the keys');
    await page.click('[data-part="brand"]');
    await page.waitForFunction(
      (y) => document.querySelector('.composer-bar').getBoundingClientRect().top === y,
      before,
    );
    await context.close();
  });

  test('who comes back is greeted in a line', async () => {
    const { context, page } = await visit('', { serviceWorkers: 'allow' });
    await settled(page, { kind: 'browse' });
    const height = () => page.$eval('[data-part="hero"]', (hero) => hero.getBoundingClientRect().height);
    const first = await height();
    await page.waitForFunction(() => navigator.serviceWorker.controller);
    await page.reload();
    await settled(page, { kind: 'browse' });
    const again = await height();
    assert.ok(again > 20 && again < first / 2, `${first} px, then ${again}`);
    const [words] = await page.evaluate(() => [Object.keys(localStorage).length]);
    assert.equal(words, 0, 'and nothing was written for it');
    await context.close();
  });

  test('closer matches wait until a reader wants them', async () => {
    const { context, page, free } = await visit('#q=dress', { held: true });
    await settled(page, { kind: 'text', by: 'words' });
    const before = await ids(page, 24);
    await page.mouse.wheel(0, 700);
    await page.waitForFunction(() => scrollY > 100);
    free();
    await able(page, 'text');
    const notice = page.locator('[data-notice="closer"]').getByRole('button');
    await notice.waitFor();
    assert.deepEqual(await ids(page, 24), before, 'nothing moved');
    await notice.click();
    await settled(page, { kind: 'text', by: 'engine' });
    assert.ok(
      await page.evaluate(() => document.querySelector('[data-part="heading"]').getBoundingClientRect().top > 0),
    );
    await context.close();
  });

  test('the bar completes what is typed, by pointer and by keyboard', async () => {
    const { context, page } = await visit();
    await able(page, 'text');
    const input = page.locator('[data-part="words"]');
    await input.click();
    await page.keyboard.type('red dr');
    const options = page.getByRole('option');
    await page.waitForFunction(() => document.querySelector('[role="option"]')?.textContent.startsWith('red dress'));
    assert.equal(await input.getAttribute('aria-expanded'), 'true');
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(
      violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id }) => id),
      [],
    );
    await page.keyboard.press('ArrowDown');
    const active = await input.getAttribute('aria-activedescendant');
    assert.equal(await page.locator(`#${active}`).getAttribute('aria-selected'), 'true');
    await page.keyboard.press('Enter');
    await settled(page, { kind: 'text', by: 'engine', words: 'red dress' });
    assert.equal(await input.getAttribute('aria-expanded'), 'false');

    await input.fill('red drses');
    await page.getByRole('option', { name: /Did you mean/ }).click();
    await settled(page, { kind: 'text', words: 'red dress' });

    await input.fill('');
    await page.waitForFunction(() => document.querySelectorAll('[role="option"]').length > 0);
    assert.match((await options.allTextContents()).join(), /red dress/, 'an empty bar offers what was asked earlier');
    await page.keyboard.press('Escape');
    assert.equal(await options.count(), 0);

    const product = items[items.length >> 1];
    await input.fill(product.title.slice(0, -2));
    await page.locator('[role="option"]:has(img)').first().click();
    await page.waitForSelector('dialog.product[open]');
    await context.close();
  });

  test('Back and a reload find the place again; a new query is read from its heading', async () => {
    const { context, page } = await visit('#q=shirt');
    await able(page, 'text');
    await settled(page, { kind: 'text', by: 'engine' });
    const down = async () => {
      await page.mouse.wheel(0, 900);
      await page.waitForFunction(() => scrollY > 300 && history.state?.place?.y === Math.round(scrollY));
      return page.evaluate(() => scrollY);
    };
    const at = await down();
    const near = () => page.waitForFunction((y) => Math.abs(scrollY - y) < 150, at);
    await page.reload();
    await near();
    await page.evaluate(() => document.querySelector('[data-part="words"]').focus({ preventScroll: true }));
    await type(page, 'red dress', 'engine');
    assert.ok((await page.evaluate(() => scrollY)) < at, 'the heading is in view');
    assert.match(await page.title(), /red dress/);
    await page.goBack();
    await settled(page, { kind: 'text', words: 'shirt' });
    await near();
    // the product's own page, and back from it without the browser's memory of the page
    await page.goto('about:blank');
    await page.goBack();
    await settled(page, { kind: 'text', words: 'shirt' });
    await near();
    await context.close();
  });

  test('a product that is gone says so, and one that is dragged into the bar is searched with', async () => {
    const { context, page } = await visit('#item=no-such-product');
    await page.locator('[data-notice="gone"]').waitFor();
    await load(page, `${server.origin}/#like=no-such-product`);
    await page.locator('[data-notice="gone"]').waitFor();
    await load(page, server.origin);
    await settled(page, { kind: 'browse' });
    const [id] = await ids(page, 1);
    await page.focus('[data-part="words"]');
    await page.waitForSelector('[role="combobox"]'); // what a drag would bring, too
    await page.locator('.card .card-open').first().dragTo(page.locator('[data-part="words"]'));
    await settled(page, { kind: 'like' });
    assert.match(page.url(), new RegExp(`like=${id}`));
    assert.equal(await page.inputValue('[data-part="words"]'), '');
    await page.locator('.facet-value input').first().focus();
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.part), 'words', '“/” from a filter');
    await context.close();
  });

  test('a photo outlives a reload of its tab, and no other tab knows it', async () => {
    const { context, page } = await visit();
    await able(page, 'image');
    const source = await page.$eval('.card img', (image) => image.src);
    const buffer = Buffer.from(await (await fetch(source)).arrayBuffer());
    await page.setInputFiles('[data-part="file"]', { name: 'mine.jpg', mimeType: 'image/jpeg', buffer });
    await settled(page, { kind: 'image', by: 'engine' });
    const top = await ids(page, 5);
    await page.reload();
    await settled(page, { kind: 'image', by: 'engine' });
    assert.deepEqual(await ids(page, 5), top);
    const other = await context.newPage();
    await other.goto(server.origin);
    assert.equal(await other.evaluate(() => sessionStorage.length + localStorage.length), 0);
    await context.close();
  });
});
