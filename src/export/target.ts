/** Where an export goes. Parts are named once and never written again: what a manifest names stays as it is until no manifest does. */
export interface Target {
  /** As it may be shown. */
  readonly shown: string;
  /** A folder for parts while they are written. */
  readonly spool: string;
  /** The manifest that is in force; null: there is none. */
  readonly readManifest: () => Promise<StoredManifest | null>;
  /** The names of all parts that lie there, whichever manifest names them. */
  readonly list: () => Promise<readonly string[]>;
  /**
   * Takes a part over from the spool.
   * @param name below the target, e.g. `claims/month=2026-08/part-0001-….parquet`
   */
  readonly put: (name: string, from: string) => Promise<void>;
  /** Makes sure that all parts lie under their names, and outlive a power cut. */
  readonly settle: () => Promise<void>;
  /** A file with the content of a part that was put, or lies there. */
  readonly fetch: (name: string) => Promise<string>;
  /**
   * Puts a manifest in the place of the one that was read.
   * @param before null: there was none
   * @returns false: meanwhile there is another one
   */
  readonly commit: (text: string, before: StoredManifest | null) => Promise<boolean>;
  readonly remove: (names: readonly string[]) => Promise<void>;
  /** Lets go of it, and clears the spool. */
  readonly close: () => Promise<void>;
}

/** A manifest as it lies there. */
export interface StoredManifest {
  readonly text: string;
  /** What tells it from all others. */
  readonly tag: string;
}

/** The manifest's name below the target. */
export const MANIFEST_NAME = '_manifest.json';

const PART = /^[a-z][a-z0-9_]*\/(?:(?:year|month|day)=[A-Za-z0-9_-]+\/)?part-(\d{4,})-[0-9a-f]{16}\.parquet$/;

/** The generation of a part's name; null: it is no name of a part. */
export function generationOf(name: string): number | null {
  const [, generation] = PART.exec(name) ?? [];
  return generation === undefined ? null : Number(generation);
}

/**
 * The name of a part: the folder, the generation of the manifest that names it first, the content. No later export gives the same
 * name to another content, nor to one that was dropped and comes back: so parts of a generation that is over can be removed at any time.
 * @param partition e.g. `month=2026-08`; null: the table is in one piece
 */
export function partName(table: string, partition: string | null, generation: number, sha256: string): string {
  const file = `part-${String(generation).padStart(4, '0')}-${sha256.slice(0, 16)}.parquet`;
  return [table, ...(partition === null ? [] : [partition]), file].join('/');
}
