// The recipes of docs/recipes.md as they stand there: built, served, and searched in a browser. tests/recipes.sh sets up
// VITRINE_SHOP (a folder with what builds them) and VITRINE_SEARCH (a site); VITRINE_RECIPES names some of them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch } from '../page/browser.mjs';
import { plainHost } from '../page/host.mjs';

const { VITRINE_SHOP: shop, VITRINE_SEARCH: search, VITRINE_RECIPES: chosen } = process.env;
const guide = readFileSync(new URL('../../docs/recipes.md', import.meta.url), 'utf8');

/** Section → the files that its blocks of code name in their first lines. */
const recipes = Object.fromEntries(
  guide
    .split(/^## /m)
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      [...section.matchAll(/^```\w+\n((?:\/\/|<!--) ([\w./]+\.\w+)(?: -->)?\n[^]*?)^```$/gm)].map(([, code, file]) => ({
        file,
        code,
      })),
    ]),
);

/** How each is built, and where what is served then lies. */
const vite = { run: ['vite', 'build'], out: 'dist' };
const builds = {
  'Plain HTML': { run: null, out: 'public' },
  Vite: vite,
  React: vite,
  Vue: vite,
  Svelte: vite,
  'A page that a server renders': { run: null, out: 'public', render: 'render.js' },
};
const counts = ['React', 'Vue', 'Svelte'];

function build(name) {
  const { run, out, render } = builds[name];
  for (const old of ['src', 'public', 'dist', 'index.html', 'vite.config.js', 'render.js'])
    rmSync(path.join(shop, old), { recursive: true, force: true });
  for (const { file, code } of recipes[name]) {
    mkdirSync(path.dirname(path.join(shop, file)), { recursive: true });
    writeFileSync(path.join(shop, file), code);
  }
  cpSync(search, path.join(shop, 'public/search'), { recursive: true });
  const options = { cwd: shop, encoding: 'utf8' };
  if (run) execFileSync(path.join(shop, 'node_modules/.bin', run[0]), run.slice(1), options);
  if (render) writeFileSync(path.join(shop, out, 'index.html'), execFileSync(process.execPath, [render], options));
  return path.join(shop, out);
}

describe('recipes', { concurrency: 1 }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser?.close());

  test('every section is built here', () => {
    const sections = Object.keys(recipes).filter((name) => recipes[name].length);
    assert.deepEqual(sections, Object.keys(builds));
  });

  for (const name of Object.keys(builds).filter((name) => !chosen || chosen.split(' ').includes(name.split(' ')[0])))
    test(name, async () => {
      const served = build(name);
      const host = await plainHost(served);
      const page = await browser.newPage();
      const faults = [];
      page.on('pageerror', (error) => faults.push(String(error.stack)));
      try {
        await page.goto(`${host.origin}/`);
        await page.waitForFunction(() => document.querySelector('vitrine-search')?.engine, null, { timeout: 60_000 });
        const { by, hits, good } = await page.evaluate(async () => {
          const element = document.querySelector('vitrine-search');
          const [{ title }] = (await element.search({ words: 'dress' })).hits;
          return element.search({ words: title });
        });
        assert.deepEqual([by, hits.length > 0, faults], ['engine', true, []]);
        assert.ok(good > 0, 'a good match, so that a count of none is seen');
        assert.ok((await page.locator('vitrine-search [part~="card"]').count()) > 0);
        if (counts.includes(name)) assert.equal(await page.textContent('#count'), `${good} found`);
        if (name === 'Vite') {
          assert.equal(await page.title(), `${good} found`);
          assert.match(readdirSync(path.join(served, 'assets')).join(' '), /-[\w-]{8}\.js/, 'a hashed name');
        }
      } finally {
        await page.close();
        await host.stop();
      }
    });
});
