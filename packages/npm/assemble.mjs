// Puts the folders of the npm packages together, for `npm pack`:
//   node packages/npm/assemble.mjs FOLDER                   vitrine: module, element, Node API, launcher
//   node packages/npm/assemble.mjs FOLDER TARGET UNPACKED   vitrine-<platform>: the program of a release archive
// Version and platforms come from Cargo.toml and packages/platforms.json.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file) => readFileSync(path.join(root, file), 'utf8');
const version = read('Cargo.toml').match(/^version = "(.*)"$/m)[1];
const platforms = JSON.parse(read('packages/platforms.json'));
const licenses = readdirSync(root).filter((file) => file.startsWith('LICENSE'));
/** What the page's folder gives to the package. */
const ofPage = ['embed', 'core', 'ui', 'pkg', 'worker.js', 'pool.js'];
/** What a release archive gives to a platform's package; the trainer stays behind. */
const ofArchive = ['vitrine', 'vitrine-demo-catalog', 'www', 'models'];

const stop = (message) => {
  console.error(message);
  process.exit(1);
};

const json = (folder, name, value) => writeFileSync(path.join(folder, name), `${JSON.stringify(value, null, 2)}\n`);

function copy(from, names, to) {
  for (const name of names) cpSync(path.join(from, name), path.join(to, name), { recursive: true });
}

/** Registries that show where a package was built compare this with the build's own. */
function repository() {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env;
  return server && name ? { repository: { type: 'git', url: `git+${server}/${name}.git` } } : {};
}

/** A build of the page's program, in pkg/<name>/, as `vitrine site` describes it. */
function build(folder, name) {
  const file = `pkg/${name}/vitrine_bg.wasm`;
  const bytes = readFileSync(path.join(folder, file));
  const needs = JSON.parse(readFileSync(path.join(folder, `pkg/${name}/needs.json`), 'utf8'));
  return { name, file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), needs };
}

function main(folder) {
  const www = path.join(root, 'www');
  const names = existsSync(path.join(www, 'pkg')) ? readdirSync(path.join(www, 'pkg')) : [];
  const builds = names.map((name) => build(www, name)).sort((a, b) => b.needs.length - a.needs.length); // the fastest first
  if (builds.at(-1)?.needs.length !== 0)
    stop(`packing: expected a wasm build that needs nothing in ${www}/pkg, got none; run ./build.sh wasm first`);
  copy(www, ofPage, folder);
  copy(root, licenses, folder);
  copy(path.join(root, 'packages/npm'), ['bin', 'node', 'README.md'], folder);
  json(folder, 'site.json', { wasm: builds });
  const optionalDependencies = Object.fromEntries(platforms.map(({ npm }) => [`vitrine-${npm}`, version]));
  const { name, ...rest } = JSON.parse(read('packages/npm/package.json'));
  json(folder, 'package.json', { name, version, ...rest, ...repository(), optionalDependencies });
}

function platform(folder, target, unpacked) {
  const found = platforms.find((one) => one.target === target);
  if (!found) stop(`packing: expected one of ${platforms.map((one) => one.target).join(', ')}, got ${target}`);
  const [os, cpu] = found.npm.split('-');
  const named = (name) => (os === 'win32' && name.startsWith('vitrine') ? `${name}.exe` : name);
  copy(unpacked, [...ofArchive.map(named), ...licenses], folder);
  const [license, description] = ['MIT OR Apache-2.0', `The program of vitrine for ${found.npm}`];
  const libc = found.libc ? { libc: [found.libc] } : {};
  json(folder, 'package.json', {
    ...{ name: `vitrine-${found.npm}`, version, description, license, os: [os], cpu: [cpu], ...libc },
    ...{ preferUnplugged: true, ...repository() },
  });
}

const [folder, target, unpacked] = process.argv.slice(2);
if (!folder || (target && !unpacked)) stop('usage: node packages/npm/assemble.mjs FOLDER [TARGET UNPACKED]');
rmSync(folder, { recursive: true, force: true });
if (target) platform(folder, target, unpacked);
else main(folder);
