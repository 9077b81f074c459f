// A ZIP archive without compression: photos are compressed already, and the archive is made of the files as they lie,
// so that it need not fit into memory. Format: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16.

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

/** Little-endian fields: [value, bytes] each. */
function fields(...pairs) {
  const view = new DataView(new ArrayBuffer(pairs.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of pairs) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return view.buffer;
}

/** `files`: [[name, Blob | Uint8Array], …], fewer than 65,536 and 4 GB in all. */
export async function zip(files) {
  const [body, directory] = [[], []];
  let offset = 0;
  for (const [name, content] of files) {
    const blob = new Blob([content]);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const label = new TextEncoder().encode(name);
    const described = [[20, 2], [utf8Names, 2], [0, 2], [0, 2], [newYear1980, 2], [crc, 4], [blob.size, 4], [blob.size, 4], [label.length, 2], [0, 2]];
    body.push(fields([0x04034b50, 4], ...described), label, blob);
    directory.push(fields([0x02014b50, 4], [20, 2], ...described, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), label);
    offset += 30 + label.length + blob.size;
  }
  const listed = new Blob(directory);
  const end = fields([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [listed.size, 4], [offset, 4], [0, 2]);
  return new Blob([...body, listed, end], { type: 'application/zip' });
}
