// What a page's downloads do when the server does wrong: data.js runs here as it does in the page, against a server
// whose every fault is made on purpose. No browser needed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { fetchManifest, fetchPart } from '../../www/core/data.js';
import { sentences } from '../../www/ui/strings/en.js';

const body = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251));
const other = Buffer.from(body).reverse();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const part = { file: 'shard-0123456789abcdef.bin', bytes: body.length, sha256: sha256(body) };
const quick = { patience: 800, pause: 1 };

let server, url;
let answers; // one a request, the last for all that follow
let asked; // the requests' Cache-Control headers

before(async () => {
  server = createServer((request, response) => {
    asked.push(request.headers['cache-control'] ?? '');
    (answers.length > 1 ? answers.shift() : answers[0])(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${server.address().port}/${part.file}`;
});
beforeEach(() => (asked = []));
after(() => (server.closeAllConnections(), server.close()));

const send =
  (bytes, headers = {}) =>
  (response) =>
    response.writeHead(200, { 'content-type': 'application/octet-stream', ...headers }).end(bytes);
const status = (code) => (response) => response.writeHead(code, { 'content-type': 'text/html' }).end('<h1>no</h1>');
const cut = (response) => {
  response.writeHead(200, { 'content-length': body.length });
  response.write(body.subarray(0, 30_000), () => response.destroy());
};
const stall = (response) => response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 30_000));
const flipped = Buffer.from(body);
flipped[50_000] ^= 1;

const fetched = (...list) => {
  answers = list;
  return fetchPart(url, part, quick);
};
const fault = async (...list) => {
  const error = await fetched(...list).then(
    () => assert.fail('it must not succeed'),
    (error) => error,
  );
  // The sentence that the visitor reads has every place filled in.
  const sentence = sentences[`error_${error.code}`]?.replace(
    /\{(\w+)\}/g,
    (_, name) => error.details[name] ?? assert.fail(`${error.code} has no ${name}`),
  );
  assert.ok(sentence, `there is a sentence for ${error.code}`);
  return { code: error.code, sentence, times: asked.length };
};

test('a whole file is taken as it is', async () => {
  assert.deepEqual(Buffer.from(await fetched(send(body))), body);
  assert.equal(asked.length, 1);
});

for (const [name, answer, says] of [
  ['truncated', send(body.subarray(0, 99_999)), '99999 bytes'],
  ['too long', send(Buffer.concat([body, body])), 'bytes or more'],
  ['empty', send(''), '0 bytes'],
  ['corrupted', send(flipped), sha256(flipped).slice(0, 12)],
  ['swapped for another of its length', send(other), sha256(other).slice(0, 12)],
]) {
  test(`a file that is ${name} is fetched once more, past the cache, and then named`, async () => {
    const { code, sentence, times } = await fault(answer);
    assert.deepEqual({ code, times }, { code: 'mismatch', times: 2 });
    assert.ok(sentence.includes(part.file) && sentence.includes(says), sentence);
    if (says.length === 12) assert.ok(sentence.includes(part.sha256.slice(0, 12)), sentence);
    assert.match(asked[1], /no-cache/);
    assert.deepEqual(Buffer.from(await fetched(answer, send(body))), body, 'a second answer that is right heals it');
  });
}

test('a missing file is named with the status, at once', async () => {
  const { code, sentence, times } = await fault(status(404));
  assert.deepEqual({ code, times }, { code: 'status', times: 1 });
  assert.ok(sentence.includes(part.file) && sentence.includes('404'), sentence);
});

for (const code of [500, 503, 429]) {
  test(`a server in trouble (${code}) is asked again, and then named`, async () => {
    const failed = await fault(status(code));
    assert.deepEqual({ code: failed.code, times: failed.times }, { code: 'status', times: 4 });
    assert.ok(failed.sentence.includes(String(code)), failed.sentence);
    assert.deepEqual(Buffer.from(await fetched(status(code), status(code), send(body))), body);
  });
}

test('a web page in place of a file is seen for what it is', async () => {
  const html = send('<!doctype html><title>Shop</title>', { 'content-type': 'text/html; charset=utf-8' });
  const { code, sentence, times } = await fault(html);
  assert.deepEqual({ code, times }, { code: 'page', times: 2 });
  assert.ok(sentence.includes('web page'), sentence);
});

for (const [name, answer] of [
  ['cut', cut],
  ['stalled', stall],
]) {
  test(`a connection that is ${name} is taken up again, and then told`, async () => {
    assert.deepEqual(Buffer.from(await fetched(answer, answer, send(body))), body);
    asked = [];
    const { code, times } = await fault(answer);
    assert.deepEqual({ code, times }, { code: 'network', times: 4 });
  });
}

/**
 * A clock that stands still but for `pass`, for those who wait `span` ms; everybody else, as fetch itself, has the usual
 * one. `back` takes it away.
 */
function stillClock(span) {
  const { setTimeout, clearTimeout } = globalThis;
  const waiting = new Map();
  let [now, next] = [0, -1];
  const wait = (call) => (waiting.set(next, { call, at: now + span }), next--);
  globalThis.setTimeout = (call, ms, ...rest) => (ms === span ? wait(call) : setTimeout(call, ms, ...rest));
  globalThis.clearTimeout = (id) => waiting.delete(id) || clearTimeout(id);
  const pass = (ms) => {
    now += ms;
    for (const [id, { call, at }] of [...waiting]) if (at <= now) (waiting.delete(id), call());
  };
  return { pass, back: () => Object.assign(globalThis, { setTimeout, clearTimeout }) };
}

test('a slow connection is waited for as long as anything arrives', async () => {
  const clock = stillClock(quick.patience);
  let [connection, sent] = [null, 0];
  const more = () => connection.write(body.subarray(sent, (sent += 10_000)));
  // Ten pieces, each of which comes shortly before a silence has lasted too long.
  const onBytes = (bytes) => {
    if (bytes < sent) return; // the rest of a piece is on its way
    clock.pass(quick.patience - 1);
    if (sent < body.length) more();
  };
  answers = [
    (response) => ((connection = response.writeHead(200, { 'content-length': body.length })), more()),
    status(404),
  ];
  try {
    assert.deepEqual(Buffer.from(await fetchPart(url, part, { ...quick, onBytes })), body);
  } finally {
    clock.back();
  }
  assert.equal(asked.length, 1);
});

test('no server at all is a broken connection', async () => {
  const gone = await fetchPart('http://127.0.0.1:1/x', part, quick).catch((error) => error);
  assert.equal(gone.code, 'network');
});

test('a length that nobody can hold is refused before it is allocated', async () => {
  for (const bytes of [2 ** 40, Infinity, -1, undefined, '9'.repeat(30)]) {
    answers = [send(body)];
    const error = await fetchPart(url, { ...part, bytes }, quick).catch((error) => error);
    assert.equal(error.code, 'mismatch', String(bytes));
  }
  assert.equal(asked.length, 0, 'it is not even asked for');
});

test('a visitor who pauses stops it at once, whatever goes on', async () => {
  for (const answer of [stall, status(503)]) {
    answers = [answer];
    const stop = new AbortController();
    const waiting = fetchPart(url, part, { patience: 60_000, pause: 60_000, signal: stop.signal });
    const before = asked.length;
    while (asked.length === before) await new Promise((resolve) => setImmediate(resolve)); // the server has it
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
  }
});

test('what the device kept is checked again, and a damaged copy is fetched anew', async () => {
  const dropped = [];
  const kept = new Map([[part.sha256, new Uint8Array(flipped)]]);
  const store = {
    get: async ({ sha256 }) => kept.get(sha256) ?? null,
    put: async ({ sha256 }, bytes) => kept.set(sha256, bytes),
    drop: async ({ sha256 }) => (dropped.push(sha256), kept.delete(sha256)),
  };
  answers = [send(body)];
  assert.deepEqual(Buffer.from(await fetchPart(url, part, { ...quick, store })), body);
  assert.deepEqual(dropped, [part.sha256]);
  answers = [status(500)];
  assert.deepEqual(Buffer.from(await fetchPart(url, part, { ...quick, store })), body, 'the good copy needs no server');
});

test('a manifest is asked for past the cache, and must be one that this page reads', async () => {
  const manifest = async (...list) => {
    answers = list.map((answer) =>
      typeof answer === 'string' ? send(answer, { 'content-type': 'application/json' }) : answer,
    );
    asked = [];
    return fetchManifest(url.replace(part.file, 'catalog.json'), 'vitrine-catalog', quick);
  };
  const good = '{"format":"vitrine-catalog","version":1}';
  assert.equal((await manifest(good)).manifest.version, 1);
  assert.match(asked[0], /no-cache|max-age=0/);
  assert.equal((await manifest(status(503), stall, good)).text, good);
  for (const [answer, code, times] of [
    ['{"format":"vitrine-catalog","version":99}', 'version', 1],
    ['{"format":"vitrine-catalog","version":0}', 'version', 1],
    ['{"format":"vitrine-catalog"}', 'version', 1],
    ['{"format":"other","version":1}', 'mismatch', 1],
    ['null', 'mismatch', 1],
    ['{"format":"vitrine-cat', 'mismatch', 2],
    [status(404), 'status', 1],
    [send('<html>', { 'content-type': 'text/html' }), 'page', 2],
    [cut, 'network', 3],
  ]) {
    const error = await manifest(answer).then(
      () => assert.fail(),
      (error) => error,
    );
    assert.equal(error.code, code, String(answer));
    if (code !== 'mismatch') assert.equal(asked.length, times, code);
  }
});
