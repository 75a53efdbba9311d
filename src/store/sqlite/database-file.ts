import fs from 'node:fs';
import { LandfallError } from '../../model/errors.ts';
import { systemCode } from '../../system/system-error.ts';
import { DatabaseFault } from '../database-fault.ts';
import type { DatabaseSize } from '../reader.ts';

/** What can be told of a database without opening it. */

/**
 * The stat of the database, or of a file beside it; null where there is none.
 * @throws DatabaseFault `readonly` when its folder cannot be searched
 */
export function databaseStat(operation: string, file: string): fs.BigIntStats | null {
  try {
    return fs.statSync(file, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch (cause) {
    throw new DatabaseFault('readonly', operation, file, cause);
  }
}

/** The bytes of a database and of its write-ahead log; 0 for what is not there. */
export function databaseSize(file: string): DatabaseSize {
  const sizeOf = (path: string): number => fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return { bytes: sizeOf(file), walBytes: sizeOf(`${file}-wal`) };
}

/** Whether there is a database; where one may not look, there is. */
export function databaseIsThere(file: string): boolean {
  try {
    return databaseStat('open database', file) !== null;
  } catch {
    return true;
  }
}

/**
 * Tells a database that is not there from one that may not be read: SQLite calls both a fault of the disk.
 * @throws LandfallError
 */
export function requireReadable(file: string): void {
  try {
    fs.accessSync(file, fs.constants.R_OK);
  } catch (cause) {
    if (systemCode(cause) === 'EACCES') {
      const hint = "run this as the service's user, or as a member of its group";
      throw new LandfallError('open database', 'it or its folder may not be read', { file, hint, cause });
    }
    const hint = 'start the daemon once, or name the database with --db';
    throw new LandfallError('open database', 'it does not exist', { file, hint, cause });
  }
}
