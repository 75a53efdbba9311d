import type Database from 'better-sqlite3';
import type { Dataset } from '../../model/feed.ts';
import { createDirectInsert } from './direct-insert.ts';
import { type Healer, createHealer } from './heal.ts';
import { SCRATCH_SQL, createStagesSql, freshMergeSql, healingMergeSql } from './merge-sql.ts';
import { type Merged, type Origin, createMerger } from './merge.ts';
import type { OpenDatabase } from './open.ts';
import type { PendingRows } from './pending-rows.ts';
import { halveRefused, unlessRefused } from './savepoint.ts';
import { createStage } from './staging-table.ts';
import type { StagedRows } from './jsonb-rows.ts';
import { createWaitingRows } from './waiting.ts';

/** What a merge of the staged rows came to. */
export interface MergeResult extends Merged {
  /** One for each orphan. */
  readonly orphanLines: readonly number[];
  /** Rows that the database refused for a constraint other than a foreign key: line and key. */
  readonly refused: readonly { readonly line: number; readonly key: string }[];
}

/** Puts rows of one dataset into the database. */
export interface DatasetWriter {
  /**
   * Inserts `count` rows at once, without staging them.
   * @returns false: nothing was done; they need the whole merge, or are likely to
   */
  insertPlain(rows: StagedRows, count: number, origin: Origin): boolean;
  /** Adds rows to those to be merged; their keys are distinct from those that are there. */
  stage(rows: StagedRows): void;
  /** Merges the staged rows into the dataset's table; orphans are kept waiting. */
  merge(origin: Origin): MergeResult;
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
  const stage = createStage(db, dataset);
  const merger = createMerger(db, dataset, freshMergeSql(feed, dataset));
  const insertDirectly = createDirectInsert(db, dataset);
  const waiting = createWaitingRows(db, feed, dataset);
  const healer = createHealer(db, dataset, healingMergeSql(feed, dataset), waiting);
  const orphanLines = db.prepare<[], number>('SELECT seq FROM temp._orphans ORDER BY seq').pluck();

  const settle = (origin: Origin, merged: Merged): MergeResult => {
    merger.settle(origin);
    if (merged.orphans === 0) return { ...merged, orphanLines: [], refused: [] };
    waiting.keep(origin);
    return { ...merged, orphanLines: orphanLines.all(), refused: [] };
  };

  const mergeInParts = (origin: Origin): MergeResult => {
    const parts: Merged[] = [];
    const orphans: number[] = [];
    const refused: MergeResult['refused'][number][] = [];
    halveRefused(
      db,
      { from: 0, to: stage.hold() },
      (lines) => {
        stage.restore(lines);
        return merger.admit(origin, true);
      },
      (merged) => {
        const part = settle(origin, merged);
        parts.push(part);
        for (const line of part.orphanLines) orphans.push(line);
      },
      (line) => refused.push({ line, key: stage.keyOf(line) }),
    );
    stage.clearHeld();
    const sum = (count: keyof Merged) => parts.reduce((total, part) => total + part[count], 0);
    return {
      inserted: sum('inserted'),
      updated: sum('updated'),
      unchanged: sum('unchanged'),
      stale: sum('stale'),
      orphans: sum('orphans'),
      orphanLines: orphans,
      refused,
    };
  };

  return {
    healer,
    insertPlain: (rows, count, origin) => merger.expectsPlainRows() && insertDirectly(rows, count, origin),
    stage: (rows) => {
      stage.fill(rows);
    },
    merge(origin) {
      const merged = unlessRefused(db, ['foreign_key', 'other'], () => merger.admit(origin, false));
      const result = merged === null ? mergeInParts(origin) : settle(origin, merged);
      stage.clear();
      return result;
    },
  };
}
