import type Database from 'better-sqlite3';
import type { Dataset } from '../../model/feed.ts';
import { createDirectInsert } from './direct-insert.ts';
import { type Healer, createHealer } from './heal.ts';
import type { JsonbRows } from './jsonb-rows.ts';
import { areRowsIndependent } from './independent-rows.ts';
import { PART_ROWS } from './insert-in-parts.ts';
import { freshMergeSql, healingMergeSql } from './merge-sql.ts';
import { type Admitted, type Origin, createMerger } from './merge.ts';
import type { OpenDatabase } from './open.ts';
import type { PendingRows } from './pending-rows.ts';
import { halveRefused, unlessRefused } from './savepoint.ts';
import { type FreedRows, SCRATCH_SQL, createStagesSql } from './scratch.ts';
import { createStagingTable } from './staging-table.ts';
import { createWaitingRows } from './waiting.ts';

/** What a merge of the staged rows came to. */
export interface MergedRows extends Record<'inserted' | 'updated' | 'unchanged' | 'stale', number> {
  /** The lines of the orphans, which wait. */
  waitingLines: number[];
  /** Rows that the database refused for a constraint other than a foreign key. */
  refused: { readonly line: number; readonly key: string }[];
}

/** Puts rows of one dataset into the database. */
export interface DatasetWriter {
  /**
   * Inserts `count` rows at once, without staging them.
   * @returns false: nothing was done; they need the whole merge, or are likely to
   */
  insertPlain(rows: JsonbRows, count: number, origin: Origin): boolean;
  /** Adds rows to those to be merged; their keys are distinct from those that are there. */
  stage(rows: JsonbRows): void;
  /** Merges the `count` staged rows into the dataset's table; orphans are kept waiting, and what waited for admitted rows is freed. */
  merge(count: number, origin: Origin, freed: FreedRows): MergedRows;
  readonly healer: Healer;
}

/** Registers what the statements of all datasets share. To be called once for each connection, before the writers are made. */
export function prepareMerging(db: Database.Database, pending: PendingRows): void {
  const options = { directOnly: true };
  db.function('row_offset', options, (line: unknown) => pending.place(Number(line)).byteOffset);
  db.function('raw_row', options, (line: unknown) => pending.raw(Number(line)));
  db.exec(SCRATCH_SQL);
}

/** Prepares the writing of one dataset. */
export function createDatasetWriter(database: OpenDatabase, dataset: Dataset): DatasetWriter {
  const { db, feed } = database;
  db.exec(createStagesSql(dataset));
  const stage = createStagingTable(db, dataset);
  const merger = createMerger(db, dataset, freshMergeSql(feed, dataset));
  const insertDirectly = createDirectInsert(db, dataset);
  const waiting = createWaitingRows(db, feed, dataset);

  const resolve = (origin: Origin, admitted: Admitted, freed: FreedRows, sum: MergedRows): void => {
    merger.resolveWaiting(origin, admitted, freed);
    const { known, orphans } = admitted;
    if (orphans.count > 0) for (const line of waiting.keep(origin, orphans)) sum.waitingLines.push(line);
    sum.inserted += admitted.inserted;
    sum.updated += admitted.updated;
    sum.unchanged += admitted.unchanged;
    sum.stale += known.stale;
  };
  const mergeHalving = (origin: Origin, freed: FreedRows, sum: MergedRows): void => {
    halveRefused(
      db,
      { from: 0, to: stage.hold() },
      (lines) => {
        stage.restore(lines);
        return merger.admit(origin, true);
      },
      (admitted) => {
        resolve(origin, admitted, freed, sum);
      },
      (line) => sum.refused.push({ line, key: stage.keyOf(line) }),
    );
    stage.clearHeld();
  };

  const mergeIndependent = (origin: Origin, freed: FreedRows, sum: MergedRows): boolean => {
    const admitted = merger.admitInParts(origin, (line) => {
      sum.refused.push({ line, key: stage.takeOut(line) });
    });
    sum.refused.sort((a, b) => a.line - b.line);
    if (admitted !== null) resolve(origin, admitted, freed, sum);
    return admitted !== null;
  };

  return {
    healer: createHealer(db, dataset, healingMergeSql(feed, dataset), waiting),
    insertPlain: (rows, count, origin) => merger.expectsPlainRows() && insertDirectly(rows, count, origin),
    stage: (rows) => {
      stage.fill(rows);
    },
    merge(count, origin, freed) {
      const sum: MergedRows = { inserted: 0, updated: 0, unchanged: 0, stale: 0, waitingLines: [], refused: [] };
      const inParts = count > PART_ROWS && areRowsIndependent(db, dataset.table);
      if (!inParts || !mergeIndependent(origin, freed, sum)) {
        const admitted = unlessRefused(db, ['foreign_key', 'other'], () => merger.admit(origin, false));
        if (admitted === null) mergeHalving(origin, freed, sum);
        else resolve(origin, admitted, freed, sum);
      }
      stage.clear();
      return sum;
    },
  };
}
