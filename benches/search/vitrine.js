// The shipped program: the vectors as shards of a catalog, asked for the neighbours of a row.
import { answer } from './answer.js';
import { catalog } from './catalog.mjs';

let engine, k;

async function start({ build, threads }) {
  const script = `/site/pkg/${build}/vitrine.js`;
  const program = await import(script);
  const module = await WebAssembly.compileStreaming(fetch(`/site/pkg/${build}/vitrine_bg.wasm`));
  const { memory } = await program.default({ module_or_path: module });
  for (let index = 0; index + 1 < threads; index++) {
    new Worker('/site/pool.js', { type: 'module' }).postMessage({ bindings: script, module, memory, index });
  }
  while (program.threads() < threads) await new Promise((resolve) => setTimeout(resolve, 5));
  return program;
}

answer({
  async prepare(job, vectors) {
    const program = await start(job);
    const { manifest, shards } = await catalog(vectors, job.n, job.d);
    engine = new program.Vitrine();
    engine.open_catalog(JSON.stringify(manifest));
    for (const { file, bytes } of shards) engine.add_shard(file, bytes);
    while (!engine.prepare(2000));
    k = job.k;
  },
  query: (row) => engine.neighbours(row, k, undefined).map((hit) => hit.row),
});
