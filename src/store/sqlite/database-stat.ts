import fs from 'node:fs';
import { DatabaseFault } from '../database-fault.ts';

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
