import type Database from 'better-sqlite3';
import { type ConstraintRefusal, constraintRefusal } from './fault.ts';

/**
 * Runs `work` inside the running transaction; where the database refuses it for a constraint, all it did is undone.
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
    if (refusal === null || !refusals.includes(refusal)) throw error;
    db.exec('ROLLBACK TO work');
    return null;
  } finally {
    // A full or failing disk rolls back the whole transaction, and the savepoint is gone.
    if (db.inTransaction) db.exec('RELEASE work');
  }
}
