import type { Value } from '../columns/column-type.ts';
import type { Dataset } from '../model/feed.ts';
import type { Store } from './store.ts';

/**
 * The store's door for a dry run: a store that holds what the files at hand can touch, as it stood at one instant. Nothing that is done
 * to it reaches the database, or holds up who writes that. What its methods raise is as `StoreReader` says.
 */
export interface Rehearsal {
  /** What the ingest is given; it ends there as it would on the database. */
  readonly store: Store;
  /** Copies what these rows can touch, and all that waits. To be called once, before the first file is ingested. */
  copy(rows: Iterable<GoodRow>): Promise<void>;
  /** What the ingest of a file has brought. */
  report(dataset: Dataset, fileId: number): Promise<DryRunReport>;
  /** Lets go of the database. */
  close(): Promise<void>;
}

/** A row that a file could bring. */
export interface GoodRow {
  readonly dataset: Dataset;
  /** Of its columns, the key first; not kept. */
  readonly values: readonly Value[];
}

/**
 * What a file would bring, besides its counts. There may be as many as the file has rows, so each list is read as it is taken: once,
 * one after the other, and before the next file is ingested.
 */
export interface DryRunReport {
  readonly updates: AsyncIterable<DryRunUpdate>;
  readonly rejected: AsyncIterable<DryRunReject>;
  readonly waiting: AsyncIterable<DryRunWait>;
  /** Waiting rows that would heal, by dataset. */
  readonly heals: readonly { readonly dataset: string; readonly rows: number }[];
}

/** A row that would be updated: its line, and the columns that would change. */
export interface DryRunUpdate {
  readonly line: number;
  readonly columns: readonly string[];
}

/** A row that would be rejected. */
export interface DryRunReject {
  readonly line: number;
  readonly code: string;
  readonly column: string | null;
  readonly reason: string;
}

/** A row that would wait, by its line and one missing parent; the key is a value of the row. */
export interface DryRunWait {
  readonly line: number;
  readonly parentTable: string;
  readonly parentKey: string;
}
