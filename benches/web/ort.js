// onnxruntime-web's side: one session, one input.
import * as ort from '/ort/ort.wasm.min.mjs';

let session, inputs;

async function prepare({ model, threads, photo, tokens }) {
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = '/ort/';
  session = await ort.InferenceSession.create(`/models/${model}.int8.onnx`, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
  if (photo) {
    const patches = Float32Array.from({ length: 196 * 768 }, (_, i) => Math.sin(i * 0.731));
    inputs = { patches: new ort.Tensor('float32', patches, [1, 196, 768]) };
  } else {
    const numbers = (value) => new ort.Tensor('int64', BigInt64Array.from({ length: tokens }, (_, i) => BigInt(value(i))), [1, tokens]);
    inputs = { input_ids: numbers((i) => 100 + i), attention_mask: numbers(() => 1) };
  }
  for (let run = 0; run < 10; run++) await session.run(inputs);
}

async function run() {
  const start = performance.now();
  await session.run(inputs);
  return performance.now() - start;
}

addEventListener('message', ({ data }) => {
  const work = data.prepare ? prepare(data.prepare) : run();
  work.then((result) => postMessage({ result }), (error) => postMessage({ error: String(error.stack ?? error) }));
});
