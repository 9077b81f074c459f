// The catalog as the page knows it without any model: products, filters with counts, plain word matching,
// and the nearest products that were computed ahead.
import { fetchManifest, fetchPart } from './data.js';
import { held } from './keys.js';
import { isPhotoName } from './names.js';
import { ownId } from './state.js';
import { verified } from './verified.js';

export const fold = (text) => text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');
// "dresses" finds "dress": enough for a stand-in, and never more than a stand-in.
export const stem = (word) => (word.length > 3 ? word.replace(/(?<=s|x|ch|sh)es$|(?<!s)s$/, '') : word);
const tokens = (text) => fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];
/** The words of a product's title and details. */
export const wordsOf = (item) => new Set(tokens(`${item.title} ${Object.values(item.attributes ?? {}).join(' ')}`).map(stem));

const mostTallies = 1000; // a long visit asks for more words than are worth remembering

// What people look for first comes first; the rest stays in the catalog's order.
const first = [/^(category|type|article)/i, /^(base)?colou?r/i, /pattern/i];
// What words can change about the look of a product, as against whom or what it is for.
const looks = /colou?r|pattern|print|sleeve|neck|length|fit|fabric|material|closure|heel|style|shape/i;

// Photos that lead to one page show one product, unless so many do that the page must be the shop's own.
const fewPhotos = 12;

const place = ({ name }) => {
  const at = first.findIndex((pattern) => pattern.test(name));
  return at < 0 ? first.length : at;
};
const inOrder = (facets) => [...facets].sort((a, b) => place(a) - place(b));

export class Catalog {
  constructor(base, manifest, text) {
    this.base = base;
    this.manifest = manifest;
    this.text = text;
    this.items = [];
    this.rowOf = new Map();
    this.links = new Map(); // a product's page → its first row and how many photos lead there
    this.words = [];
    this.tallies = new Map(); // word → how many products' texts hold it, of words that were asked for
    this.near = null;
    this.facets = inOrder(manifest.facets ?? []).map(({ name, values }) => ({
      name,
      values: values.map(({ value }) => value),
      codes: new Map(values.map(({ value }, code) => [value, code])),
      of: [], // row → code of its value, or -1
    }));
  }

  static async open(base) {
    const { manifest, text } = await fetchManifest(new URL('catalog.json', base).href, 'vitrine-catalog');
    if (!manifest.cells) return new Catalog(base, manifest, text);
    await verified('clustered.js');
    const { Clustered } = await import('./clustered.js');
    return new Clustered(base, manifest, text);
  }

  /** Reads the products, shard by shard in row order; `onItems` runs as soon as there is more to show. */
  async load(store, onItems) {
    for (const { items: part } of this.manifest.shards) {
      const bytes = await fetchPart(new URL(part.file, this.base).href, part, { store });
      for (const item of JSON.parse(new TextDecoder().decode(bytes))) this.add(item);
      onItems();
    }
    const part = this.manifest.neighbours;
    if (!part) return;
    const bytes = await fetchPart(new URL(part.file, this.base).href, part, { store });
    if (bytes.length !== 4 * part.k * this.manifest.count) return; // then there are no neighbours to show
    this.near = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  add(item, row = this.items.length) {
    this.items[row] = item;
    this.rowOf.set(item.id, row);
    if (item.link) this.links.set(item.link, { first: this.links.get(item.link)?.first ?? row, n: (this.links.get(item.link)?.n ?? 0) + 1 });
    this.words[row] = wordsOf(item);
    this.tallies.clear();
    for (const facet of this.facets) facet.of[row] = facet.codes.get(held(item.attributes, facet.name)) ?? -1;
  }

  get size() {
    return this.items.length;
  }

  /** Rows whose products are here. */
  known() {
    return this.items.keys();
  }

  /** A visitor's own photos stand behind the catalog's rows: {item, copy} each, the photo as a Blob. */
  addOwn(records) {
    for (const { item, copy } of records) this.add({ ...item, id: ownId(item.id), own: true, blob: copy, source: URL.createObjectURL(copy) });
  }

  clearOwn() {
    const { count } = this.manifest;
    for (const { id, source } of this.items.splice(count)) {
      this.rowOf.delete(id);
      URL.revokeObjectURL(source);
    }
    this.words.length = count;
    this.tallies.clear();
    for (const facet of this.facets) facet.of.length = count;
  }

  photo(item) {
    if (item.own) return item.source;
    if (!isPhotoName(item.photo)) return 'data:,'; // shown as missing, and asked of nobody
    return new URL((this.manifest.photos ?? 'photos/') + item.photo, this.base).href;
  }

  /** Which rows pass the filters and hold none of the words in `without`; null stands for all of them. */
  rows(selected, without = []) {
    const tests = this.tests(selected);
    const banned = without.map((word) => stem(fold(word)));
    if (!tests.length && !banned.length) return null;
    const rows = [];
    for (let row = 0; row < this.size; row++) {
      if (tests.every(({ facet, codes }) => codes.has(facet.of[row])) && !banned.some((word) => this.words[row].has(word))) rows.push(row);
    }
    return Uint32Array.from(rows);
  }

  tests(selected) {
    return this.facets
      .filter(({ name }) => held(selected, name)?.length)
      .map((facet) => ({ facet, codes: new Set(held(selected, facet.name).map((value) => facet.codes.get(value) ?? -2)) }));
  }

  /** How many products each value would show, given the filters chosen in the other groups. */
  counts(selected) {
    const tests = this.tests(selected);
    const counts = new Map(this.facets.map((facet) => [facet.name, new Uint32Array(facet.values.length)]));
    for (let row = 0; row < this.size; row++) {
      const failing = tests.filter(({ facet, codes }) => !codes.has(facet.of[row]));
      if (failing.length > 1) continue;
      for (const facet of this.facets) {
        if (failing.length && failing[0].facet !== facet) continue;
        if (facet.of[row] >= 0) counts.get(facet.name)[facet.of[row]]++;
      }
    }
    return counts;
  }

  /** All rows, or the given ones, for looking around: one of each kind in turn, as a shop window would be dressed. */
  mixed(rows) {
    const kind = this.facet(/^(category|type|article)/i);
    const all = Array.from(rows ?? this.items.keys());
    if (!kind) return all;
    const rounds = new Uint32Array(kind.values.length + 1);
    const round = new Map(all.map((row) => [row, rounds[kind.of[row] + 1]++]));
    return all.sort((a, b) => round.get(a) - round.get(b) || a - b);
  }

  /** The first row of the photos that show the same as this one: copies, by the indexer's measure, or one product's several photos. */
  leader(row) {
    const { link, same_as: same } = this.items[row];
    const shown = this.links.get(link);
    if (shown?.n > 1 && shown.n <= fewPhotos) return shown.first;
    return Number.isInteger(same) && same >= 0 && same < row ? same : row;
  }

  /** How many products' titles and details hold a stem; counted once, since every answer to a question asks again. */
  count(stemmed) {
    if (this.tallies.size >= mostTallies) this.tallies.clear();
    if (!this.tallies.has(stemmed)) this.tallies.set(stemmed, this.words.reduce((n, words) => n + words.has(stemmed), 0));
    return this.tallies.get(stemmed);
  }

  /** Whether any product's title or details hold the word. */
  knows(word) {
    return this.count(stem(fold(word))) > 0;
  }

  /** The share of a text's words that titles and details know. Short words that are everywhere ("with") say nothing. */
  familiar(text) {
    const telling = [...new Set(tokens(text).map(stem))].filter((word) => word.length > 2);
    const said = telling.filter((word) => word.length > 4 || 3 * this.count(word) < this.size);
    return said.length ? said.filter((word) => this.count(word) > 0).length / said.length : 1;
  }

  /** A product's details in the order of the filters. */
  details(item) {
    const attributes = Object.entries(item.attributes ?? {});
    const at = new Map(this.facets.map(({ name }, i) => [name, i]));
    return attributes.sort(([a], [b]) => (at.get(a) ?? at.size) - (at.get(b) ?? at.size));
  }

  /** Products whose title or details hold the words, those with more of them first. */
  match(text, rows, likeRow = null) {
    const wanted = [...new Set(tokens(text).map(stem))];
    const hits = [];
    for (const row of rows ?? this.items.keys()) {
      if (row === likeRow) continue;
      const found = wanted.filter((word) => this.words[row].has(word)).length;
      if (!found) continue;
      const shared = likeRow === null ? 0 : this.shared(row, likeRow);
      hits.push({ row, found, shared });
    }
    return hits.sort((a, b) => b.found - a.found || b.shared - a.shared || a.row - b.row);
  }

  shared(row, other) {
    return this.facets.filter(({ of }) => of[row] >= 0 && of[row] === of[other]).length;
  }

  /** The nearest products as computed ahead: no model, no vectors, only the list. */
  nearest(row, rows) {
    if (!this.near || row >= this.manifest.count) return [];
    const { k } = this.manifest.neighbours;
    const allowed = rows && new Set(rows);
    return Array.from({ length: k }, (_, i) => this.near.getUint32((row * k + i) * 4, true))
      .filter((near) => near < this.size && near !== row && (!allowed || allowed.has(near)))
      .map((near) => ({ row: near }));
  }

  facet(pattern) {
    return this.facets.find(({ name }) => pattern.test(name));
  }

  /** Things this catalog really has, as a visitor might ask for them: "red dress", "striped shirt". */
  examples(count) {
    const kind = this.facet(/^(category|type|article)/i);
    const looks = [this.facet(/colou?r/i), this.facet(/pattern/i)].filter(Boolean);
    if (!kind || !looks.length) return [];
    const tally = new Map();
    for (const row of this.known()) {
      const look = looks[row % looks.length];
      const [a, b] = [look.values[look.of[row]], kind.values[kind.of[row]]];
      if (!a || !b || /^(solid|plain|none|multi)/i.test(a)) continue;
      const phrase = `${a} ${b}`;
      tally.set(phrase, { kind: b, look: a, n: (tally.get(phrase)?.n ?? 0) + 1 });
    }
    const [kinds, seen, chosen] = [new Set(), new Set(), []];
    for (const [phrase, { kind: k, look, n }] of [...tally].sort((a, b) => b[1].n - a[1].n)) {
      if (n < 2 || kinds.has(k) || seen.has(look)) continue;
      kinds.add(k), seen.add(look), chosen.push(phrase);
      if (chosen.length === count) break;
    }
    return chosen;
  }

  byLooks() {
    return [...this.facets].sort((a, b) => looks.test(b.name) - looks.test(a.name));
  }

  /** Values that products of the same kind have and this one has not: what "like this, but…" can ask for. */
  changes(row, perFacet = 2) {
    const kind = this.facet(/^(category|type|article)/i);
    const out = [];
    for (const facet of this.byLooks()) {
      if (facet === kind || facet.of[row] < 0) continue;
      const tally = new Map();
      for (const other of this.known()) {
        const code = facet.of[other];
        if (code < 0 || code === facet.of[row] || (kind && kind.of[other] !== kind.of[row])) continue;
        tally.set(code, (tally.get(code) ?? 0) + 1);
      }
      const limit = /colou?r/i.test(facet.name) ? perFacet + 1 : perFacet;
      const best = [...tally].sort((a, b) => b[1] - a[1]).slice(0, limit);
      for (const [code] of best) out.push({ facet: facet.name, value: facet.values[code] });
    }
    return out;
  }

  /** Values that divide the best hits: what a visitor may want to add to the words. */
  refinements(rows, text, count = 6) {
    const kind = this.facet(/^(category|type|article)/i);
    const said = new Set(tokens(text).map(stem));
    const found = [];
    for (const facet of this.byLooks()) {
      if (facet === kind) continue;
      const tally = new Map();
      for (const row of rows) if (facet.of[row] >= 0) tally.set(facet.of[row], (tally.get(facet.of[row]) ?? 0) + 1);
      const values = [...tally].map(([code, n]) => ({ facet: facet.name, value: facet.values[code], n }));
      if (values.some(({ value }) => tokens(value).some((word) => said.has(stem(word))))) continue; // the words settle this one
      const open = values.filter(({ n }) => n > 1 && n < 0.75 * rows.length);
      found.push(...open.sort((a, b) => b.n - a.n).slice(0, 2));
    }
    return found.slice(0, count);
  }
}
