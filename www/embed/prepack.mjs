// Run by `npm pack`: writes site.json beside worker.js, which names the wasm and vouches for it, as `vitrine site` does
// for a site. `--undo` takes it away again.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const here = (file) => new URL(`../${file}`, import.meta.url);

if (process.argv.includes('--undo')) {
  rmSync(here('site.json'), { force: true });
} else {
  const file = 'pkg/vitrine_bg.wasm';
  if (!existsSync(here(file))) {
    console.error(`packing: expected the wasm build at ${here(file).pathname}, got none; run ./build.sh wasm first`);
    process.exit(1);
  }
  const bytes = readFileSync(here(file));
  const wasm = { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  writeFileSync(here('site.json'), `${JSON.stringify({ wasm }, null, 2)}\n`);
}
