import type Database from 'better-sqlite3';
import type { FileNote, FileRow, Search } from '../reader.ts';
import { RETRIED } from '../noted-files.ts';
import { BEYOND, inPages, parametersOf } from './pages.ts';

/** Its columns that hold JSON, as text. */
type Folded<Row> = {
  readonly [Name in keyof Row]: Name extends 'reject_counts' | 'dialect' | 'extra' | 'warnings' ? string | null
  : Name extends 'late' | 'retried' ? 0 | 1
  : Row[Name];
}; // prettier-ignore

const FILE_COLUMNS = `file_id, name, revision, dataset, stamp, state, reason_code, reason, late, ${RETRIED} AS retried, bytes, sha256, attempts,
  rows_read, rows_inserted, rows_updated, rows_unchanged, rows_stale, rows_rejected, rows_waiting,
  reject_counts, dialect, extra, warnings, taken_at, archived_to, started_at, finished_at`;

/** The ledger, newest first; read in pages. */
export function listFiles(db: Database.Database, search: Search): Iterable<FileRow> {
  const statement = db.prepare<[object], Folded<FileRow>>(
    `SELECT ${FILE_COLUMNS} FROM files f
     WHERE file_id < :before
       AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
       AND (:codes IS NULL OR reason_code IN (SELECT value FROM json_each(:codes))
         OR EXISTS (SELECT 1 FROM json_each(warnings) w WHERE w.key IN (SELECT value FROM json_each(:codes))))
       AND (:name IS NULL OR instr(name, :name) > 0) AND (:since IS NULL OR finished_at >= :since)
     ORDER BY file_id DESC LIMIT :most`,
  );
  const pages = inPages<Folded<FileRow>>({
    read: (after, most) =>
      statement.iterate({ ...parametersOf(search), before: after?.file_id ?? search.after?.file_id ?? BEYOND, most }),
    sizeOf: (file) => file.extra?.length ?? 0,
    most: search.limit,
  });
  return pages.map(unfoldFile);
}

/** The file that was finished last, or null. */
export function lastFile(db: Database.Database): FileRow | null {
  const last = db
    .prepare<[], Folded<FileRow>>(
      `SELECT ${FILE_COLUMNS} FROM files f WHERE revision > 0 ORDER BY file_id DESC LIMIT 1`,
    )
    .get();
  return last === undefined ? null : unfoldFile(last);
}

/**
 * Some of the ledger in short, newest first; read in pages.
 * @param condition on a row `f` of `files`
 * @param most null: all
 */
export function listNotes(db: Database.Database, condition: string, most: number | null): Iterable<FileNote> {
  const statement = db.prepare<[number, number], Folded<FileNote>>(
    `SELECT file_id, name, revision, dataset, stamp, reason_code, reason, warnings, finished_at FROM files f
     WHERE file_id < ? AND ${condition} ORDER BY file_id DESC LIMIT ?`,
  );
  const pages = inPages<Folded<FileNote>>({
    read: (after, atMost) => statement.iterate(after?.file_id ?? BEYOND, atMost),
    most,
  });
  return pages.map((note) => ({ ...note, warnings: unfold(note.warnings) as FileNote['warnings'] }));
}

function unfoldFile(file: Folded<FileRow>): FileRow {
  return {
    ...file,
    late: file.late === 1 && file.retried === 0,
    retried: file.retried === 1,
    reject_counts: unfold(file.reject_counts) as FileRow['reject_counts'],
    dialect: unfold(file.dialect) as FileRow['dialect'],
    extra: unfold(file.extra) as FileRow['extra'],
    warnings: unfold(file.warnings) as FileRow['warnings'],
  };
}

/** What this program wrote into a column as JSON. */
function unfold(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
