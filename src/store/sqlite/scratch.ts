import { storageOf } from '../../columns/storage.ts';
import type { Dataset } from '../../model/feed.ts';
import { declarationFor } from './affinity.ts';
import { quoteName } from '../sql-names.ts';

/**
 * The temporary tables, by what they hold. They, and the columns of a staging table that are not the feed's, begin with an
 * underscore, as no name of a feed does.
 */
export const SCRATCH = {
  /** `seq`, `verdict`: staged rows whose key is in the table already, and what that makes of them (VERDICT). */
  known: 'temp._known',
  /** `seq`: staged rows that would be admitted, but lack a parent. */
  orphans: 'temp._orphans',
  /** `place`, `seq`: staged rows that are new, in the order in which they go in, where that is done in parts. */
  places: 'temp._places',
  /** `reject_id`: waiting rows of whose key a newer version was admitted. */
  superseded: 'temp._superseded',
  /** `reject_id`: waiting rows for which the file in hand brought a parent; they may lack another. Of the whole file, all datasets. */
  freed: 'temp._freed',
  /** `reject_id`, `contested`: freed rows of one dataset that lack nothing and are to heal; contested: others wait with the same key. */
  ready: 'temp._ready',
  /** `row_key`: keys of healing rows of which one was refused for a constraint. */
  refused: 'temp._refused',
  /** `_of_table`, `_key`: of a dry run, the keys of the rows that it can touch. */
  wanted: 'temp._wanted',
} as const;

/** SQL that makes those of every ingest. */
export const SCRATCH_SQL = `
  CREATE TABLE IF NOT EXISTS ${SCRATCH.known} (seq INTEGER PRIMARY KEY, verdict INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS ${SCRATCH.orphans} (seq INTEGER PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS ${SCRATCH.places} (place INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS ${SCRATCH.superseded} (reject_id INTEGER PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS ${SCRATCH.freed} (reject_id INTEGER PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS ${SCRATCH.ready} (reject_id INTEGER PRIMARY KEY, contested INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS ${SCRATCH.refused} (row_key TEXT PRIMARY KEY) WITHOUT ROWID;
`;

/** What the merge finds for a staged row whose key is already in the table; `reparented`: updated, and refers to another parent. */
export const VERDICT = { stale: 0, unchanged: 1, updated: 2, reparented: 3 } as const;

// What stands in a table just now, as a value: who has one may read the table, and who needs the table asks for one.

/** The staged rows whose key is in the table. */
export interface KnownRows {
  readonly table: typeof SCRATCH.known;
  readonly count: number;
  /** How many of them are older than the table's. */
  readonly stale: number;
}

/** The staged rows that lack a parent, as far as was asked. */
export interface OrphanRows {
  readonly table: typeof SCRATCH.orphans;
  readonly count: number;
}

/** The waiting rows that rows just admitted supersede. */
export interface SupersededRows {
  readonly table: typeof SCRATCH.superseded;
  readonly count: number;
}

/** The waiting rows that the file in hand has brought a parent for so far: merges and healing add to them. */
export interface FreedRows {
  readonly table: typeof SCRATCH.freed;
}

/** The waiting rows of a dataset that are to heal, of each key at most one. */
export interface ReadyRows {
  readonly table: typeof SCRATCH.ready;
  readonly count: number;
}

/** The keys of which a constraint has refused a healing row so far. */
export interface RefusedKeys {
  readonly table: typeof SCRATCH.refused;
}

/**
 * The staging tables of a dataset.
 * - `fresh`: rows of the file in hand; `_seq` is their line
 * - `held`: the same, while they are merged in parts
 * - `healing`: waiting rows; `_seq` is their reject, and their own file, line and stamp stand beside them
 * - `before`: of a dry run, the table's rows that it can touch, as they were before it
 */
type StageKind = 'fresh' | 'held' | 'healing' | 'before';

/** The temporary table that rows of a dataset are staged in. */
export function stageName(kind: StageKind, dataset: Dataset): string {
  return `temp.${quoteName(`_${kind}_${dataset.table}`)}`;
}

/** SQL that makes a dataset's staging tables of every ingest. */
export function createStagesSql(dataset: Dataset): string {
  const columns = dataset.columns.map((column) => `${quoteName(column.name)} ${declarationFor(storageOf(column))}`);
  const create = (kind: StageKind, more: readonly string[]): string =>
    `CREATE TABLE IF NOT EXISTS ${stageName(kind, dataset)} (${['_seq INTEGER PRIMARY KEY', ...more, ...columns].join(', ')});`;
  return (
    create('fresh', []) + create('held', []) + create('healing', ['_file_id INTEGER', '_line INTEGER', '_stamp TEXT'])
  );
}
