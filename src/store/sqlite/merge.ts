import type Database from 'better-sqlite3';
import type { Dataset } from '../../model/feed.ts';
import { RowsLeftOut } from '../database-fault.ts';
import { type MergeSql, VERDICT } from './merge-sql.ts';
import { runOnRows, unlessRefused } from './savepoint.ts';

/** The file whose commit this is; when rows heal, it is not the file they came in. */
export interface Origin {
  /** The file whose commit this is: it settles what heals or is superseded. */
  readonly fileId: number;
  readonly stamp: string;
  /** ISO 8601, UTC. */
  readonly now: string;
}

/** What became of the staged rows. Orphans are left in `temp._orphans` for the caller to keep. */
export interface Merged {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly stale: number;
  readonly orphans: number;
}

/** Merges the rows staged for one dataset; the keys among them are distinct. */
export interface Merger {
  /**
   * Puts the staged rows into the table. To be undone where a constraint other than a foreign key refuses one of them, or a trigger
   * leaves one out.
   * @param orphansFirst finds the orphans before the table is asked, so that a row which breaks a constraint besides waits all the same
   */
  admit(origin: Origin, orphansFirst: boolean): Merged;
  /** Settles what follows from the rows just admitted: waiting versions that they supersede, rows that waited for them. */
  settle(origin: Origin): void;
  /** Whether the last rows were all new and none of them an orphan: then the next are, too. */
  expectsPlainRows(): boolean;
}

/**
 * Prepares the merge of one dataset: staged rows against the table, in a handful of statements, however many rows are staged.
 *
 * The order of the statements is the order of the rules: stale is told before the foreign key is asked, the database refuses
 * orphans, and only rows that were admitted supersede waiting versions of their key and free the rows that waited for them.
 */
export function createMerger(db: Database.Database, dataset: Dataset, sql: MergeSql): Merger {
  const names = { dataset: dataset.name, table: dataset.table };
  const statement = (text: string) => {
    const prepared = db.prepare<[Record<string, unknown>]>(text);
    return (origin: Origin) =>
      runOnRows(db, text, () => prepared.run({ file_id: origin.fileId, stamp: origin.stamp, ...names }).changes);
  };

  const countStaged = db.prepare<[], number>(`SELECT count(*) FROM ${sql.stage}`).pluck();
  const findKnown = statement(sql.findKnown);
  const staleCount = db
    .prepare<[], number>(`SELECT count(*) FROM temp._known WHERE verdict = ${VERDICT.stale}`)
    .pluck();
  const findOrphans = sql.findOrphans === null ? null : statement(sql.findOrphans);
  const inserts = [false, true].map((skipKnown) =>
    [false, true].map((skipOrphans) => statement(sql.insert(skipKnown, skipOrphans))),
  );
  const update = statement(sql.update);
  const move = sql.move === null ? () => 0 : statement(sql.move);
  const touch = statement(sql.touch);
  const anyWaiting = db
    .prepare<[string], number>(`SELECT EXISTS (SELECT 1 FROM rejects WHERE state = 'waiting' AND dataset = ?)`)
    .pluck();
  const supersede = statement(sql.supersede);
  const settleSuperseded = db.prepare<[number, string]>(
    `UPDATE rejects SET state = 'superseded', record = NULL, settled_by_file_id = ?, settled_at = ?
     WHERE reject_id IN (SELECT reject_id FROM temp._superseded)`,
  );
  const dropSuperseded = sql.dropSuperseded.map((text) => db.prepare(text));
  const anyWaitingOn = db
    .prepare<[string], number>('SELECT EXISTS (SELECT 1 FROM waiting_on WHERE parent_table = ?)')
    .pluck();
  const noteFreed = statement(sql.noteFreed);
  const dropFreed = statement(sql.dropFreed);
  const clearScratch = ['known', 'orphans', 'superseded'].map((table) => db.prepare(`DELETE FROM temp._${table}`));
  // A file whose last merge had orphans, or known keys, has more: asking first is then cheaper than being refused first.
  let expectOrphans = false;
  let expectKnown = false;

  return {
    admit(origin, orphansFirst) {
      for (const clear of clearScratch) clear.run();
      const known = findKnown(origin);
      const stale = known === 0 ? 0 : (staleCount.get() ?? 0);
      let orphans = 0;
      const admit = () => {
        const insert = inserts[known > 0 ? 1 : 0]?.[orphans > 0 ? 1 : 0];
        if (insert === undefined) throw new Error('four insert statements are prepared');
        // Updates first: they may be refused too, and are fewer to undo.
        const updated = known > stale ? update(origin) + move(origin) : 0;
        return { updated, inserted: insert(origin) };
      };
      if ((orphansFirst || expectOrphans) && findOrphans !== null) orphans = findOrphans(origin);
      let admitted = orphans > 0 ? admit() : unlessRefused(db, ['foreign_key'], admit);
      if (admitted === null) {
        orphans = findOrphans?.(origin) ?? 0;
        admitted = admit();
      }
      expectOrphans = orphans > 0;
      expectKnown = known > 0;
      const unchanged = known > stale + admitted.updated ? touch(origin) : 0;
      if (admitted.inserted + admitted.updated + unchanged + stale + orphans !== countStaged.get())
        throw new RowsLeftOut();
      return { ...admitted, unchanged, stale, orphans };
    },
    settle(origin) {
      if (anyWaiting.get(dataset.name) === 1 && supersede(origin) > 0) {
        for (const drop of dropSuperseded) drop.run();
        settleSuperseded.run(origin.fileId, origin.now);
      }
      if (anyWaitingOn.get(dataset.table) === 1) {
        noteFreed(origin);
        dropFreed(origin);
      }
    },
    expectsPlainRows: () => !expectOrphans && !expectKnown,
  };
}
