// Run by `npm pack`: writes site.json beside worker.js, which names the builds of the program and vouches for them, as
// `vitrine site` does for a site. `--undo` takes it away again.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

const here = (file) => new URL(`../${file}`, import.meta.url);

if (process.argv.includes('--undo')) {
  rmSync(here('site.json'), { force: true });
} else {
  const names = existsSync(here('pkg/')) ? readdirSync(here('pkg/')) : [];
  const wasm = names
    .filter((name) => existsSync(here(`pkg/${name}/vitrine_bg.wasm`)))
    .map((name) => {
      const [file, list] = [`pkg/${name}/vitrine_bg.wasm`, here(`pkg/${name}/needs.json`)];
      const bytes = readFileSync(here(file));
      const needs = existsSync(list) || name !== 'baseline' ? JSON.parse(readFileSync(list, 'utf8')) : [];
      return { name, file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), needs };
    })
    .sort((a, b) => b.needs.length - a.needs.length);
  if (wasm.at(-1)?.needs.length !== 0) {
    console.error(`packing: expected the wasm build baseline in ${here('pkg/').pathname}, got none; run ./build.sh wasm first`);
    process.exit(1);
  }
  writeFileSync(here('site.json'), `${JSON.stringify({ wasm }, null, 2)}\n`);
}
