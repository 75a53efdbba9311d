import type { StorageClass } from '../../columns/column-type.ts';
import { storageOf } from '../../columns/storage.ts';
import type { Column, Dataset, Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';

/**
 * The temporary tables of one file's transaction; they are gone with it, or in a rehearsal with the next one. A temporary table is found before one of the schema, and no
 * name of a feed begins with an underscore.
 */
export const SCRATCH = {
  /** `_seq`, `raw`: rows of the file in hand as sent, of those that are about to be kept. */
  raw: '_raw',
  /** `reject_id`: waiting rows for which this commit brought a parent; once for each of them. */
  freed: '_freed',
} as const;

/** SQL that makes the temporary tables of a merge that do not depend on a dataset. */
export const CREATE_SCRATCH = `
  DROP TABLE IF EXISTS pg_temp.${SCRATCH.raw}, pg_temp.${SCRATCH.freed};
  CREATE TEMPORARY TABLE ${SCRATCH.raw} (_seq bigint, raw bytea) ON COMMIT DROP;
  CREATE TEMPORARY TABLE ${SCRATCH.freed} (reject_id bigint) ON COMMIT DROP`;

/**
 * What the merge finds for a staged row before the table is asked to take it.
 * - `new`: its key is not in the table; `updated`, `unchanged`: it is, with an older version
 * - `stale`: the table has a newer version (rule 3: told before the foreign key is asked)
 * - `orphan`: it would be admitted, but for a parent that is not there
 * - `unfit`: its key, or one that it refers to, is too long for an index
 */
export type Verdict = 'new' | 'updated' | 'unchanged' | 'stale' | 'orphan' | 'unfit';

/** The two temporary tables of a dataset. */
export interface StagingTables {
  /**
   * All rows that are to be merged: `_seq`, `_byte_offset`, `_byte_length`, `_turn` and the dataset's columns. `_seq` is the line of a
   * row of the file in hand, which stands there in its file, or the reject of a row that waited; `_turn` says in which of several
   * merges its turn comes, from 1.
   */
  readonly incoming: string;
  /** Those that are merged together: the same, with `_file_id`, `_line`, `_stamp`, `_verdict`. Of one key at most one is admitted. */
  readonly merging: string;
  /** SQL that makes the first, or both. */
  readonly createIncoming: string;
  readonly createMerging: string;
}

/** The temporary tables that rows of a dataset are staged in. */
export function stagingTables(feed: Feed, dataset: Dataset): StagingTables {
  const number = feed.datasets.indexOf(dataset);
  const incoming = `_incoming_${number}`;
  const merging = `_merging_${number}`;
  // Taken from the table, and widened: a column keeps its collation, by which it is compared with the table's own.
  const columns = dataset.columns.map((column) => `t.${quoteName(column.name)}::${storageType(column)}`);
  const createIncoming = `
    DROP TABLE IF EXISTS pg_temp.${incoming};
    CREATE TEMPORARY TABLE ${incoming} ON COMMIT DROP AS
      SELECT 0::bigint AS _seq, 0::bigint AS _byte_offset, 0::bigint AS _byte_length, 1 AS _turn, ${columns.join(', ')} FROM ${quoteName(dataset.table)} t WITH NO DATA;
    ALTER TABLE ${incoming} ALTER _turn SET DEFAULT 1`;
  const createMerging = `
    DROP TABLE IF EXISTS pg_temp.${merging};
    CREATE TEMPORARY TABLE ${merging} ON COMMIT DROP AS
      SELECT 0::bigint AS _file_id, 0::bigint AS _line, '' COLLATE "C" AS _stamp, '' COLLATE "C" AS _verdict, i.*
      FROM ${incoming} i WITH NO DATA`;
  return { incoming, merging, createIncoming, createMerging };
}

/** The type that holds any value of a storage class. */
export const STORAGE_TYPES = {
  text: 'text',
  integer: 'bigint',
  number: 'double precision',
  decimal: 'numeric',
  date: 'date',
  timestamp: 'timestamptz',
  boolean: 'boolean',
} as const satisfies Record<StorageClass, string>;

/** The type that holds any value of a column. */
export function storageType(column: Column): (typeof STORAGE_TYPES)[StorageClass] {
  return STORAGE_TYPES[storageOf(column)];
}
