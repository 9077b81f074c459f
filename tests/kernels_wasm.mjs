// The kernels' case table in WebAssembly: without vectors, with simd128, with relaxed SIMD where this engine has it, and
// with that on threads. Every instruction set must agree with f64, as natively; the module itself says
// where a kernel ran another number of cases than its table has.
//
//   node --test tests/kernels_wasm.mjs
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';

const source = fileURLToPath(new URL('kernels/wasm.rs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kernels-'));
after(() => rmSync(folder, { recursive: true }));

// older engines know the flag, newer ones have the instructions without it and ignore it
setFlagsFromString('--experimental-wasm-relaxed-simd');

/** Builds the table with the given target features; the kernels need no crate, so this takes seconds. */
function build(name, features) {
  const file = join(folder, `${name}.wasm`);
  const target = ['--edition', '2024', '--target', 'wasm32-unknown-unknown', '--crate-type', 'cdylib'];
  const options = ['-C', 'opt-level=3', '-C', 'panic=abort', '-C', `target-feature=${features}`];
  execFileSync(process.env.RUSTC ?? 'rustc', [...target, ...options, '-o', file, source], { stdio: 'inherit' });
  return readFileSync(file);
}

/** The same for threads, with the flags of the page's build, which has compiled Rust's own library for them. */
function buildThreads() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const args = ['rustc', '--locked', '--quiet', '--manifest-path', 'tests/kernels/Cargo.toml', '--target-dir', 'target/threads', '--profile', 'wasm', '--target', 'wasm32-unknown-unknown', '-Zbuild-std=std,panic_abort'];
  // stable compilers allow -Z where they are told to bootstrap
  const env = { ...process.env, RUSTC_BOOTSTRAP: '1' };
  execFileSync('cargo', ['--config', '.cargo/threads.toml', ...args, '--', '-Clink-arg=--export=__stack_pointer'], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  return readFileSync(join(root, 'target/threads/wasm32-unknown-unknown/wasm/kernel_cases.wasm'));
}

/** Runs the table and returns its report, line by line. */
function run({ exports }, memory = exports.memory) {
  const length = exports.run();
  const text = new Uint8Array(memory.buffer, exports.report(), length).slice();
  return new TextDecoder().decode(text).trim().split('\n');
}

/** What must hold of a report: no failure, and every set of the build took part. */
function check(lines, sets, t) {
  assert.deepEqual(lines.filter((line) => line.startsWith('!')), []);
  const counts = new Map(lines.map((line) => line.split(' ')));
  for (const set of sets.filter((set) => set !== 'relaxed')) {
    assert.ok(Number(counts.get(set)) > 900, `${set} ran ${counts.get(set)} cases`);
  }
  // byte products are used only on engines where they are exact; on these processors they are
  if (sets.includes('relaxed') && ['x64', 'arm64'].includes(process.arch)) {
    assert.ok(lines.some((line) => line.startsWith('relaxed-')), `no byte products ran: ${lines}`);
  }
  t.diagnostic(lines.join(', '));
}

const builds = [
  { name: 'plain', features: '-simd128', sets: ['scalar'] },
  { name: 'baseline', features: '+simd128', sets: ['scalar', 'simd128'] },
  { name: 'relaxed', features: '+simd128,+relaxed-simd', sets: ['scalar', 'simd128', 'relaxed'] },
];

for (const { name, features, sets } of builds) {
  test(`kernels of the ${name} build agree with their scalar reference`, (t) => {
    const bytes = build(name, features);
    if (!WebAssembly.validate(bytes)) {
      assert.equal(name, 'relaxed', 'only relaxed SIMD may be unknown to the engine');
      assert.ok(parseInt(process.versions.node) < 20, 'engines since version 20 have relaxed SIMD');
      return t.skip('this engine has no relaxed SIMD');
    }
    check(run(new WebAssembly.Instance(new WebAssembly.Module(bytes), {})), sets, t);
  });
}

// What wasm-bindgen's start does in the page: a stack and local variables of the thread's own.
const joining = `
  const { workerData: { module, memory, stack, locals, index } } = require('node:worker_threads');
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  exports.__stack_pointer.value = stack;
  exports.__wasm_init_tls(locals);
  exports.work(index);
`;

test('kernels of the threads build agree with their scalar reference, and the pool runs every block once', async (t) => {
  const module = new WebAssembly.Module(buildThreads());
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 16_384, shared: true });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const { exports } = instance;
  const stackSize = 1 << 18;
  const workers = [0, 1].map((index) => {
    const [stack, locals] = [exports.room(stackSize, 16) + stackSize, exports.room(exports.__tls_size.value, exports.__tls_align.value)];
    return new Worker(joining, { eval: true, workerData: { module, memory, stack, locals, index } });
  });
  try {
    // half an hour at most, on a machine that does nothing else
    for (let looks = 0; exports.threads() < 3; looks++) {
      assert.ok(looks < 90_000, `expected caller and two workers in the pool, got ${exports.threads()} after ${looks} looks`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(exports.together(3), 3, 'caller and both workers are at work at the same moment');
    assert.equal(exports.wrong_jobs(20_000), 0);
    check(run(instance, memory), ['scalar', 'simd128', 'relaxed'], t);
    exports.limit(2);
    assert.equal(exports.threads(), 2);
    assert.equal(exports.together(2), 2);
    assert.equal(exports.wrong_jobs(2000), 0);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});
