import Database from 'better-sqlite3';
import { type ConstraintRefusal, ExpressionFailed, constraintRefusal } from './faults.ts';

/**
 * Runs `work` inside the running transaction; where the database refuses it for a constraint, all it did is undone: a statement
 * that a trigger refuses by RAISE(FAIL) leaves behind what it did before.
 * @param refusals which refusals are taken; every other error passes, for the caller to roll back
 * @returns what `work` gives, or null where it was refused
 */
export function unlessRefused<T extends object>(
  db: Database.Database,
  refusals: readonly ConstraintRefusal[],
  work: () => T,
): T | null {
  db.exec('SAVEPOINT work');
  try {
    return work();
  } catch (error) {
    const refusal = constraintRefusal(error);
    // By RAISE(ROLLBACK) a trigger ends the whole transaction.
    if (refusal === null || !refusals.includes(refusal) || !db.inTransaction) throw error;
    db.exec('ROLLBACK TO work');
    return null;
  } finally {
    // A full or failing disk rolls back the whole transaction, and the savepoint is gone.
    if (db.inTransaction) db.exec('RELEASE work');
  }
}

/** What SQLite says of an expression that fails on a value, such as json_extract() of what is no JSON (https://sqlite.org/rescode.html). */
const FAILED_ON_VALUE = ['SQLITE_ERROR', 'SQLITE_TOOBIG', 'SQLITE_MISMATCH'];

/**
 * Runs a statement that writes rows.
 * @param sql its text: where it cannot be prepared any more, say since a trigger's table is gone, no row is at fault
 * @throws ExpressionFailed where an expression of the user's fails on a row, which is thereby refused as by a constraint
 */
export function runOnRows<T>(db: Database.Database, sql: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || !FAILED_ON_VALUE.includes(error.code)) throw error;
    db.prepare(sql);
    throw new ExpressionFailed();
  }
}

/** Rows by number: those after `from`, up to and including `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Does `work` on a range of rows; where the database refuses it, on one half after the other, down to the rows that it refuses:
 * they cost only themselves (P7).
 * @param accept takes what `work` gave where it was not refused. What it writes cannot be undone: a savepoint keeps a copy of
 *   each page that is changed under it, which for what waits is three times as much to write as the pages themselves
 * @param refuse takes the number of a row that is refused by itself
 */
export function halveRefused<T extends object>(
  db: Database.Database,
  range: Range,
  work: (range: Range) => T,
  accept: (done: T) => void,
  refuse: (row: number) => void,
): void {
  const done = unlessRefused(db, ['foreign_key', 'other'], () => work(range));
  if (done !== null) {
    accept(done);
    return;
  }
  const { from, to } = range;
  if (to - from === 1) {
    refuse(to);
    return;
  }
  const middle = Math.floor((from + to) / 2);
  halveRefused(db, { from, to: middle }, work, accept, refuse);
  halveRefused(db, { from: middle, to }, work, accept, refuse);
}
