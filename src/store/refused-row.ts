import { REJECT_CODES } from '../model/codes.ts';
import type { RefusedRow, RejectedRow, RowText } from './store.ts';

/**
 * Makes rejects of rows that a constraint refused. What the database said of them could quote them (P8).
 * @param rowText gives their raw texts
 */
export function asReject(rowText: RowText): (row: RefusedRow) => RejectedRow {
  return ({ line, byteOffset, byteLength, key }) => ({
    line,
    byteOffset,
    key,
    code: 'constraint',
    column: null,
    reason: REJECT_CODES.constraint,
    raw: rowText(byteOffset, byteLength),
  });
}
