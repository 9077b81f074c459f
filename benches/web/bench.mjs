// The page's program beside onnxruntime-web: the same encoders with the same weights in int8, in one Chromium,
// alternating. Prints milliseconds and ratios for one and two threads, the start, download bytes and memory.
//
//   benches/web/run.sh               makes everything that this needs, then runs it
//   node bench.mjs --site DIST --models DIR [--runs 20] [--cpu] [--json]
//
// --cpu times the encoders on one thread alone, by the processor time of the renderer: for a machine that is busy with
// something else, where a clock on the wall mostly counts the others' turns.
//
// DIST is a site that `vitrine site` wrote; DIR what models.py and `vitrine convert` made. Only the ratios of one run
// mean anything: both sides see the same machine in the same moment.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import { launch, median, processorTime, renderers, serve } from './harness.mjs';

const { values: args } = parseArgs({
  options: { site: { type: 'string' }, models: { type: 'string' }, runs: { type: 'string', default: '20' }, cpu: { type: 'boolean' }, json: { type: 'boolean' } },
});
if (!args.site || !args.models) {
  console.error('expected --site and --models; see the top of this file, or run benches/web/run.sh');
  process.exit(2);
}
const here = fileURLToPath(new URL('.', import.meta.url));
const ort = path.join(here, 'node_modules/onnxruntime-web/dist');
const runs = Number(args.runs);

const cases = [
  { name: 'ViT-Ti/16 224', model: 'vit-tiny', folder: 'tiny', photo: true },
  { name: 'ViT-S/16 224', model: 'vit-small', folder: 'small', photo: true },
  { name: 'MiniLM-L6, 16 tokens', model: 'minilm', folder: 'tiny', tokens: 16 },
  { name: 'MiniLM-L6, 32 tokens', model: 'minilm', folder: 'tiny', tokens: 32 },
];
const builds = { 1: ['relaxed', 'baseline'], 2: ['threads'] };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Passes that are timed together by processor time, of which handing messages about takes a part. */
const together = 5;

/** Median milliseconds of both sides, `runs` times in turn. A pause lets the other side's threads go to sleep. */
async function race(page, jobs, pids) {
  const once = async (key) => {
    if (!args.cpu) return page.evaluate((key) => globalThis.once(key), key);
    const before = processorTime(pids);
    await page.evaluate(([key, times]) => globalThis.often(key, times), [key, together]);
    return (processorTime(pids) - before) / together;
  };
  const times = jobs.map(() => []);
  for (const job of jobs) await page.evaluate((job) => globalThis.prepare(job), job);
  for (let run = 0; run < runs; run++) {
    for (const [i, job] of jobs.entries()) {
      await pause(15);
      times[i].push(await once(job.key));
    }
  }
  for (const job of jobs) await page.evaluate((key) => globalThis.drop(key), job.key);
  return times.map(median);
}

async function encoders(origin) {
  const rows = [];
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto(`${origin}/bench/race.html`);
  const pids = await renderers(browser);
  for (const threads of args.cpu ? [1] : [1, 2]) {
    for (const item of cases) {
      const jobs = [{ side: 'ort', threads, ...item }, ...builds[threads].map((build) => ({ side: 'vitrine', build, threads, ...item }))];
      jobs.forEach((job) => (job.key = `${job.side} ${job.build ?? ''} ${threads} ${item.name}`));
      const [theirs, ...ours] = await race(page, jobs, pids);
      console.error(`${item.name}, ${threads} thread(s): ${theirs.toFixed(1)} ms and ${ours.map((ms) => ms.toFixed(1)).join(', ')} ms`);
      ours.forEach((ms, i) => rows.push({ model: item.name, threads, build: builds[threads][i], ort: theirs, vitrine: ms, ratio: ms / theirs }));
    }
  }
  const version = browser.version();
  await browser.close();
  return { rows, version };
}

/** Milliseconds from navigation to the first text result, nothing cached, in turn. */
async function starts(origin) {
  const times = { ort: [], vitrine: [] };
  for (let run = 0; run < Math.max(5, Math.round(runs / 4)); run++) {
    for (const [side, address] of [['ort', '/bench/start.html'], ['vitrine', '/site/#q=red+dress']]) {
      const browser = await launch();
      const page = await browser.newPage();
      await page.addInitScript({ path: path.join(here, 'first-result.js') });
      await page.goto(origin + address);
      times[side].push(await page.waitForFunction(() => globalThis.firstResult).then((handle) => handle.jsonValue()));
      await browser.close();
    }
  }
  return { ort: median(times.ort), vitrine: median(times.vitrine) };
}

/** Peak memory of the renderer with the text encoder alone, in megabytes. */
async function memory(origin) {
  const found = {};
  for (const [side, build] of [['ort', null], ['vitrine', 'relaxed']]) {
    const browser = await launch();
    const page = await browser.newPage();
    await page.goto(`${origin}/bench/race.html`);
    const job = { key: 'memory', side, build, threads: 1, ...cases[2] };
    await page.evaluate((job) => globalThis.prepare(job), job);
    for (let run = 0; run < 5; run++) await page.evaluate(() => globalThis.once('memory'));
    const peaks = (await renderers(browser)).map((pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
    found[side] = Math.max(...peaks);
    await browser.close();
  }
  return found;
}

/** Bytes of the program as a host sends it. */
function download(files) {
  const size = (file) => brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  return files.reduce((sum, file) => sum + size(file), 0);
}

function downloads() {
  const theirs = ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'].map((file) => path.join(ort, file));
  const site = JSON.parse(readFileSync(path.join(args.site, 'site.json'), 'utf8'));
  const ours = site.wasm.map(({ name, file }) => [name, download([file, file.replace('_bg.wasm', '.js'), 'worker.js'].map((f) => path.join(args.site, f)))]);
  return { ort: download(theirs), ...Object.fromEntries(ours) };
}

const server = await serve({ '/ort/': ort, '/models/': args.models, '/site/': args.site, '/bench/': here });
try {
  const { rows, version } = await encoders(server.origin);
  const rest = args.cpu ? {} : { start: await starts(server.origin), memory: await memory(server.origin) };
  const result = { machine: `${cpus()[0].model}, ${cpus().length} cores`, chromium: version, runs, encoders: rows, ...rest, download: downloads() };
  if (args.json) console.log(JSON.stringify(result));
  else print(result);
} finally {
  server.stop();
}

function print({ machine, chromium, encoders, start, memory, download }) {
  console.log(`${machine}; Chromium ${chromium}; medians of ${runs} runs in turn, milliseconds${args.cpu ? ' of processor time' : ''}\n`);
  console.log('| model | threads | onnxruntime-web int8 | vitrine | build | ratio |\n|---|---|---|---|---|---|');
  for (const { model, threads, build, ort, vitrine, ratio } of encoders) {
    console.log(`| ${model} | ${threads} | ${ort.toFixed(1)} | ${vitrine.toFixed(1)} | ${build} | ${ratio.toFixed(2)}× |`);
  }
  const line = (name, theirs, ours, digits, unit) => console.log(`| ${name} | ${theirs.toFixed(digits)}${unit} | ${ours.toFixed(digits)}${unit} | ${(ours / theirs).toFixed(2)}× |`);
  console.log('\n| | onnxruntime-web | vitrine | ratio |\n|---|---|---|---|');
  if (start) line('navigation → first text result', start.ort, start.vitrine, 0, ' ms');
  if (memory) line('peak memory of the renderer, text encoder', memory.ort, memory.vitrine, 0, ' MB');
  for (const [name, bytes] of Object.entries(download)) if (name !== 'ort') line(`program, brotli: ${name}`, download.ort / 1e6, bytes / 1e6, 2, ' MB');
}
