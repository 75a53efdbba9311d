import type Database from 'better-sqlite3';
import type { MergeSql } from './merge-sql.ts';
import { type Range, halveRefused, runOnRows, unlessRefused } from './savepoint.ts';
import { type OrphanRows, SCRATCH } from './scratch.ts';

/**
 * Rows that go in at a time. SQLite keeps a copy of each page that a statement changes until its savepoint is released: of one part
 * that is little, and the next part's copies lie where the last one's were.
 */
export const PART_ROWS = 4_000;

/** Where the rows come from, which each says of itself in the table. */
interface Lineage {
  readonly fileId: number;
  readonly stamp: string;
}

/** What came of an insert in parts. */
interface PartsInserted {
  readonly inserted: number;
  /** null: no part was refused, so nobody asked for them. */
  readonly orphans: OrphanRows | null;
}

/**
 * Inserts the staged rows that are neither known nor among the orphans found so far a part at a time; each part stays, whatever becomes of the next one.
 * @param orphans null: to be found where a part is refused
 * @param refuse takes the number (`_seq`) of a staged row that a constraint refuses
 */
export type InsertInParts = (
  lineage: Lineage,
  orphans: OrphanRows | null,
  findOrphans: () => OrphanRows,
  refuse: (seq: number) => void,
) => PartsInserted;

/**
 * Prepares the insert in parts for one dataset. Only for tables with independent rows (independent-rows.ts), and outside of every
 * savepoint, which would keep all copies to its end.
 */
export function createInsertInParts(db: Database.Database, sql: MergeSql): InsertInParts {
  const clear = db.prepare(`DELETE FROM ${SCRATCH.places}`);
  const place = db.prepare(sql.place);
  const unplaceOrphans = db.prepare(sql.unplaceOrphans);
  const insert = db.prepare<[Record<string, unknown>]>(sql.insertPlaced);
  const seqAt = db.prepare<[number], number>(`SELECT seq FROM ${SCRATCH.places} WHERE place = ?`).pluck();

  return (lineage, knownOrphans, findOrphans, refuse) => {
    clear.run();
    const places = place.run().changes;
    const insertPart = (range: Range): { rows: number } => {
      const values = { file_id: lineage.fileId, stamp: lineage.stamp, ...range };
      return { rows: runOnRows(db, sql.insertPlaced, () => insert.run(values).changes) };
    };
    const refuseAt = (at: number): void => {
      const seq = seqAt.get(at);
      if (seq !== undefined) refuse(seq);
    };
    const sum = { inserted: 0, orphans: knownOrphans };
    const accept = ({ rows }: { rows: number }): void => {
      sum.inserted += rows;
    };
    for (let from = 0; from < places; from += PART_ROWS) {
      const part = { from, to: Math.min(from + PART_ROWS, places) };
      if (sum.orphans === null) {
        const done = unlessRefused(db, ['foreign_key', 'other'], () => insertPart(part));
        if (done !== null) {
          accept(done);
          continue;
        }
        sum.orphans = findOrphans();
        unplaceOrphans.run();
      }
      halveRefused(db, part, insertPart, accept, refuseAt);
    }
    return sum;
  };
}
