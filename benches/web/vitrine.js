// The page's side: the shipped program with a model folder of the same shapes and weights. What is timed is what the
// engine itself says it spent on the encoder, the head's projection and pool included; decoding a photo is not.
let program, engine, photo, text;

async function prepare({ build, threads, folder, photo: wantsPhoto, tokens }) {
  const script = `/site/pkg/${build}/vitrine.js`;
  program = await import(script);
  const module = await WebAssembly.compileStreaming(fetch(`/site/pkg/${build}/vitrine_bg.wasm`));
  const { memory } = await program.default({ module_or_path: module });
  for (let index = 0; index + 1 < threads; index++) {
    const worker = new Worker('/site/pool.js', { type: 'module' });
    worker.postMessage({ bindings: script, module, memory, index });
  }
  while (program.threads() < threads) await new Promise((resolve) => setTimeout(resolve, 5));
  const bytes = async (file) => new Uint8Array(await (await fetch(`/models/${folder}/${file}`)).arrayBuffer());
  const json = await (await fetch(`/models/${folder}/model.json`)).text();
  engine = new program.Vitrine();
  engine.load_model(json);
  const wanted = wantsPhoto ? ['fusion', 'image'] : ['tokenizer', 'fusion', 'text'];
  for (const { part, file } of JSON.parse(json).parts) if (wanted.includes(part)) engine.load_part(part, await bytes(file));
  if (wantsPhoto) {
    const canvas = new OffscreenCanvas(224, 224);
    const context = canvas.getContext('2d');
    for (let i = 0; i < 64; i++) {
      context.fillStyle = `hsl(${i * 47} 70% 50%)`;
      context.fillRect((i % 8) * 28, Math.floor(i / 8) * 28, 28, 28);
    }
    photo = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer());
  } else {
    // short words are one token each; two tokens mark beginning and end
    text = Array.from({ length: tokens - 2 }, (_, i) => ['red', 'dress', 'with', 'long'][i % 4]).join(' ');
  }
  for (let run_ = 0; run_ < 10; run_++) await run();
}

async function run() {
  const ms = await engine.timings(text, photo);
  return photo ? ms.image : ms.text;
}

addEventListener('message', ({ data }) => {
  const work = data.prepare ? prepare(data.prepare) : run();
  work.then((result) => postMessage({ result }), (error) => postMessage({ error: String(error.stack ?? error) }));
});
