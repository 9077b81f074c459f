// WebGPU in the page, on Chromium's software adapter: right answers at no speed. A tiny model of random weights keeps
// it quick; faults are made at the browser's own interface, so that the page has no switch for them.
//   VITRINE_DIST       a site, for the page's files and wasm builds
//   VITRINE_BIN        the vitrine command
//   VITRINE_GPU_CASES  the built case table of the backends (tests/backends/page.rs), or none to skip it
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { able, ids, launch, missing, rewrite, serve, settled } from './browser.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const shaders = path.join(root, 'src/backend/wgsl');
const fixture = (name) => path.join(root, 'tests/fixtures', name);
const { VITRINE_BIN: vitrine, VITRINE_DIST: dist, VITRINE_GPU_CASES: cases } = process.env;
const built = dist && existsSync(path.join(dist, 'pkg/gpu/vitrine_bg.wasm'));
const reason =
  missing() ?? (built ? null : `${dist} holds no WebGPU build: run ./build.sh wasm gpu and make the site again`);
if (reason) console.log(`skipped: WebGPU in the page (${reason})`);

// What a test puts in front of the worker's script.
const hardware = `Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });`;
const wrong = `const make = GPUDevice.prototype.createShaderModule;
  GPUDevice.prototype.createShaderModule = function (description) {
    const code = description.code.replace('return max(x, 0.0) -', 'return 0.9 * max(x, 0.0) -');
    return make.call(this, { ...description, code });
  };`;
// Keeps the code of every shader.
const watched = `self.shaders = [];
  const create = GPUDevice.prototype.createShaderModule;
  GPUDevice.prototype.createShaderModule = function (description) {
    self.shaders.push(description.code);
    return create.call(this, description);
  };`;
// Faults that begin when the test sets \`trip\`.
const faults = `self.trip = '';
  const open = GPUAdapter.prototype.requestDevice;
  let device;
  GPUAdapter.prototype.requestDevice = async function (...args) { return (device = await open.apply(this, args)); };
  const submit = GPUQueue.prototype.submit;
  GPUQueue.prototype.submit = function (...args) {
    submit.apply(this, args);
    if (trip === 'loss') device.destroy();
  };
  const map = GPUBuffer.prototype.mapAsync;
  GPUBuffer.prototype.mapAsync = function (...args) { return trip === 'hang' ? new Promise(() => {}) : map.apply(this, args); };
  const make = GPUDevice.prototype.createBuffer;
  GPUDevice.prototype.createBuffer = function (description) {
    return make.call(this, trip === 'memory' ? { ...description, size: 2 ** 40 } : description);
  };`;

describe('WebGPU in the page', { skip: reason ?? false, concurrency: 1 }, () => {
  let folder, server, browser;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'vitrine-gpu-'));
    const at = (name) => path.join(folder, name);
    const run = (...args) => execFileSync(vitrine, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    run('convert', fixture('golden/vit-hf'), fixture('golden/bert'), '--out', at('model'), '--format', 'q8');
    // four that show different things: of the others each is nearly one of these, and either may stand for both
    for (const name of ['alpha.png', 'large.jpg', 'lossy.webp', 'turned.jpg'])
      cpSync(fixture(`photos/${name}`), at(`photos/${name}`));
    run('index', at('photos'), '--model', at('model'), '--out', at('catalog'));
    cpSync(path.join(root, 'www'), at('www'), {
      recursive: true,
      filter: (from) => !from.startsWith(path.join(root, 'www/pkg')),
    });
    cpSync(path.join(dist, 'pkg'), at('www/pkg'), { recursive: true });
    if (cases) cpSync(cases, at('www/pkg/cases'), { recursive: true });
    run('site', at('catalog'), '--model', at('model'), '--www', at('www'), '--out', at('dist'));
    server = await serve(at('dist'));
    browser = await launch(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan']);
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A visitor whose worker begins with \`patch\`; the addresses that were asked for stand in \`page.asked\`. */
  async function visit(address = '', { patch = '', context } = {}) {
    context ??= await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' });
    const page = await context.newPage();
    page.asked = [];
    context.on('request', (request) => page.asked.push(new URL(request.url()).pathname));
    await rewrite(context, 'worker.js', (text) => `${patch}\n${text}`);
    await page.goto(`${server.origin}/${address}`);
    await able(page, 'composed');
    return page;
  }

  const decided = (page, name) => page.waitForSelector(`[data-vitrine][data-backend="${name}"]`, { timeout: 120_000 });
  const why = (page) => page.$eval('[data-vitrine]', (node) => node.dataset.backendWhy);
  const downloaded = (page) => page.asked.some((file) => file.includes('/pkg/gpu/'));

  async function search(page, words) {
    await page.fill('[data-part="words"]', words);
    await page.press('[data-part="words"]', 'Enter');
    await settled(page, { kind: 'text', by: 'engine', words });
    return ids(page, 8);
  }

  test('every shader compiles with every combination of its switches', async () => {
    const page = await browser.newPage();
    await page.goto(server.origin);
    const functions = readFileSync(path.join(shaders, 'functions.wgsl'), 'utf8');
    const names = readdirSync(shaders).filter((name) => name.endsWith('.wgsl') && name !== 'functions.wgsl');
    assert.ok(names.length >= 12);
    const plain = names.map((name) => ({
      name,
      code: `${functions}\n${readFileSync(path.join(shaders, name), 'utf8')}`,
    }));
    const halves = plain.filter(({ code }) => code.includes('alias real = f32;'));
    assert.ok(halves.length >= 1);
    const sources = [
      ...plain,
      ...halves.map(({ name, code }) => ({
        name: `${name} in f16`,
        code: `enable f16;\n${code.replace('alias real = f32;', 'alias real = f16;')}`,
      })),
    ];
    const problems = await page.evaluate(async (sources) => {
      const adapter = await navigator.gpu.requestAdapter();
      const f16 = adapter.features.has('shader-f16');
      const device = await adapter.requestDevice({ requiredFeatures: f16 ? ['shader-f16'] : [] });
      const problems = [];
      for (const { name, code } of sources) {
        if (code.startsWith('enable f16;') && !f16) continue; // naga has validated it
        const module = device.createShaderModule({ code });
        const { messages } = await module.getCompilationInfo();
        problems.push(...messages.map(({ type, lineNum, message }) => `${name}:${lineNum} ${type}: ${message}`));
        const overrides = [...code.matchAll(/^override (\w+): (\w+);/gm)];
        let all = [{}];
        for (const [, key, type] of overrides) {
          all = all.flatMap((constants) =>
            (type === 'bool' ? [0, 1] : [0, 3]).map((value) => ({ ...constants, [key]: value })),
          );
        }
        for (const constants of all) {
          const compute = { module, entryPoint: 'main', constants };
          await device
            .createComputePipelineAsync({ layout: 'auto', compute })
            .catch((error) => problems.push(`${name}: ${error.message}`));
        }
      }
      return problems;
    }, sources);
    assert.deepEqual(problems, []);
    await page.close();
  });

  test(
    'the case table of the backends agrees with f64',
    { skip: cases ? false : 'VITRINE_GPU_CASES is not set' },
    async () => {
      const page = await browser.newPage();
      await page.goto(server.origin);
      const [count, ...failed] = await page.evaluate(async () => {
        const program = await import(new URL('pkg/cases/backend_cases.js', location.href).href);
        await program.default();
        return program.run();
      });
      assert.deepEqual(failed, []);
      assert.ok(Number(count) > 200, `${count} cases`);
      await page.close();
    },
  );

  test('a software adapter is left alone, and the panel says so', async () => {
    const page = await visit();
    await decided(page, 'cpu');
    assert.equal(await why(page), 'software');
    assert.equal(downloaded(page), false, 'nothing was downloaded for it');
    await page.click('[data-part="status"]');
    assert.match(await page.textContent('.privacy'), /processor/);
    assert.match(await page.textContent('.privacy'), /software/);
    await page.context().close();
  });

  test('asked for, it answers as the processor does', async () => {
    const answers = {};
    for (const backend of ['cpu', 'gpu']) {
      const page = await visit(`?backend=${backend}`);
      await decided(page, backend);
      const words = await search(page, 'red dress');
      await page.hover('.card');
      await page.click('.card .card-action');
      await page.fill('[data-part="words"]', 'but longer');
      await page.press('[data-part="words"]', 'Enter');
      await settled(page, { kind: 'composed', by: 'engine' });
      answers[backend] = { words, composed: await ids(page, 8) };
      assert.equal(await page.$eval('[data-vitrine]', (node) => node.dataset.backend), backend);
      await page.click('[data-part="status"]');
      assert.match(await page.textContent('.privacy'), backend === 'gpu' ? /graphics card/ : /processor/);
      await page.context().close();
    }
    assert.ok(answers.gpu.words.length > 1 && answers.gpu.composed.length > 0, JSON.stringify(answers));
    assert.deepEqual(answers.gpu, answers.cpu);
  });

  test('a slower one is measured once, and remembered', async () => {
    const page = await visit('', { patch: hardware });
    await decided(page, 'cpu');
    // compiling shaders alone may take a software adapter longer than the self-test waits
    assert.match(await why(page), /^(slower|late)$/);
    assert.ok(downloaded(page));
    const again = await visit('', { patch: hardware, context: page.context() });
    await decided(again, 'cpu');
    assert.equal(await why(again), 'slower');
    assert.equal(downloaded(again), false, 'the verdict of the first visit counts');
    await page.context().close();
  });

  test('one that proved itself earlier is not tested again, and multiplies as it was then fastest', async () => {
    const page = await visit('', { patch: hardware });
    await decided(page, 'cpu');
    for (const precision of ['f32', 'packed']) {
      // a verdict such as a graphics card would have earned
      const kept = await page.evaluate(async (precision) => {
        let kept = 0;
        for (const name of await caches.keys()) {
          const cache = await caches.open(name);
          for (const request of await cache.keys()) {
            if (!request.url.includes('_kept/verdict')) continue;
            await cache.put(request, Response.json({ took: 5000, precision }));
            kept++;
          }
        }
        return kept;
      }, precision);
      assert.equal(kept, 1);
      const again = await visit('', { patch: `${hardware}\n${watched}`, context: page.context() });
      await decided(again, 'gpu');
      await search(again, 'red dress');
      const worker = again.workers().find((candidate) => candidate.url().endsWith('worker.js'));
      const codes = await worker.evaluate(() => self.shaders);
      assert.ok(codes.length > 5, `${codes.length} shaders`);
      assert.equal(
        codes.some((code) => code.includes('dot4I8Packed')),
        precision === 'packed',
      );
      await again.close();
    }
    await page.context().close();
  });

  test('one that computes something else is never used, even if asked for', async () => {
    const page = await visit('?backend=gpu', { patch: wrong });
    await decided(page, 'cpu');
    assert.equal(await why(page), 'disagrees');
    assert.ok((await search(page, 'red dress')).length > 0);
    await page.context().close();
  });

  for (const [fault, code] of [
    ['loss', 'lost'],
    ['hang', 'late'],
    ['memory', 'lost'],
  ]) {
    test(`the processor answers the question during which this happens: ${fault}`, async () => {
      const page = await visit('?backend=gpu', { patch: faults });
      await decided(page, 'gpu');
      const expected = await search(page, 'blue shirt');
      await search(page, 'red dress');
      const worker = page.workers().find((candidate) => candidate.url().endsWith('worker.js'));
      await worker.evaluate((fault) => (self.trip = fault), fault);
      const got = await search(page, 'blue shirt');
      assert.deepEqual(got, expected);
      await decided(page, 'cpu');
      assert.equal(await why(page), code);
      await search(page, 'red dress');
      assert.deepEqual(await search(page, 'blue shirt'), expected, 'and every later one');
      await page.context().close();
    });
  }
});
