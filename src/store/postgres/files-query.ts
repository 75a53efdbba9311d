import type { ClientBase } from 'pg';
import type { FileNote, FileRow, NoteListName, Search } from '../reader.ts';
import { NOTED, RETRIED } from '../noted-files.ts';
import { BEYOND, searchValues } from './pages.ts';

const FILE_COLUMNS = `file_id, name, revision, dataset, stamp, state, reason_code, reason,
  late = 1 AND NOT ${RETRIED} AS late, ${RETRIED} AS retried, bytes, sha256, attempts,
  rows_read, rows_inserted, rows_updated, rows_unchanged, rows_stale, rows_rejected, rows_waiting,
  reject_counts, dialect, extra, warnings, taken_at, archived_to, started_at, finished_at`;

/** A page of the ledger, newest first. */
export async function readFiles(
  client: ClientBase,
  search: Search,
  after: FileRow | null,
  most: number,
): Promise<readonly FileRow[]> {
  const { rows } = await client.query<FileRow>(
    `SELECT ${FILE_COLUMNS} FROM files f
     WHERE file_id < $5
       AND ($1::text[] IS NULL OR state = ANY ($1))
       AND ($2::text[] IS NULL OR reason_code = ANY ($2)
         OR EXISTS (SELECT 1 FROM json_object_keys(warnings) code WHERE code = ANY ($2)))
       AND ($3::text IS NULL OR position($3 IN name) > 0) AND ($4::text IS NULL OR finished_at >= $4)
     ORDER BY file_id DESC LIMIT $6`,
    [...searchValues(search), after?.file_id ?? search.after?.file_id ?? BEYOND, most],
  );
  return rows;
}

/** The file that was finished last, or null. */
export async function lastFile(client: ClientBase): Promise<FileRow | null> {
  const { rows } = await client.query<FileRow>(
    `SELECT ${FILE_COLUMNS} FROM files f WHERE revision > 0 ORDER BY file_id DESC LIMIT 1`,
  );
  return rows[0] ?? null;
}

/** A page of a list of the status, newest first. */
export async function readNotes(
  client: ClientBase,
  list: NoteListName,
  after: FileNote | null,
  most: number,
): Promise<readonly FileNote[]> {
  const { rows } = await client.query<FileNote>(
    `SELECT file_id, name, revision, dataset, stamp, reason_code, reason, warnings, finished_at FROM files f
     WHERE file_id < $1 AND ${NOTED[list]} ORDER BY file_id DESC LIMIT $2`,
    [after?.file_id ?? BEYOND, most],
  );
  return rows;
}
