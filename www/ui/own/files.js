// What a visitor dropped or chose → photo files with their paths. Nothing is read here but names and sizes.

const photo = /\.(jpe?g|png|webp|avif|gif|heic|heif|bmp)$/i;

const isPhoto = (file, path) => photo.test(path) || file.type.startsWith('image/');
const hidden = (path) => path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');

/** Same path, size and time: the same file as last time. */
export const identity = ({ path, file }) => `${path}\n${file.size}\n${file.lastModified}`;

export const chosen = (files) =>
  [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })).filter(({ file, path }) => isPhoto(file, path) && !hidden(path));

/**
 * What was dropped, if it is for a collection rather than for one question: a folder, or several photos. Must be asked
 * while the event lasts; what it returns lists the files afterwards.
 */
export function dropped(transfer) {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some(({ isDirectory }) => isDirectory)) return several(transfer);
  return async () => (await Promise.all(entries.map(walk))).flat().filter(({ file, path }) => isPhoto(file, path) && !hidden(path));
}

function several(transfer) {
  const files = chosen(transfer?.files ?? []); // the list is empty once the event is over
  return files.length > 1 ? async () => files : null;
}

async function walk(entry) {
  const path = entry.fullPath.replace(/^\//, '');
  if (hidden(path)) return [];
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path }];
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break; // a folder is told in pieces
    inside.push(...some);
  }
  const found = [];
  for (const each of inside) found.push(...(await walk(each)));
  return found;
}
