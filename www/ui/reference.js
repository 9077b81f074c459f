// What a visitor searches with besides words: a photo, a product, or a part of one.
import { language, size, t } from './i18n.js';
import { learnPanels } from './language.js';
import { sentence } from './notices.js';
import { verified } from './verified.js';
import { fetchPhoto } from '../core/data.js';

const keptPhotos = 6; // as many as the worker keeps; more would fill the memory of somebody who tries one after the other
const keptCrops = 6;

/** Lets the oldest go. */
function shorten(map, most) {
  for (const [key, { source }] of [...map].slice(0, -most)) {
    URL.revokeObjectURL(source);
    map.delete(key);
  }
}

async function photoReader() {
  await verified('ui/photo');
  return import('./photo.js');
}

async function cropper() {
  await Promise.all([verified('ui/crop'), learnPanels(language)]);
  return import('./crop.js');
}

export class References {
  /** key → {source, title, bytes} of this tab's own photos */
  photos = new Map();
  /** part of a photo → its own bytes and address */
  crops = new Map();

  constructor(app) {
    this.app = app;
  }

  /** Takes up the photo that this tab had before it was loaded anew. */
  async recall(key) {
    if (!key || this.photos.has(key)) return;
    const { photoOfTab } = await photoReader();
    const bytes = photoOfTab(this.app.base, key);
    if (bytes) this.put(key, new Blob([bytes]), bytes);
  }

  put(key, blob, bytes) {
    this.photos.set(key, { source: URL.createObjectURL(blob), title: t('your_photo'), own: true, bytes });
    shorten(this.photos, keptPhotos);
  }

  /** {source, title} of what a state searches with, or null. */
  of({ photo, row }) {
    if (photo) return this.photos.get(photo);
    if (row === null) return null;
    const { catalog } = this.app;
    const item = catalog.items[row];
    return { source: catalog.photo(item), title: item.title, blob: item.blob };
  }

  async add(file) {
    const alert = (text) => this.app.notice('photo', { text, dismiss: true, alert: true });
    const reader = await photoReader().catch((error) => alert(sentence(error)));
    if (!reader) return;
    const { keepInTab, photoBytes, photoLimit } = reader;
    if (file.size > photoLimit) return alert(t('error_photo_size', { size: size(file.size), limit: size(photoLimit) }));
    const bytes = await photoBytes(file);
    if (!bytes) return alert(t('error_photo_type'));
    const key = `photo-${Date.now()}`;
    this.put(key, file, bytes);
    keepInTab(this.app.base, key, bytes);
    this.app.change({ photo: key, like: null, mix: 0.5, item: null });
    this.app.top();
  }

  /** The part of the photo that the visitor chose, in place of the whole. */
  async cropped(reference, crop) {
    if (!reference || !crop) return reference;
    const key = `${reference.source} ${crop}`;
    if (!this.crops.has(key)) {
      const { cutOut } = await cropper();
      this.crops.set(key, await cutOut(await this.bytesOf(reference), crop));
      shorten(this.crops, keptCrops);
    }
    return { ...reference, ...this.crops.get(key) };
  }

  async choose(reference, crop) {
    try {
      const { chooseCrop } = await cropper();
      chooseCrop(reference.source, crop, (chosen) => this.app.change({ crop: chosen }));
    } catch (error) {
      this.app.notice('photo', { text: sentence(error), retry: () => this.choose(reference, crop), alert: true });
    }
  }

  /** A copy of the bytes of a part of a photo, a private photo, or a product's. */
  async bytesOf({ bytes, blob, source }) {
    if (bytes) return bytes.slice();
    return blob ? new Uint8Array(await blob.arrayBuffer()) : fetchPhoto(source);
  }
}
