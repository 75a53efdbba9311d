import type Database from 'better-sqlite3';
import type { Dataset, Value } from '../feed/types.ts';
import { quoteName } from './schema.ts';

/** Rows in one multi-row statement: more brought nothing, fewer cost calls. */
const ROWS_PER_STATEMENT = 50;

/** What stands before a dataset's values in a staged row: line, byte offset, byte length. */
export const STAGED_PREFIX = 3;

/**
 * Prepares the staging of a dataset's rows.
 * @returns a function that stages rows laid end to end in one array: line, byte offset, byte length, then the dataset's values
 */
export function createStage(db: Database.Database, dataset: Dataset, stage: string): (rows: readonly Value[]) => void {
  const width = STAGED_PREFIX + dataset.columns.length;
  const into = `INSERT INTO ${stage} (seq, byte_offset, byte_length, ${dataset.columns.map((column) => quoteName(column.name)).join(', ')}) VALUES `;
  const row = `(${Array<string>(width).fill('?').join(', ')})`;
  const single = db.prepare<[Value[]]>(into + row);
  const many = db.prepare<[Value[]]>(into + Array<string>(ROWS_PER_STATEMENT).fill(row).join(', '));
  const step = width * ROWS_PER_STATEMENT;
  return (rows) => {
    let at = 0;
    for (; at + step <= rows.length; at += step) many.run(rows.slice(at, at + step));
    for (; at < rows.length; at += width) single.run(rows.slice(at, at + width));
  };
}
