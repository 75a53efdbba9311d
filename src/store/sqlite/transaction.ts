import type Database from 'better-sqlite3';

/**
 * Runs `work` in one transaction, which takes the write lock at once: what it did is committed as a whole, or rolled back with what it
 * throws. Nothing else may use the connection meanwhile; `work` may wait for other things.
 * @returns what `work` gives
 */
export async function inTransaction<T>(db: Database.Database, work: () => Promise<T>): Promise<T> {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = await work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A full or failing disk has rolled it back already.
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
