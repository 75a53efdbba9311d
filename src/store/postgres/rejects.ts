import type { ClientBase } from 'pg';
import type { RejectedRow } from '../store.ts';

/** Rows that are sent at a time, or as many as have so many bytes. */
const PAGE_ROWS = 1_000;
const PAGE_BYTES = 1024 * 1024;

/** Keeps rows that were refused for good. */
export async function keepRejects(
  client: ClientBase,
  fileId: number,
  dataset: string,
  rows: Iterable<RejectedRow>,
): Promise<void> {
  let page: RejectedRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    page.push(row);
    bytes += row.raw.length;
    if (page.length < PAGE_ROWS && bytes < PAGE_BYTES) continue;
    await insertRejects(client, fileId, dataset, page);
    page = [];
    bytes = 0;
  }
  if (page.length > 0) await insertRejects(client, fileId, dataset, page);
}

async function insertRejects(
  client: ClientBase,
  fileId: number,
  dataset: string,
  rows: readonly RejectedRow[],
): Promise<void> {
  await client.query(
    `INSERT INTO rejects (file_id, dataset, line, byte_offset, row_key, code, column_name, reason, raw, state)
     SELECT $1, $2, r.line, r.byte_offset, r.row_key, r.code, r.column_name, r.reason, r.raw, 'rejected'
     FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[])
       AS r (line, byte_offset, row_key, code, column_name, reason, raw)`,
    [
      fileId,
      dataset,
      rows.map((row) => row.line),
      rows.map((row) => row.byteOffset),
      rows.map((row) => (row.key === null ? null : withoutNul(row.key))),
      rows.map((row) => row.code),
      rows.map((row) => row.column),
      rows.map((row) => row.reason),
      rows.map((row) => Buffer.from(row.raw)),
    ],
  );
}

/** PostgreSQL's texts cannot hold the character NUL; the key of a row that was refused for it is kept with U+FFFD in its place. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
