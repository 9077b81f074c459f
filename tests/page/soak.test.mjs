// The long run of soak.mjs, short: what one tab and three tabs at once hold must not grow with the questions.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, missing, serve } from './browser.mjs';
import { crowd, photosIn, soak } from './soak.mjs';

const reason = missing() ?? (process.env.VITRINE_PHOTOS ? null : 'VITRINE_PHOTOS is not set: name a folder of photos');

describe('after many questions', { skip: reason ?? false, concurrency: 1 }, () => {
  let server, browser, about;

  before(async () => {
    [server, browser] = [await serve(), await launch()];
    about = { browser, origin: server.origin, photos: photosIn(process.env.VITRINE_PHOTOS) };
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Both were measured after the same kind of question, so they differ only by what was not let go. */
  function flat(first, last, what) {
    assert.equal(last.wasm, first.wasm, `${what}: wasm memory`);
    assert.ok(last.urls <= 6, `${what}: ${last.urls} object URLs, of the last photos`);
    assert.equal(last.scripts, first.scripts, `${what}: the worker's verified modules`);
    assert.ok(last.nodes < first.nodes * 1.2, `${what}: ${first.nodes} → ${last.nodes} nodes`);
    assert.ok(last.listeners < first.listeners * 1.2, `${what}: ${first.listeners} → ${last.listeners} listeners`);
    assert.ok(last.heap < first.heap + 4, `${what}: JS heap ${first.heap.toFixed(1)} → ${last.heap.toFixed(1)} MB`);
  }

  test('one tab holds what it held', async () => {
    const samples = await soak({ ...about, questions: 200 });
    assert.equal(samples.at(-1).asked, 200);
    flat(samples[0], samples.at(-1), 'one tab');
  });

  test('several tabs at once each hold what they held', async () => {
    for (const [i, { first, last }] of (await crowd({ ...about, questions: 20, tabs: 3 })).entries())
      flat(first, last, `tab ${i}`);
  });
});
