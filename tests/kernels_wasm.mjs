// The kernels' case table in WebAssembly: without vectors, with simd128, and with relaxed SIMD where this engine has
// it. Every instruction set must agree with its scalar twin, as natively.
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

/** Runs the table and returns its report, line by line. */
function run(bytes) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  const length = exports.run();
  const text = new Uint8Array(exports.memory.buffer, exports.report(), length);
  return new TextDecoder().decode(text).trim().split('\n');
}

const builds = [
  { name: 'plain', features: '-simd128', sets: ['scalar'] },
  { name: 'baseline', features: '+simd128', sets: ['scalar', 'simd128'] },
  { name: 'relaxed', features: '+simd128,+relaxed-simd', sets: ['scalar', 'simd128'] },
];

for (const { name, features, sets } of builds) {
  test(`kernels of the ${name} build agree with their scalar twins`, (t) => {
    const bytes = build(name, features);
    if (!WebAssembly.validate(bytes)) {
      assert.equal(name, 'relaxed', 'only relaxed SIMD may be unknown to the engine');
      return t.skip('this engine has no relaxed SIMD');
    }
    const lines = run(bytes);
    assert.deepEqual(lines.filter((line) => line.startsWith('!')), []);
    const counts = new Map(lines.map((line) => line.split(' ')));
    for (const set of sets) {
      assert.ok(Number(counts.get(set)) > 900, `${set} ran ${counts.get(set)} cases`);
    }
    // byte dot products are used only on engines where they are exact, so whether they ran is theirs to say
    t.diagnostic(lines.join(', '));
  });
}
