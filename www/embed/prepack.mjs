// Run by `npm pack`: writes site.json beside worker.js, which names the builds of the program and vouches for them, as
// `vitrine site` does for a site. `--undo` takes it away again.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

const here = (file) => new URL(`../${file}`, import.meta.url);

/** A build of the program, in pkg/<name>/. */
function describe(name) {
  const file = `pkg/${name}/vitrine_bg.wasm`;
  const bytes = readFileSync(here(file));
  const needs = JSON.parse(readFileSync(here(`pkg/${name}/needs.json`), 'utf8'));
  return { name, file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), needs };
}

if (process.argv.includes('--undo')) {
  rmSync(here('site.json'), { force: true });
} else {
  const names = existsSync(here('pkg')) ? readdirSync(here('pkg')) : [];
  const builds = names.map(describe).sort((a, b) => b.needs.length - a.needs.length); // the fastest first
  if (builds.at(-1)?.needs.length !== 0) {
    console.error(
      `packing: expected a wasm build that needs nothing in ${here('pkg/').pathname}, got none; run ./build.sh wasm first`,
    );
    process.exit(1);
  }
  writeFileSync(here('site.json'), `${JSON.stringify({ wasm: builds }, null, 2)}\n`);
}
