import Database from 'better-sqlite3';
import type { SqlFile } from '../../feed/sql-files.ts';
import { LandfallError } from '../../model/errors.ts';
import type { FoundTable } from '../found-tables.ts';
import { findTables } from './found-tables.ts';

/**
 * The tables that migrations give, found by running them in an empty database in memory.
 *
 * Those of PostgreSQL are run there as well: SQLite takes any word for a type and keeps it as it was declared, so that the CREATE TABLE,
 * CREATE INDEX and ADD COLUMN of a migration need no server.
 * @param adapt what has to be changed in their text
 * @throws LandfallError for a migration that cannot be run so
 */
export function tablesAfter(
  migrations: readonly SqlFile[],
  names: readonly string[],
  adapt: (sql: string) => string,
): readonly FoundTable[] {
  const db = new Database(':memory:');
  try {
    for (const { sql, path } of migrations) {
      try {
        db.exec(adapt(sql));
      } catch (cause) {
        // The message names words of the migration only: there are no rows.
        const problem = cause instanceof Database.SqliteError ? cause.message : 'it cannot be run';
        throw new LandfallError('read migration', `what it gives cannot be found out: ${problem}`, {
          file: path,
          hint: 'write the next migration by hand',
          cause,
        });
      }
    }
    return findTables(db, names);
  } finally {
    db.close();
  }
}
