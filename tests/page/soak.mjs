// Asks one tab for a long time, then eight tabs at once, and prints what they hold: nothing may grow with the number of
// questions. The tests run it short; in full it takes an hour:
//   VITRINE_DIST=… VITRINE_BIN=… VITRINE_PHOTOS=… node tests/page/soak.mjs [QUESTIONS [TABS [QUESTIONS OF EACH]]]
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { rewrite, able, launch, missing, serve, settled } from './browser.mjs';

const nouns = ['dress', 'shirt', 'skirt', 'trousers', 'jacket', 'bag', 'shoe', 'coat', 'scarf', 'hat'];
const colours = ['red', 'blue', 'green', 'black', 'white', 'yellow', 'pink', 'grey'];
const looks = ['striped', 'plain', 'floral', 'checked', 'with long sleeves', 'with a zip'];
const pick = (list, i, every) => list[Math.floor(i / every) % list.length];
/** Thousands of different questions, none of them twice in a row. */
const words = (i) => `${pick(colours, i, 1)} ${pick(looks, i, 3)} ${pick(nouns, i, 7)} ${i}`;

/**
 * What one tab holds, in the browser's own figures, after the garbage is gone. The browser lets go of a drawn element
 * when it next draws or idles, which no collection waits for: so it is looked at until twice in a row nothing was let go
 * (what leaks is never let go), and the last look counts.
 */
async function held(session, page) {
  let now = await look(session, page);
  for (let same = 0, looks = 0; same < 2 && looks < 20; looks++) {
    await page.evaluate(() => new Promise((drawn) => requestIdleCallback(drawn, { timeout: 200 })));
    const next = await look(session, page);
    same = next.nodes < now.nodes || next.listeners < now.listeners ? 0 : same + 1;
    now = next;
  }
  return now;
}

async function look(session, page) {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  const { wasm, ...live } = await page.evaluate(async () => ({
    wasm: await globalThis.workerMemory?.(),
    ...globalThis.liveUrls(),
  }));
  return { heap: usedSize / 1e6, nodes, listeners: jsEventListeners, ...live, wasm: wasm / 1e6 };
}

/** A tab that counts its object URLs, and whose worker tells how much memory the program has. */
async function open(context, origin) {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Runtime.enable');
  await session.send('HeapProfiler.enable');
  await page.goto(origin, { waitUntil: 'domcontentloaded', timeout: 90_000 });
  await able(page, 'composed');
  return { page, session };
}

async function prepare(context) {
  await context.addInitScript(() => {
    const live = new Map(); // address → type; the worker's verified modules are scripts, all others are photos
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (thing) => {
      const url = createObjectURL.call(URL, thing);
      live.set(url, thing.type);
      return url;
    };
    URL.revokeObjectURL = (url) => (live.delete(url), revokeObjectURL.call(URL, url));
    globalThis.liveUrls = () => {
      const scripts = [...live.values()].filter((type) => type === 'text/javascript').length;
      return { urls: live.size - scripts, scripts };
    };
    const Native = globalThis.Worker;
    globalThis.Worker = class extends Native {
      constructor(...args) {
        super(...args);
        globalThis.workerMemory = () =>
          new Promise((resolve) => {
            const listen = ({ data }) => data.soak && (this.removeEventListener('message', listen), resolve(data.soak));
            this.addEventListener('message', listen);
            this.postMessage({ id: 'soak', method: 'soak' });
          });
      }
    };
  });
  const measure = `
    methods.soak = async () => {
      const { memory } = await program.default();
      postMessage({ soak: memory.buffer.byteLength });
    };`;
  await rewrite(context, 'worker.js', (text) => `${text}${measure}`);
}

/** One question: every 20th with a photo of one's own, every 20th about a product, the rest words. */
async function ask(page, i, photos) {
  if (i % 20 === 10) {
    await page.click('.brand');
    await page.setInputFiles('[data-part="file"]', photos[i % photos.length]);
    return settled(page, { kind: 'image', by: 'engine' });
  }
  if (i % 20 === 11) {
    const text = `in ${pick(colours, i, 1)} ${i}`;
    await page.fill('[data-part="words"]', text);
    return settled(page, { kind: 'composed', by: 'engine', words: text });
  }
  if (i % 20 === 12) await page.click('.brand');
  await page.fill('[data-part="words"]', words(i));
  await page.press('[data-part="words"]', 'Enter');
  return settled(page, { kind: 'text', by: 'engine', words: words(i) });
}

/** Asks `questions` in one tab; returns what it held at ten moments, the first after warming up. */
export async function soak({ browser, origin, photos, questions, log = () => {} }) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  await prepare(context);
  const { page, session } = await open(context, origin);
  const every = Math.max(1, Math.floor(questions / 10));
  const samples = [];
  for (let i = 0; i < questions + 40; i++) {
    await ask(page, i, photos);
    if (i < 39 || (i - 39) % every) continue; // the first 40 warm up: every kind of question was asked twice
    samples.push({ asked: i - 39, ...(await held(session, page)) });
    log(samples.at(-1));
  }
  await context.close();
  return samples;
}

/** Tabs that all ask at once; returns what each held after its first questions and at the end. */
export async function crowd({ browser, origin, photos, questions, tabs, log = () => {} }) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  await prepare(context);
  const opened = [];
  for (let i = 0; i < tabs; i++) opened.push(await open(context, origin));
  // Tabs of one site share a process, whose nodes and listeners are counted together: all are measured between questions.
  const begin = async ({ page }) => {
    for (let i = 0; i < 14; i++) await ask(page, i, photos);
  };
  const more = async ({ page }, n) => {
    for (let i = 14; i < 14 + questions; i++) await ask(page, i + 20 * n, photos);
    // the last question is the one before the first measure, as another answer has other cards
    await ask(page, 13, photos);
  };
  // One tab's garbage may hold on to another's: every tab lets go of its own before any is measured.
  const collect = () => Promise.all(opened.map(({ session }) => session.send('HeapProfiler.collectGarbage')));
  const measure = async () => {
    await collect();
    await collect();
    return opened.reduce(async (before, { session, page }) => [...(await before), await held(session, page)], []);
  };
  await Promise.all(opened.map(begin));
  const first = await measure();
  await Promise.all(opened.map(more));
  const last = await measure();
  const all = opened.map((_, tab) => ({ first: first[tab], last: last[tab] }));
  all.forEach((found, tab) => log({ tab, ...found }));
  await context.close();
  return all;
}

export const photosIn = (folder) =>
  readdirSync(folder)
    .filter((file) => /\.(jpe?g|png|webp)$/i.test(file))
    .sort()
    .slice(0, 24)
    .map((file) => path.join(folder, file));

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const reason =
    missing() ?? (process.env.VITRINE_PHOTOS ? null : 'VITRINE_PHOTOS is not set: name a folder of photos');
  if (reason) throw new Error(reason);
  const [questions, tabs, each] = [10_000, 8, 100].map((usual, i) => Number(process.argv[2 + i] ?? usual));
  const [server, browser] = [await serve(), await launch()];
  const about = { browser, origin: server.origin, photos: photosIn(process.env.VITRINE_PHOTOS) };
  const line = ({ asked, heap, wasm, nodes, listeners, urls }) =>
    console.log(`| ${asked} | ${heap.toFixed(1)} | ${wasm.toFixed(1)} | ${nodes} | ${listeners} | ${urls} |`);
  console.log(
    '| questions | JS heap, MB | wasm memory, MB | DOM nodes | listeners | object URLs |\n| ---: | ---: | ---: | ---: | ---: | ---: |',
  );
  const begin = Date.now();
  await soak({ ...about, questions, log: line });
  console.log(`${questions} questions in ${((Date.now() - begin) / 1000).toFixed(0)} s; then ${tabs} tabs at once:`);
  await crowd({
    ...about,
    questions: each,
    tabs,
    log: ({ tab, first, last }) => (
      line({ asked: `tab ${tab}: 14`, ...first }),
      line({ asked: `tab ${tab}: ${14 + each}`, ...last })
    ),
  });
  await browser.close();
  await server.stop();
}
