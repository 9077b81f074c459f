// Plain JavaScript over float32, with the simplest selection that does not sort everything.
import { answer } from './answer.js';

let all, n, d, k, scores;

answer({
  prepare(job, vectors) {
    [all, n, d, k, scores] = [vectors, job.n, job.d, job.k, new Float32Array(job.n)];
  },
  query(row) {
    const query = all.subarray(row * d, (row + 1) * d);
    for (let i = 0, at = 0; i < n; i++) {
      let score = 0;
      for (let j = 0; j < d; j++, at++) score += all[at] * query[j];
      scores[i] = score;
    }
    scores[row] = -2;
    let best = [];
    let least = -Infinity;
    for (let i = 0; i < n; i++) {
      if (scores[i] <= least) continue;
      best.push(i);
      if (best.length < 2 * k) continue;
      best = best.sort((a, b) => scores[b] - scores[a]).slice(0, k);
      least = scores[best[k - 1]];
    }
    return best.sort((a, b) => scores[b] - scores[a]).slice(0, k);
  },
});
