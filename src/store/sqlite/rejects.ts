import type Database from 'better-sqlite3';
import type { RejectCode } from '../../model/codes.ts';
import { prepareOnce } from './prepare-once.ts';

/** A row that was refused for good. */
export interface RejectedRow {
  readonly line: number;
  readonly byteOffset: number;
  readonly key: string | null;
  readonly code: RejectCode;
  readonly column: string | null;
  readonly reason: string;
  /** Exactly as sent; bytes where it is not valid text. */
  readonly raw: string | Uint8Array;
}

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
