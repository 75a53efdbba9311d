import type Database from 'better-sqlite3';
import type { Dataset } from '../feed/types.ts';
import { createDirectInsert } from './direct-insert.ts';
import { type Healer, createHealer } from './heal.ts';
import { SCRATCH_SQL, freshMergeSql, healingMergeSql } from './merge-sql.ts';
import { type Merged, type Origin, createMerger } from './merge.ts';
import type { Store } from './open.ts';
import { unlessRefused } from './savepoint.ts';
import { type StagedRows, createStage } from './stage.ts';
import { createWaitingRows } from './waiting.ts';

/** A row that the database refused for a constraint other than a foreign key. */
export interface RefusedRow {
  readonly line: number;
  readonly key: string;
}

/** Finds a row of the file in hand by its line. */
export interface RowFinder {
  byteOffset(line: number): number;
  /** The row exactly as sent. */
  raw(line: number): string | Uint8Array;
}

/** What a chunk of rows came to. */
export interface ChunkResult extends Merged {
  /** One for each orphan. */
  readonly orphanLines: readonly number[];
  readonly refused: readonly RefusedRow[];
}

/** Puts rows of one dataset into the database. */
export interface DatasetWriter {
  /** Merges rows with distinct keys into the dataset's table; orphans are kept waiting. */
  merge(rows: StagedRows, origin: Origin): ChunkResult;
  readonly healer: Healer;
}

/** Registers what the statements of all datasets share. To be called once for each connection, before the writers are made. */
export function prepareMerging(db: Database.Database, finder: RowFinder): void {
  const options = { directOnly: true };
  db.function('row_offset', options, (line: unknown) => finder.byteOffset(Number(line)));
  db.function('raw_row', options, (line: unknown) => finder.raw(Number(line)));
  db.exec(SCRATCH_SQL);
}

/** Prepares the writing of one dataset. */
export function createDatasetWriter(store: Store, dataset: Dataset): DatasetWriter {
  const { db, feed } = store;
  const sql = freshMergeSql(feed, dataset);
  const healing = healingMergeSql(feed, dataset);
  db.exec(`${sql.createStage}; ${healing.createStage}`);
  const merger = createMerger(db, dataset, sql);
  const stage = createStage(db, dataset, sql.stage);
  const insertDirectly = createDirectInsert(db, dataset);
  const waiting = createWaitingRows(db, feed, dataset);
  const healer = createHealer(db, dataset, healing, waiting);
  const orphanLines = db.prepare<[], number>('SELECT seq FROM temp.orphans ORDER BY seq').pluck();

  const mergeWhole = (rows: StagedRows, origin: Origin): ChunkResult => {
    const inserted = merger.expectsPlainRows() ? insertDirectly(rows, origin) : null;
    if (inserted !== null)
      return { inserted, updated: 0, unchanged: 0, stale: 0, orphans: 0, orphanLines: [], refused: [] };
    merger.clear();
    stage.fill(rows);
    const merged = merger.run(origin);
    if (merged.orphans === 0) return { ...merged, orphanLines: [], refused: [] };
    waiting.keep(origin);
    return { ...merged, orphanLines: orphanLines.all(), refused: [] };
  };

  /** Row by row, so that one row the database refuses costs only itself (P7). */
  const mergeSingly = (rows: StagedRows, origin: Origin): ChunkResult => {
    const sum = { inserted: 0, updated: 0, unchanged: 0, stale: 0, orphans: 0 };
    const lines: number[] = [];
    const refused: RefusedRow[] = [];
    for (const { line, key, rows: single } of stage.split(rows)) {
      const merged = unlessRefused(db, ['foreign_key', 'other'], () => mergeWhole(single, origin));
      if (merged === null) {
        refused.push({ line, key });
        continue;
      }
      sum.inserted += merged.inserted;
      sum.updated += merged.updated;
      sum.unchanged += merged.unchanged;
      sum.stale += merged.stale;
      sum.orphans += merged.orphans;
      lines.push(...merged.orphanLines);
    }
    return { ...sum, orphanLines: lines, refused };
  };

  return {
    healer,
    merge: (rows, origin) =>
      unlessRefused(db, ['foreign_key', 'other'], () => mergeWhole(rows, origin)) ?? mergeSingly(rows, origin),
  };
}
