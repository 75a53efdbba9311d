import Database from 'better-sqlite3';
import { makePrivateFile } from '../../system/private-files.ts';

/**
 * Takes a lock by a file of its own, which the system takes back from the dead: SQLite's, on a database that stays empty.
 * @returns what lets go of it; null: another process has it
 * @throws the system's or SQLite's error where the file cannot be made or locked
 */
export function lockFile(file: string): (() => void) | null {
  makePrivateFile(file);
  const connection = new Database(file, { timeout: 0 });
  try {
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
  return () => {
    connection.close();
  };
}
