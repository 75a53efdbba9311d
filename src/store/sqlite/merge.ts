import type Database from 'better-sqlite3';
import type { Dataset } from '../../model/feed.ts';
import { RowsLeftOut } from './faults.ts';
import { createInsertInParts } from './insert-in-parts.ts';
import type { MergeSql } from './merge-sql.ts';
import { runOnRows, unlessRefused } from './savepoint.ts';
import { type FreedRows, type KnownRows, type OrphanRows, SCRATCH, type SupersededRows, VERDICT } from './scratch.ts';

/** The file whose commit this is; when rows heal, it is not the file they came in. */
export interface Origin {
  /** The file whose commit this is: by it waiting rows heal or are superseded. */
  readonly fileId: number;
  readonly stamp: string;
  /** ISO 8601, UTC. */
  readonly now: string;
}

/** What became of the staged rows: stale ones are among the known, orphans are for the caller to keep. */
export interface Admitted {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly known: KnownRows;
  readonly orphans: OrphanRows;
}

/** Merges the rows staged for one dataset; the keys among them are distinct. */
export interface Merger {
  /**
   * Puts the staged rows into the table. To be undone where a constraint other than a foreign key refuses one of them, or a trigger
   * leaves one out.
   * @param orphansFirst finds the orphans before the table is asked, so that a row which breaks a constraint besides waits all the same
   */
  admit(origin: Origin, orphansFirst: boolean): Admitted;
  /**
   * The same, for many rows of a table with independent rows (independent-rows.ts), outside of every savepoint: the new ones go in a
   * part at a time, and are not to be undone.
   * @param refuse takes the number (`_seq`) of a staged row that a constraint refuses, and takes it out of the stage
   * @returns null: nothing was done; known rows need the other way
   */
  admitInParts(origin: Origin, refuse: (seq: number) => void): Admitted | null;
  /** Supersedes the waiting versions of rows just admitted, and adds to the freed rows those that waited for them. */
  resolveWaiting(origin: Origin, admitted: Admitted, freed: FreedRows): void;
  /** Whether the last rows were all new and none of them an orphan: then the next are, too. */
  expectsPlainRows(): boolean;
}

/** Runs a statement of the merge for the file in hand; gives how many rows it changed. */
type Statement = (origin: Origin) => number;

/**
 * Prepares the merge of one dataset: staged rows against the table, in a handful of statements, however many rows are staged.
 *
 * The order of the statements is the order of the rules: stale is told before the foreign key is asked, the database refuses
 * orphans, and only rows that were admitted supersede waiting versions of their key and free the rows that waited for them.
 */
export function createMerger(db: Database.Database, dataset: Dataset, sql: MergeSql): Merger {
  const names = { dataset: dataset.name, table: dataset.table };
  const prepare = (text: string): Statement => {
    const prepared = db.prepare<[Record<string, unknown>]>(text);
    return (origin) =>
      runOnRows(db, text, () => prepared.run({ file_id: origin.fileId, stamp: origin.stamp, ...names }).changes);
  };
  const find = prepareFinding(db, sql, prepare);
  const admitting = prepareAdmitting(sql, prepare);
  const insertInParts = createInsertInParts(db, sql);
  const touch = prepare(sql.touch);
  const countStaged = db.prepare<[], number>(`SELECT count(*) FROM ${sql.stage}`).pluck();
  // A file whose last merge had orphans, or known keys, has more: asking first is then cheaper than being refused first.
  let expectOrphans = false;
  let expectKnown = false;
  const touchUnchanged = (origin: Origin, known: KnownRows, updated: number): number =>
    known.count > known.stale + updated ? touch(origin) : 0;
  const account = (admitted: Admitted): Admitted => {
    const { inserted, updated, unchanged, known, orphans } = admitted;
    expectOrphans = orphans.count > 0;
    expectKnown = known.count > 0;
    if (inserted + updated + unchanged + known.stale + orphans.count !== countStaged.get()) throw new RowsLeftOut();
    return admitted;
  };

  return {
    admit(origin, orphansFirst) {
      const known = find.known(origin);
      let orphans = orphansFirst || expectOrphans ? find.orphans(origin, known) : NO_ORPHANS;
      // Updates first: they may be refused too, and are fewer to undo.
      const admit = () => ({
        updated: admitting.update(origin, known),
        inserted: admitting.insert(origin, known, orphans),
      });
      let admitted = orphans.count > 0 ? admit() : unlessRefused(db, ['foreign_key'], admit);
      if (admitted === null) {
        orphans = find.orphans(origin, known);
        admitted = admit();
      }
      return account({ ...admitted, unchanged: touchUnchanged(origin, known, admitted.updated), known, orphans });
    },
    admitInParts(origin, refuse) {
      const known = find.known(origin);
      const findOrphans = () => find.orphans(origin, known);
      const update = () =>
        unlessRefused(db, ['foreign_key', 'other'], () => {
          const updated = admitting.update(origin, known);
          return { updated, unchanged: touchUnchanged(origin, known, updated) };
        });
      let asked = expectOrphans ? findOrphans() : null;
      let changed = update();
      if (changed === null && asked === null) {
        asked = findOrphans();
        changed = update();
      }
      if (changed === null) return null;
      const { inserted, orphans } = insertInParts(origin, asked, findOrphans, refuse);
      return account({ ...changed, inserted, known, orphans: orphans ?? NO_ORPHANS });
    },
    resolveWaiting: prepareResolving(db, dataset, sql, prepare),
    expectsPlainRows: () => !expectOrphans && !expectKnown,
  };
}

const NO_ORPHANS: OrphanRows = { table: SCRATCH.orphans, count: 0 };

interface Finding {
  /** Begins anew: there are no orphans, until they are asked for. */
  known(origin: Origin): KnownRows;
  /** Among the staged rows that would be admitted. */
  orphans(origin: Origin, known: KnownRows): OrphanRows;
}

function prepareFinding(db: Database.Database, sql: MergeSql, prepare: (text: string) => Statement): Finding {
  const clear = [SCRATCH.known, SCRATCH.orphans].map((table) => db.prepare(`DELETE FROM ${table}`));
  const findKnown = prepare(sql.findKnown);
  const countStale = db
    .prepare<[], number>(`SELECT count(*) FROM ${SCRATCH.known} WHERE verdict = ${VERDICT.stale}`)
    .pluck();
  const findOrphans = sql.findOrphans === null ? () => 0 : prepare(sql.findOrphans);
  return {
    known(origin) {
      for (const statement of clear) statement.run();
      const count = findKnown(origin);
      return { table: SCRATCH.known, count, stale: count === 0 ? 0 : (countStale.get() ?? 0) };
    },
    orphans: (origin) => ({ table: SCRATCH.orphans, count: findOrphans(origin) }),
  };
}

/** Puts the staged rows into the table that are new, or newer than those there, and lack no parent. */
interface Admitting {
  /** Gives how many rows it changed. */
  update(origin: Origin, known: KnownRows): number;
  /** Gives how many rows it inserted. */
  insert(origin: Origin, known: KnownRows, orphans: OrphanRows): number;
}

function prepareAdmitting(sql: MergeSql, prepare: (text: string) => Statement): Admitting {
  const inserts = [false, true].map((skipKnown) =>
    [false, true].map((skipOrphans) => prepare(sql.insert(skipKnown, skipOrphans))),
  );
  const update = prepare(sql.update);
  const reparent = sql.reparent === null ? () => 0 : prepare(sql.reparent);
  return {
    update: (origin, known) => (known.count > known.stale ? update(origin) + reparent(origin) : 0),
    insert(origin, known, orphans) {
      const insert = inserts[known.count > 0 ? 1 : 0]?.[orphans.count > 0 ? 1 : 0];
      if (insert === undefined) throw new Error('four insert statements are prepared');
      return insert(origin);
    },
  };
}

function prepareResolving(
  db: Database.Database,
  dataset: Dataset,
  sql: MergeSql,
  prepare: (text: string) => Statement,
): Merger['resolveWaiting'] {
  const anyWaiting = db
    .prepare<[string], number>(`SELECT EXISTS (SELECT 1 FROM rejects WHERE state = 'waiting' AND dataset = ?)`)
    .pluck();
  const clear = db.prepare(`DELETE FROM ${SCRATCH.superseded}`);
  const findSuperseded = prepare(sql.supersede);
  const dropDependencies = sql.dropSuperseded.map((text) => db.prepare(text));
  const supersede = db.prepare<[number, string]>(
    `UPDATE rejects SET state = 'superseded', record = NULL, settled_by_file_id = ?, settled_at = ?
     WHERE reject_id IN (SELECT reject_id FROM ${SCRATCH.superseded})`,
  );
  const anyWaitingOn = db
    .prepare<[string], number>('SELECT EXISTS (SELECT 1 FROM waiting_on WHERE parent_table = ?)')
    .pluck();
  const noteFreed = prepare(sql.noteFreed);
  const dropFreed = prepare(sql.dropFreed);

  const supersededBy = (origin: Origin): SupersededRows => {
    clear.run();
    return { table: SCRATCH.superseded, count: findSuperseded(origin) };
  };
  return (origin) => {
    if (anyWaiting.get(dataset.name) === 1 && supersededBy(origin).count > 0) {
      for (const drop of dropDependencies) drop.run();
      supersede.run(origin.fileId, origin.now);
    }
    if (anyWaitingOn.get(dataset.table) === 1) {
      noteFreed(origin);
      dropFreed(origin);
    }
  };
}
