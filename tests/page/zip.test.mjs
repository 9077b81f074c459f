// Archives beyond the numbers of the old ZIP format: more than 65,535 files, and lists that begin behind 4 GB.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ending, listing, zip } from '../../www/ui/own/zip.js';

const folder = mkdtempSync(join(tmpdir(), 'zip-'));
after(() => rmSync(folder, { recursive: true }));

/** What a reader finds in an archive: the number of files, and the last one's name and bytes. */
function read(path) {
  const script =
    'import sys,zipfile,json; z=zipfile.ZipFile(sys.argv[1]); n=z.namelist(); print(json.dumps([len(n), n[-1], z.read(n[-1]).decode()]))';
  return JSON.parse(execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }));
}

const end = (pieces) => Buffer.concat(pieces.map((piece) => Buffer.from(piece)));

test('an archive of 70,000 files is read whole by others', async (t) => {
  const files = Array.from({ length: 70_000 }, (_, i) => [`photos/${i}.txt`, new TextEncoder().encode(String(i))]);
  const bytes = Buffer.from(await (await zip(files)).arrayBuffer());
  const at = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 6, 6]));
  assert.equal(bytes.readBigUInt64LE(at + 32), 70_000n);
  const path = join(folder, 'many.zip');
  writeFileSync(path, bytes);
  try {
    execFileSync('python3', ['--version']);
  } catch {
    return t.skip('python3 is not here, which reads the archive');
  }
  assert.deepEqual(read(path), [70_000, 'photos/69999.txt', '69999']);
});

for (const [what, count, size, offset, large] of [
  ['no file', 0, 0, 0, false],
  ['65,534 files', 65_534, 10, 10, false],
  ['65,535 files', 65_535, 10, 10, true],
  ['a list behind 4 GB', 2, 100, 2 ** 32 + 5, true],
  ['a list of 4 GB', 2, 2 ** 32 - 1, 10, true],
]) {
  test(`the end of an archive with ${what}`, () => {
    const pieces = ending(count, size, offset);
    assert.equal(pieces.length, large ? 3 : 1);
    const bytes = end(pieces);
    if (!large)
      return assert.deepEqual(
        [bytes.readUInt16LE(10), bytes.readUInt32LE(12), bytes.readUInt32LE(16)],
        [count, size, offset],
      );
    assert.deepEqual(
      [bytes.readBigUInt64LE(32), bytes.readBigUInt64LE(40), bytes.readBigUInt64LE(48)],
      [count, size, offset].map(BigInt),
    );
    assert.equal(bytes.readBigUInt64LE(56 + 8), BigInt(offset + size), 'where the larger record begins');
  });
}

test('a file behind 4 GB is listed with its whole offset, and what fits nowhere is refused', () => {
  const described = [
    [20, 2],
    [0, 2],
    [0, 2],
    [0, 2],
    [0, 2],
    [0, 4],
    [1, 4],
    [1, 4],
    [1, 2],
  ];
  const bytes = end(listing(described, new Uint8Array([97]), 2 ** 33 + 7));
  assert.deepEqual(
    [bytes.readUInt16LE(30), bytes.readUInt32LE(42), bytes.readBigUInt64LE(47 + 4)],
    [12, 0xffffffff, 2n ** 33n + 7n],
  );
  const small = end(listing(described, new Uint8Array([97]), 7));
  assert.deepEqual([small.readUInt16LE(30), small.readUInt32LE(42), small.length], [0, 7, 47]);
  const tooLarge = described.with(6, [2 ** 32, 4]);
  assert.throws(() => listing(tooLarge, new Uint8Array(1), 0), /expected a number of 4 bytes, got 4294967296/);
});
