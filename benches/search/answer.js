// What the sides share: `side` is {prepare(job, vectors), query(row) → rows}; `prepare` answers with its milliseconds.
export function answer(side) {
  let warm = 0;
  async function prepare(job) {
    const vectors = new Float32Array(await (await fetch(`/vectors/${job.file}`)).arrayBuffer());
    const start = performance.now();
    await side.prepare(job, vectors);
    const ms = performance.now() - start;
    for (; warm < 10; warm++) await side.query(warm);
    return ms;
  }
  async function query(row) {
    const start = performance.now();
    const found = await side.query(row);
    return { ms: performance.now() - start, found };
  }
  addEventListener('message', ({ data }) => {
    const work = data.prepare ? prepare(data.prepare) : query(data.query);
    work.then((result) => postMessage({ result }), (error) => postMessage({ error: String(error.stack ?? error) }));
  });
}
