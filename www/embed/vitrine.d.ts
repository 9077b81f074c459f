/** What a question is made of: nothing, words, a photo, a product, or one of the latter two with words. */
export type Kind = 'browse' | 'text' | 'image' | 'like' | 'composed';

/** Why the search cannot run here; browsing, filters and "more like this" still do. */
export type Refusal = 'wasm' | 'simd' | 'worker' | 'crash' | 'closed';

export interface OpenOptions {
  /** Folder that `vitrine site` wrote. Another origin must allow this one (CORS). */
  site: string | URL;
  /**
   * Folder of worker.js, core/, ui/ and pkg/; where this module lies, if not given. A worker from another origin than the
   * page's is started through a `blob:` worker, which the page's policy must allow. With a bundler, serve the
   * package's folder as static files and name it here.
   */
  program?: string | URL;
  /** Keep verified files on the device for the next visit. Default true. */
  keep?: boolean;
  /** Fetch what words need at once, not with the first question. Default false. */
  eager?: boolean;
}

export interface Query {
  /** Words; "-floral" leaves out products that say so. */
  text?: string;
  /** A photo: a file, its bytes, or its address. Takes the place of `product`. */
  image?: Blob | ArrayBuffer | ArrayBufferView | string | URL | null;
  /** Id of a product to look like; it is left out of the hits. */
  product?: string | null;
  /** Most hits wanted. Default 24. */
  k?: number;
  /** Values by facet name, or a test of each product. */
  filter?: Record<string, string | readonly string[]> | ((product: Hit) => boolean) | null;
  /** 0 like the words … 1 like the photo or product, for a question of both. Default 0.5. */
  like?: number;
  /** Order of the good hits by price, low to high or high to low; by relevance, if not given. */
  sort?: '' | 'price' | '-price';
  /** Range of prices, and only what is in stock. A product without a price passes no range. */
  price?: { from?: number | null; to?: number | null; stock?: boolean } | null;
  /** Told what can be said to words before the text encoder is here: titles compared, then the small text tier. */
  early?: ((results: Results) => void) | null;
  /** Gives the question up: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** false: answer at once with what is here (see `Results.by`) and fetch what is missing meanwhile. Default true. */
  wait?: boolean;
}

export interface Hit {
  /** Row in the catalog. */
  row: number;
  /** The same number for hits that show one product: near-duplicates, or photos with one link. */
  group: number;
  /** Cosine with the question, −1 to 1; null where nothing was compared. */
  score: number | null;
  id: string;
  title: string;
  /** Where words of the title stand that the text names, as [from, to] for title.slice(). */
  matched: [number, number][];
  /** The product's page as the catalog gives it: check its protocol before you follow it. */
  link: string | null;
  price: string | null;
  /** Address of the catalog's photo; null where photos share files, from which `draw` takes them. */
  photo: string | null;
  /** Size of that photo in pixels. */
  width: number;
  height: number;
  /** Mean colour as #rrggbb, to show until the photo is there. */
  tone: string;
  attributes: Record<string, string>;
}

export interface Results {
  kind: Kind;
  /**
   * Who answered: the engine; its small text tier, or the shop's own words, while the text encoder is on its way;
   * neighbours computed ahead; words compared with titles; the catalog's order; or none, where a photo could not be
   * compared yet.
   */
  by: 'engine' | 'instant' | 'words' | 'neighbours' | 'titles' | 'browse' | 'none';
  /** Best first. */
  hits: Hit[];
  /**
   * How many of the hits are good matches, as the catalog was measured when its site was made; 0 where even the first is
   * no better than chance, all where nothing was measured or compared.
   */
  good: number;
  /** Why the engine cannot answer here, or null. */
  refused: Refusal | null;
  /** Weights of the answer, from the engine. */
  attention: {
    photo: number[] | null;
    /** Rows and columns of `photo`. */
    grid: [number, number] | null;
    words: { text: string; weight: number }[] | null;
    /** Photo, words. */
    modalities: [number, number] | null;
  } | null;
  /** Milliseconds by step, from the engine. */
  ms: { decode: number; image: number; text: number; fusion: number; search: number; total: number } | null;
}

export interface Progress {
  /** Bytes here. */
  received: number;
  /** Bytes wanted so far. */
  total: number;
  /** What the engine can answer now. */
  ready: Kind[];
  refused: Refusal | null;
}

/** `code`: argument, browser (there is none), filter, product, photo, refused, closed, engine, crash, network, status,
 * page (a web page in place of a file) or mismatch (a damaged file). */
export class VitrineError extends Error {
  readonly code: string;
  readonly details: Record<string, string>;
}

export interface EngineEvents {
  progress: CustomEvent<Progress>;
  /** A download failed; the next question tries again. */
  error: CustomEvent<Error>;
}

export interface VitrineEngine extends EventTarget {
  readonly title: string;
  /** Number of products. */
  readonly count: number;
  readonly facets: { name: string; values: { value: string; count: number }[] }[];
  readonly model: { name: string; fingerprint: string; note: string | null };
  readonly progress: Progress;
  /** Whether the engine can answer such a question now. */
  can(kind: Kind): boolean;
  /** Fetches what such a question needs. Rejects with code `refused` where the search cannot run. */
  ready(kind?: Kind, options?: { signal?: AbortSignal }): Promise<void>;
  /** Stops the downloads until the next question or `ready`. */
  pause(): Promise<void>;
  search(query?: Query): Promise<Results>;
  /** A product as a hit without a score, or null. */
  product(id: string): Hit | null;
  /** Gives a picture the photo of a hit, also where its `photo` is null; one with loading="lazy" when it is in view. */
  draw(image: HTMLImageElement, hit: Hit): void;
  /** Phrases that the catalog has good answers to. */
  examples(count?: number): string[];
  /** Values that products of the same kind have and this one has not. */
  changes(id: string): { facet: string; value: string }[];
  /** Ends the worker; what is asked afterwards rejects with code `closed`. */
  close(): void;
  addEventListener<K extends keyof EngineEvents>(
    type: K,
    listener: (event: EngineEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof EngineEvents>(
    type: K,
    listener: (event: EngineEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/**
 * Opens a site that `vitrine site` wrote. Products and filters are there when it resolves; the engine follows with
 * the first question.
 */
export function open(options: OpenOptions): Promise<VitrineEngine>;
