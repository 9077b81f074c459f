// Shows that the tests see faults: makes each deliberate fault of mutants.txt in a copy of the tree, runs the tests that
// should catch it, and prints which did. A fault that no test catches fails the run, as does one whose text is gone.
//
//   node tests/mutants.mjs [WORD]...    only faults whose name or test contains one of the words
//
// The copy and what is compiled for it stay in target/mutants, so that the next run compiles little.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const home = path.join(root, 'target/mutants');
const tree = path.join(home, 'tree');
// nothing here needs the last of speed, and most of the time goes into compiling
const plain = '[profile.release.package.vitrine]\nopt-level = 1\n';
const env = { ...process.env, CARGO_INCREMENTAL: '1', CARGO_TARGET_DIR: path.join(home, 'target'), RUST_BACKTRACE: '0' };

/** What a program prints and how it ends; one that hangs for ten minutes is ended. */
function run(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: tree, env, encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 28 });
  return { ok: status === 0, hung: error?.code === 'ETIMEDOUT', text: `${stdout}\n${stderr}` };
}

/** The faults: {name, file, test, before, after}. */
function read(text) {
  return text.split(/^=== /m).slice(1).map((block) => {
    const [name, ...lines] = block.trimEnd().split('\n');
    const header = (key) => lines.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2);
    const marked = (mark) => lines.filter((line) => line === mark || line.startsWith(`${mark} `)).map((line) => line.slice(2)).join('\n');
    const fault = { name, file: header('file'), test: header('test'), before: marked('-'), after: marked('+') };
    if (!fault.file || !fault.test || !fault.before) throw new Error(`${name}: expected file, test and the text to change`);
    return fault;
  });
}

/** Writes a file of the copy only where it differs, so that cargo and rustc see what has changed. */
function put(file, content) {
  const to = path.join(tree, file);
  if (existsSync(to) && readFileSync(to).equals(content)) return;
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, content);
}

/** Makes the copy the working tree's files, and nothing else. */
function copy() {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (listed.status !== 0) throw new Error('expected a git checkout; clone the project and run this there');
  const files = new Set(listed.stdout.split('\0').filter((file) => file && existsSync(path.join(root, file))));
  for (const file of files) put(file, readFileSync(path.join(root, file)));
  const kept = path.join(home, 'files.json');
  const before = existsSync(kept) ? JSON.parse(readFileSync(kept)) : [];
  for (const file of before.filter((file) => !files.has(file))) rmSync(path.join(tree, file), { force: true });
  writeFileSync(kept, JSON.stringify([...files]));
}

/** Builds and runs a test: `kernels` is the table of the kernels alone, anything else are arguments of `cargo test`. */
function judge(test) {
  const [which, ...filter] = test.split(' -- ');
  if (which === 'kernels') {
    // a name of this run's own: what an earlier, stopped run still compiles must not take its place
    const binary = path.join(home, `kernels-${process.pid}`);
    const built = run('rustc', ['--edition', '2024', '--test', '--cfg', 'feature="alone"', '-C', 'opt-level=1', '-A', 'warnings', '-C', `incremental=${home}/incremental`, '-o', binary, 'tests/kernels/native.rs']);
    return built.ok ? run(binary, []) : { ...built, unbuilt: true };
  }
  const args = ['test', '--locked', '--release', '--features', 'cli,gpu', ...which.split(' ')];
  const built = run('cargo', [...args, '--no-run']);
  return built.ok ? run('cargo', [...args, '--', ...filter]) : { ...built, unbuilt: true };
}

/** How many tests a run had. */
const count = (text) => [...text.matchAll(/^running (\d+) tests?$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);

const words = process.argv.slice(2);
const all = read(readFileSync(path.join(root, 'tests/mutants.txt'), 'utf8'));
const faults = all.filter(({ name, test }) => !words.length || words.some((word) => name.includes(word) || test.includes(word)));
mkdirSync(path.join(home, '.cargo'), { recursive: true });
// not an argument: tests that build programs have the same
writeFileSync(path.join(home, '.cargo/config.toml'), plain);
copy();
// what the project has compiled of others need not be compiled again
if (!existsSync(env.CARGO_TARGET_DIR) && existsSync(path.join(root, 'target/release')) && faults.some(({ test }) => test !== 'kernels')) {
  cpSync(path.join(root, 'target/release'), path.join(env.CARGO_TARGET_DIR, 'release'), { recursive: true, preserveTimestamps: true });
}
const wrong = [];
for (const { name, file, before } of faults) {
  const times = readFileSync(path.join(tree, file), 'utf8').split(before).length - 1;
  if (times !== 1) wrong.push(`${name}: expected its text once in ${file}, got it ${times} times; update tests/mutants.txt`);
}
if (new Set(all.map(({ name }) => name)).size !== all.length) wrong.push('two faults have the same name');
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
let caught = 0;
for (const test of new Set(faults.map(({ test }) => test))) {
  const sound = judge(test);
  if (!sound.ok || count(sound.text) === 0) {
    console.error(`${test}: expected tests that pass before a fault is made, got\n${sound.text.slice(-4000)}`);
    process.exit(1);
  }
  for (const { name, file, before, after } of faults.filter((fault) => fault.test === test)) {
    const original = readFileSync(path.join(tree, file), 'utf8');
    put(file, Buffer.from(original.replace(before, () => after)));
    const { ok, hung, unbuilt, text } = judge(test);
    put(file, Buffer.from(original));
    const by = [...new Set([...text.matchAll(/^test (\S+) .*FAILED$/gm)].map(([, name]) => name))];
    const seen = !unbuilt && !ok;
    caught += seen;
    const how = unbuilt ? `NOT COMPILED: ${text.match(/^error.*/m)?.[0]}` : ok ? 'SURVIVED' : hung ? 'it hangs' : by.join(', ') || 'it ends at once';
    if (!seen) process.exitCode = 1;
    console.log(`${name.padEnd(52)} ${how}`);
  }
}
rmSync(path.join(home, `kernels-${process.pid}`), { force: true });
console.log(`${caught} / ${faults.length} caught`);
