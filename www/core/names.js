// Names of files in manifests, which may come from anywhere: none is joined to an address before it was looked at here.
// The rule is the one of src/hash.rs; tests/names.json holds the cases for both.

/** Pieces of lower-case letters, digits, - and _ between single dots, and no name that Windows keeps for a device. */
const plain = /^(?!(con|prn|aux|nul|com\d|lpt\d)(\.|$))(?=.{1,128}$)[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$/;

/** Whether a name is that of one file right beside its manifest. */
export const isFileName = (/** @type {unknown} */ name) => typeof name === 'string' && plain.test(name);

/** Whether a name is that of a photo in a catalog's folder of photos. */
export const isPhotoName = (/** @type {unknown} */ name) =>
  typeof name === 'string' && isFileName(name) && /\.(jpe?g|png|webp)$/.test(name);

/** Whether a name is that of a folder right beside its manifest, with a slash at its end. */
export const isFolderName = (/** @type {unknown} */ name) =>
  typeof name === 'string' && /\/$/.test(name) && isFileName(name.slice(0, -1));

/** Whether a name is that of a file in folders beside its manifest, such as the program's. */
const isPath = (/** @type {unknown} */ name) => typeof name === 'string' && name.split('/').every(isFileName);

const isHash = (/** @type {unknown} */ text) => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);

/** What a manifest says that leads elsewhere, or null. `isSite`: it is site.json, whose program lies in folders. @param {any} manifest @param {boolean} isSite */
export function badName(manifest, isSite) {
  const { logo, catalog, model, photos } = manifest ?? {};
  const rules = { file: isSite ? isPath : isFileName, sha256: isHash };
  /** @type {[unknown, (name: unknown) => boolean][]} */
  const named = isSite
    ? [
        [logo, isFileName],
        [catalog, isFolderName],
        [model, isFolderName],
      ]
    : [[photos, isFolderName]];
  // every other name stands under the key `file`, wherever that is, beside the hash under which it is kept
  const rest = [manifest];
  while (rest.length) {
    const value = rest.pop();
    if (value === null || typeof value !== 'object') continue;
    for (const [key, rule] of Object.entries(rules)) if (Object.hasOwn(value, key)) named.push([value[key], rule]);
    for (const inner of Object.values(value)) rest.push(inner);
  }
  const bad = named.find(([name, rule]) => name !== undefined && name !== null && !rule(name));
  return bad ? String(bad[0]).slice(0, 80) : null;
}

/**
 * Names from an address, a catalog or a page around an element: what `object` itself holds under `name`, and never what
 * every object inherits, such as `constructor`.
 * @template T
 * @param {Record<string, T> | null | undefined} object
 * @param {string} name
 * @returns {T | undefined}
 */
export const held = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);
