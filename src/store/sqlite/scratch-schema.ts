import Database from 'better-sqlite3';
import type { SqlFile } from '../../feed/sql-files.ts';
import type { FoundTable } from '../found-tables.ts';
import { findTables } from './found-tables.ts';

/**
 * The tables that migrations give, found by running them in an empty database in memory.
 *
 * Those of PostgreSQL are run there as well: SQLite takes any word for a type and keeps it as it was declared, so that the CREATE TABLE,
 * CREATE INDEX and ADD COLUMN of a migration need no server.
 * @param adapt what has to be changed in their text
 * @returns the tables of these names; or the first migration that cannot be run so, with what SQLite says to it
 */
export function tablesAfter(
  migrations: readonly SqlFile[],
  names: readonly string[],
  adapt: (sql: string) => string,
): readonly FoundTable[] | { readonly failed: SqlFile; readonly problem: string } {
  const db = new Database(':memory:');
  try {
    for (const migration of migrations) {
      const problem = problemOf(() => db.exec(adapt(migration.sql)));
      if (problem !== null) return { failed: migration, problem };
    }
    return findTables(db, names);
  } finally {
    db.close();
  }
}

function problemOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    // The message names words of the migration only: there are no rows.
    if (error instanceof Database.SqliteError) return error.message;
    throw error;
  }
}
