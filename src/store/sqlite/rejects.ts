import type Database from 'better-sqlite3';
import type { RejectedRow } from '../store.ts';
import { prepareOnce } from './prepare-once.ts';

/** Prepares the keeping of rejected rows. */
export function createRejectWriter(db: Database.Database): (fileId: number, dataset: string, row: RejectedRow) => void {
  const insert = prepareOnce(
    db,
    `INSERT INTO rejects (file_id, dataset, line, byte_offset, row_key, code, column_name, reason, raw, state)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'rejected')`,
  );
  return (fileId, dataset, row) => {
    insert.run(fileId, dataset, row.line, row.byteOffset, row.key, row.code, row.column, row.reason, row.raw);
  };
}
