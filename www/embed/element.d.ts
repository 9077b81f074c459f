import { Hit, Results, VitrineEngine } from './vitrine.js';

export * from './vitrine.js';

export interface Question {
  words?: string;
  /** Id of a product to look like. */
  product?: string | null;
  /** A photo, which takes the place of `product`. */
  image?: Blob | string | null;
  filter?: Record<string, string | readonly string[]>;
  /** Order of the good hits by price; by relevance, if not given. */
  sort?: '' | 'price' | '-price';
  /** Range of prices, and only what is in stock. */
  price?: { from?: number | null; to?: number | null; stock?: boolean } | null;
}

/**
 * `<vitrine-search catalog="/search/">`
 *
 * Attributes: `catalog` (folder that `vitrine site` wrote), `program` (see `OpenOptions`), `words` and `product` (what
 * to ask at first), `k` (hits at once, 24), `filters` (facets that get a menu: names, or "none"), `target` (of product
 * links), `theme` ("light" or "dark"; else the page's color-scheme), `loading="eager"` (fetch the engine before the
 * first question), `forget` (keep nothing on the device).
 *
 * Slots: `header`, `footer`, `empty` (where nothing fits), and `<template slot="result">`, copied for every hit, with
 * `data-field="title"` (or id, price, score, photo, an attribute's name) on what is to be filled in.
 *
 * Parts: bar, input, asked, button (with clear, photo-button, remove, suggestion, retry, more, similar, but, alike),
 * suggestions, filters, filter, status, grid, card, link, photo, title, price, actions, empty, end, said.
 *
 * Custom properties: --vitrine-accent, -on-accent, -paper, -ink, -muted, -line, -wash, -radius, -font, -card-width,
 * -gap, -frame (width ÷ height of the photos' frames).
 */
export class VitrineSearch extends HTMLElement {
  /** Null until `vitrine-ready`. An engine that is set here may be shared, and is closed by whoever opened it. */
  engine: VitrineEngine | null;
  words: string;
  product: string | null;
  filter: Record<string, string | readonly string[]>;
  /** What is shown now. */
  readonly results: Results | null;
  /** Asks anew. Resolves with what is shown in the end, or null if another question came first. */
  search(question?: Question): Promise<Results | null>;
}

export interface VitrineEvents {
  'vitrine-ready': CustomEvent<{ engine: VitrineEngine }>;
  /** Also for what is shown until the engine has answered: see `results.by`. */
  'vitrine-results': CustomEvent<{ query: Required<Question>; results: Results }>;
  /** A product was chosen; preventDefault() keeps its link from being followed. */
  'vitrine-select': CustomEvent<{ hit: Hit }>;
  'vitrine-error': CustomEvent<{ error: Error }>;
}

declare global {
  interface HTMLElementTagNameMap {
    'vitrine-search': VitrineSearch;
  }
  interface HTMLElementEventMap extends VitrineEvents {}
}
