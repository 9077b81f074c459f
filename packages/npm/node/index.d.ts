/**
 * Shops made from a script. Each call is one run of the program (`vitrine index`, `vitrine site`); a result is the object
 * that its `--json` prints.
 *
 * What fails rejects with a `VitrineError`. What was left out, such as a damaged photo, is no failure: the rest is
 * indexed, and `left_out` names it. With `strict` it is a failure.
 */
export interface CreateOptions {
  /** The catalog's title, which the page shows. */
  title?: string;
  /** Model folder; the one that ships, if not given. */
  model?: string | URL;
  /**
   * Folder to keep the catalog in, so that the next run encodes new photos alone. Without it the index works in a
   * temporary folder, which `close` removes.
   */
  catalogPath?: string | URL;
  /** Told each line that the program says while it works. */
  onMessage?: (line: string) => void;
}

interface Shown {
  /** Columns that visitors may see beside the usual ones. */
  attributes?: readonly string[];
  /** Attributes that visitors can filter by, these and no others, in this order. */
  facets?: readonly string[];
  /** Attributes that visitors never see. */
  hide?: readonly string[];
  /** Longest side of the photos that visitors see, in pixels. */
  photoSize?: number;
  /** Workers; one a core, if not given. */
  jobs?: number;
  /** Fail where anything was left out. */
  strict?: boolean;
}

export interface DirectoryOptions extends Shown {
  /** A folder of photos, or a ZIP archive of one. */
  path: string | URL;
  /** CSV file with an id column; items.csv beside the photos, if not given. */
  meta?: string | URL;
  /** What folders among the photos are; found by the rows and by the photos' names, if not given. */
  folders?: 'auto' | 'products' | 'categories';
}

export interface FeedOptions extends Shown {
  /** The file that a shop system exports. */
  path: string | URL;
  /** Insists on a kind of feed; found by its content, if not given. */
  kind?: 'shopify' | 'woocommerce' | 'magento' | 'google' | 'meta' | 'jsonld' | 'plain';
  /** The shop's address: relative addresses are seen from there. */
  shop?: string;
  /** Currency of prices that name none, such as EUR. */
  currency?: string;
  /** Leave out what cannot be ordered. */
  inStock?: boolean;
  /** Where photos by address are kept for the next run. */
  photoCache?: string | URL;
}

export interface WriteOptions {
  /** Where the site goes: a folder that is new, empty, or a site that this program wrote. */
  outputPath: string | URL;
  /** The page's title; the catalog's, if not given. */
  title?: string;
  /** Accent color, such as #7a3b2e. */
  accent?: string;
  /** A picture in place of the title: SVG, PNG, WebP or JPEG. */
  logo?: string | URL;
  /** For hosts that send no headers of their own, such as GitHub Pages. */
  isolate?: boolean;
}

export interface LeftOut {
  what: string;
  reason: string;
  message: string;
}

export interface Indexed {
  photos: number;
  products: number;
  /** Photos that were encoded in this run, and those that had a vector already. */
  encoded: number;
  kept: number;
  left_out: LeftOut[];
  /** What the program said while it worked. */
  messages: string[];
  [more: string]: unknown;
}

export interface Written {
  outputPath: string;
  files: number;
  /** Files of other bytes than those that stood there before. */
  changed: number;
  bytes: number;
  left_out: LeftOut[];
  messages: string[];
  [more: string]: unknown;
}

export interface Index {
  readonly catalogPath: string;
  /** Indexes a folder of photos. An index holds one folder or one feed; the same may be added again after changes. */
  addDirectory(options: DirectoryOptions): Promise<Indexed>;
  /** Indexes a shop's export; its photos are fetched by their addresses. */
  addFeed(options: FeedOptions): Promise<Indexed>;
  /** Writes the whole site, to be uploaded as it is. */
  writeFiles(options: WriteOptions): Promise<Written>;
  /** Stops what runs, and removes the temporary catalog. Call it in the end. */
  close(): Promise<void>;
}

/**
 * `code`: argument (a wrong option), platform (no program for this machine), source (a second source, or none), failed (the
 * program says why), stopped (by a signal) or closed.
 */
export class VitrineError extends Error {
  readonly code: 'argument' | 'platform' | 'source' | 'failed' | 'stopped' | 'closed';
  readonly details: { exitCode?: number | null; signal?: string | null; messages?: string[]; result?: Indexed | null };
}

export function createIndex(options?: CreateOptions): Promise<Index>;
