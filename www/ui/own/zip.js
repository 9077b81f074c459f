// A ZIP archive without compression: photos are compressed already, and the archive is made of the files as they lie,
// so that it need not fit into memory. Format: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16 and 4.5.3.

const table = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const utf8Names = 0x0800;
const newYear1980 = 0x21; // the oldest date the format knows: equal files make equal archives

const most16 = 0xffff; // what stands in a field whose value is in the larger record of ZIP64
const most32 = 0xffffffff;

/** Little-endian fields: [value, bytes] each. A value that does not fit is an error, never another value. */
function fields(...pairs) {
  const view = new DataView(new ArrayBuffer(pairs.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of pairs) {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * bytes))
      throw new RangeError(`ZIP: expected a number of ${bytes} bytes, got ${value}`);
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += bytes;
  }
  return view.buffer;
}

/**
 * The end of an archive: the record that every reader knows and, where a number does not fit into it, the one of ZIP64.
 *
 * @param {number} count files
 * @param {number} size bytes of their list
 * @param {number} offset where the list begins
 */
export function ending(count, size, offset) {
  const small = fields(
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [Math.min(count, most16), 2],
    [Math.min(count, most16), 2],
    [Math.min(size, most32), 4],
    [Math.min(offset, most32), 4],
    [0, 2],
  );
  if (count < most16 && size < most32 && offset < most32) return [small];
  const large = fields(
    [0x06064b50, 4],
    [44, 8],
    [45, 2],
    [45, 2],
    [0, 4],
    [0, 4],
    [count, 8],
    [count, 8],
    [size, 8],
    [offset, 8],
  );
  return [large, fields([0x07064b50, 4], [0, 4], [offset + size, 8], [1, 4]), small];
}

/**
 * A file's line in the list.
 *
 * @param {Array<[number, number]>} described the fields from the version up to the name's length
 * @param {Uint8Array} label
 * @param {number} offset where the file begins
 */
export function listing(described, label, offset) {
  const large =
    offset < most32
      ? []
      : [
          [1, 2],
          [8, 2],
          [offset, 8],
        ];
  const extra = fields(...large);
  return [
    fields(
      [0x02014b50, 4],
      [large.length ? 45 : 20, 2],
      ...described,
      [extra.byteLength, 2],
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 4],
      [Math.min(offset, most32), 4],
    ),
    label,
    extra,
  ];
}

/**
 * @param {Array<[string, Blob | Uint8Array]>} files each below 4 GB and with a name below 64 KB, as many as there are
 * @returns {Promise<Blob>}
 */
export async function zip(files) {
  const [body, directory] = [[], []];
  let offset = 0;
  for (const [name, content] of files) {
    const blob = new Blob([/** @type {BlobPart} */ (content)]);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const label = new TextEncoder().encode(name);
    /** @type {[number, number][]} */
    const described = [
      [20, 2],
      [utf8Names, 2],
      [0, 2],
      [0, 2],
      [newYear1980, 2],
      [crc, 4],
      [blob.size, 4],
      [blob.size, 4],
      [label.length, 2],
    ];
    body.push(fields([0x04034b50, 4], ...described, [0, 2]), label, blob);
    directory.push(...listing(described, label, offset));
    offset += 30 + label.length + blob.size;
  }
  const listed = new Blob(directory);
  return new Blob([...body, listed, ...ending(files.length, listed.size, offset)], { type: 'application/zip' });
}
