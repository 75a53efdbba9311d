import type Database from 'better-sqlite3';
import type { RejectCode } from '../../model/codes.ts';
import { LandfallError } from '../../model/errors.ts';
import { referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { inPages } from '../pages.ts';
import { quoteName, requireFeed } from './schema.ts';
import type { FileState } from '../../model/ledger.ts';
import { waitsFor } from './waiting.ts';

// What the commands that only look ask of the database. Names are those of the columns, and of the JSON that is printed.

/** A row of the ledger. */
export interface FileRow {
  readonly file_id: number;
  readonly name: string;
  readonly revision: number;
  readonly dataset: string | null;
  readonly stamp: string | null;
  readonly state: FileState;
  readonly reason_code: string | null;
  readonly reason: string | null;
  readonly late: 0 | 1;
  readonly bytes: number;
  readonly sha256: string | null;
  readonly attempts: number;
  readonly rows_read: number;
  readonly rows_inserted: number;
  readonly rows_updated: number;
  readonly rows_unchanged: number;
  readonly rows_stale: number;
  readonly rows_rejected: number;
  readonly rows_waiting: number;
  /** JSON */
  readonly reject_counts: string | null;
  /** JSON */
  readonly dialect: string | null;
  /** JSON */
  readonly extra: string | null;
  /** JSON: `{code: {count, lines}}` */
  readonly warnings: string | null;
  readonly archived_to: string | null;
  readonly started_at: string;
  readonly finished_at: string;
}

/** A reject, with the names of its files. */
export interface RejectRow {
  readonly reject_id: number;
  readonly file_id: number;
  readonly file: string;
  readonly revision: number;
  readonly dataset: string;
  readonly line: number;
  readonly byte_offset: number;
  readonly code: string;
  readonly column_name: string | null;
  readonly reason: string;
  readonly state: 'rejected' | 'waiting' | 'healed' | 'superseded';
  /** The tables of the parents it waits for, joined by commas. */
  readonly waits_for: string | null;
  readonly settled_by: string | null;
  readonly settled_at: string | null;
  readonly finished_at: string;
  /** A value of the row: read and shown with `--raw` only. */
  readonly row_key: string | null;
  /** As sent, bytes where it is no valid text: read and shown with `--raw` only. */
  readonly raw: string | Buffer | null;
}

/** What to look for; every part that is given must hold. */
export interface Search {
  /** Any of these; none: all. `open` for rejects: waiting, or rejected in a file that no correction has replaced. */
  readonly states: readonly string[];
  readonly codes: readonly string[];
  /** A part of the file's name. */
  readonly name: string | null;
  /** Finished at or after, ISO 8601. */
  readonly since: string | null;
  /** null: all */
  readonly limit: number | null;
}

const FILE_COLUMNS = `file_id, name, revision, dataset, stamp, state, reason_code, reason, late, bytes, sha256, attempts,
  rows_read, rows_inserted, rows_updated, rows_unchanged, rows_stale, rows_rejected, rows_waiting,
  reject_counts, dialect, extra, warnings, archived_to, started_at, finished_at`;

/** An id that no entry has. */
const BEYOND = Number.MAX_SAFE_INTEGER;

/** Rejects that someone may have to see to. */
const OPEN = "(r.state = 'waiting' OR (r.state = 'rejected' AND f.state <> 'replaced'))";

/** @throws LandfallError when the database is another feed's, or a table of the ledger or of the feed is not there */
export function checkSetUp(db: Database.Database, file: string, feed: Feed): void {
  const tables = new Set(db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all());
  if (tables.has('files')) requireFeed(db, file, feed);
  const missing = [...LEDGER_TABLES, ...feed.datasets.map((one) => one.table)].filter((table) => !tables.has(table));
  if (missing.length > 0) {
    throw new LandfallError('read database', `it has no table ${missing.join(', ')}`, {
      file,
      hint: 'start the daemon once with this feed, which sets it up, or name another database or feed',
    });
  }
}

/** The ledger, newest first; read in pages, see pages.ts. What comes in meanwhile is not in the list. */
export function listFiles(db: Database.Database, search: Search): Generator<FileRow, void> {
  const statement = db.prepare<[object], FileRow>(
    `SELECT ${FILE_COLUMNS} FROM files
     WHERE file_id < :before
       AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
       AND (:codes IS NULL OR reason_code IN (SELECT value FROM json_each(:codes))
         OR EXISTS (SELECT 1 FROM json_each(warnings) w WHERE w.key IN (SELECT value FROM json_each(:codes))))
       AND (:name IS NULL OR instr(name, :name) > 0) AND (:since IS NULL OR finished_at >= :since)
     ORDER BY file_id DESC LIMIT :most`,
  );
  return inPages({
    read: (after, most) => statement.iterate({ ...bind(search), before: after?.file_id ?? BEYOND, most }),
    sizeOf: (file) => file.extra?.length ?? 0,
    most: search.limit,
  });
}

/**
 * Rows that were not loaded, newest file first, in line order within a file; read in pages, see pages.ts. What comes in meanwhile
 * is not in the list.
 * @param withValues with `row_key` and `raw`; else they are null
 */
export function listRejects(
  db: Database.Database,
  feed: Feed,
  search: Search,
  withValues: boolean,
): Generator<RejectRow, void> {
  const waits = feed.datasets.flatMap((dataset) =>
    referencesOf(dataset).map(
      (column) =>
        `SELECT '${column.references}' AS parent WHERE r.dataset = '${dataset.name}' AND ${waitsFor('r', column)}`,
    ),
  );
  const waitsForTables =
    waits.length === 0
      ? 'NULL'
      : `CASE r.state WHEN 'waiting' THEN (SELECT group_concat(parent) FROM (${unionOf(waits)})) END`;
  // CROSS JOIN: file by file, each in the order of its index, needs no sorting of all rows before the first is shown.
  const statement = db.prepare<[object], RejectRow>(
    `SELECT r.file_id, r.reject_id, f.name AS file, f.revision, r.dataset, r.line, r.byte_offset, r.code, r.column_name, r.reason,
       r.state, ${waitsForTables} AS waits_for,
       s.name AS settled_by, r.settled_at, f.finished_at, ${withValues ? 'r.row_key, r.raw' : 'NULL AS row_key, NULL AS raw'}
     FROM files f CROSS JOIN rejects r ON r.file_id = f.file_id LEFT JOIN files s ON s.file_id = r.settled_by_file_id
     WHERE f.file_id <= :file AND r.line >= CASE f.file_id WHEN :file THEN :line ELSE 0 END
       AND (f.file_id < :file OR r.line > :line OR r.reject_id > :reject)
       AND (:states IS NULL OR r.state IN (SELECT value FROM json_each(:states))
         OR ('open' IN (SELECT value FROM json_each(:states)) AND ${OPEN}))
       AND (:codes IS NULL OR r.code IN (SELECT value FROM json_each(:codes)))
       AND (:name IS NULL OR instr(f.name, :name) > 0) AND (:since IS NULL OR f.finished_at >= :since)
     ORDER BY f.file_id DESC, r.line, r.reject_id LIMIT :most`,
  );
  return inPages({
    read: (after, most) =>
      statement.iterate({
        ...bind(search),
        file: after?.file_id ?? BEYOND,
        line: after?.line ?? 0,
        reject: after?.reject_id ?? 0,
        most,
      }),
    sizeOf: (row) => row.raw?.length ?? 0,
    most: search.limit,
  });
}

/** The union of queries that give `parent`, without doubles. Nested by halves: SQLite takes at most 500 in one. */
function unionOf(selects: readonly string[]): string {
  if (selects.length <= 500) return selects.join(' UNION ');
  const middle = Math.ceil(selects.length / 2);
  return [selects.slice(0, middle), selects.slice(middle)]
    .map((some) => `SELECT parent FROM (${unionOf(some)})`)
    .join(' UNION ');
}

function bind(search: Search): object {
  const list = (words: readonly string[]) => (words.length === 0 ? null : JSON.stringify(words));
  return {
    states: list(search.states),
    codes: list(search.codes),
    name: search.name,
    since: search.since,
  };
}

/** Where a dataset stands. */
export interface DatasetStatus {
  readonly name: string;
  readonly table: string;
  /** Rows in the table now. */
  readonly rows: number;
  readonly rows_waiting: number;
  /** In files that no correction has replaced. */
  readonly rows_rejected: number;
  readonly files_ingested: number;
  readonly files_replaced: number;
  readonly files_quarantined: number;
  readonly files_late: number;
  /** The newest stamp ingested, or null. */
  readonly checkpoint: string | null;
  /** When the checkpoint's file was committed. */
  readonly checkpoint_at: string | null;
}

/** A file in a list of the status. */
export type FileNote = Pick<
  FileRow,
  'file_id' | 'name' | 'revision' | 'dataset' | 'stamp' | 'reason_code' | 'reason' | 'warnings' | 'finished_at'
>;

/** Where a database stands. */
export interface DatabaseStatus {
  readonly datasets: readonly DatasetStatus[];
  /** Open rejects of ingested files by code; what waits is under `missing_parent`. */
  readonly rejects: readonly { readonly dataset: string; readonly code: string; readonly rows: number }[];
  /** By the table waited for: how many rows wait, and for how many parents; a row with two missing parents is counted with each. */
  readonly waiting: readonly { readonly parent_table: string; readonly rows: number; readonly parents: number }[];
  /** The file that was finished last. */
  readonly last_file: FileRow | null;
  /** Files whose latest revision was refused. */
  readonly quarantined: NoteList;
  /** Names that are not taken in: near misses, and files that are held. */
  readonly not_taken: NoteList;
  /** Files that came after a newer one of their dataset. */
  readonly late: NoteList;
  /** Files of which a later revision was read. */
  readonly corrected: NoteList;
  /** Ingested files about which something is doubtful. */
  readonly warned: NoteList;
}

/** How many files a list of the status has, and the newest of them. */
export interface NoteList {
  readonly files: number;
  readonly newest: readonly FileNote[];
}

/** The code of all rows that wait, and of no others. */
const WAITING_CODE: RejectCode = 'missing_parent';

/** True for a file `f` of whose name nothing later was read. */
const LATEST = 'revision = (SELECT max(l.revision) FROM files l WHERE l.name = f.name)';

/** Which files `f` are in each list of the status. */
const NOTED = {
  quarantined: `revision > 0 AND state = 'quarantined' AND ${LATEST}`,
  not_taken: 'revision = 0',
  late: "late = 1 AND state = 'ingested'",
  corrected: "revision > 1 AND state = 'ingested'",
  warned: "warnings IS NOT NULL AND state = 'ingested'",
} as const;
export type NoteListName = keyof typeof NOTED;

/**
 * A list of the status, newest first; read in pages, see pages.ts.
 * @param most null: the whole list
 */
export function listNotes(db: Database.Database, name: NoteListName, most: number | null): Generator<FileNote, void> {
  const statement = db.prepare<[number, number], FileNote>(
    `SELECT file_id, name, revision, dataset, stamp, reason_code, reason, warnings, finished_at FROM files f
     WHERE file_id < ? AND ${NOTED[name]} ORDER BY file_id DESC LIMIT ?`,
  );
  return inPages({ read: (after, atMost) => statement.iterate(after?.file_id ?? BEYOND, atMost), most });
}

/**
 * Where the database stands, read in one snapshot.
 * @param most how many files each list holds; `listNotes` gives them all
 */
export function readStatus(db: Database.Database, feed: Feed, most: number): DatabaseStatus {
  return db.transaction(() => {
    const counts = db
      .prepare<[], Record<NoteListName, number>>(
        `SELECT ${Object.entries(NOTED)
          .map(([name, condition]) => `count(*) FILTER (WHERE ${condition}) AS ${name}`)
          .join(', ')} FROM files f`,
      )
      .get();
    const notes = (name: NoteListName): NoteList => ({
      files: counts?.[name] ?? 0,
      newest: [...listNotes(db, name, most)],
    });
    const rejects = db
      .prepare<[], DatabaseStatus['rejects'][number]>(
        `SELECT dataset, '${WAITING_CODE}' AS code, count(*) AS "rows" FROM rejects WHERE state = 'waiting' GROUP BY dataset
         UNION ALL
         SELECT r.dataset, r.code, count(*) FROM rejects r CROSS JOIN files f ON f.file_id = r.file_id
         WHERE r.state = 'rejected' AND f.state = 'ingested' GROUP BY r.dataset, r.code ORDER BY 3 DESC, 1, 2`,
      )
      .all();
    return {
      datasets: feed.datasets.map((dataset) => datasetStatus(db, feed, dataset, rejects)),
      rejects,
      waiting: db
        .prepare<[], DatabaseStatus['waiting'][number]>(
          // Which dataset a row is of would have to be looked up for each: seconds for a million.
          `SELECT parent_table, count(*) AS "rows", count(DISTINCT parent_key) AS parents FROM waiting_on GROUP BY parent_table`,
        )
        .all(),
      last_file:
        db
          .prepare<[], FileRow>(`SELECT ${FILE_COLUMNS} FROM files WHERE revision > 0 ORDER BY file_id DESC LIMIT 1`)
          .get() ?? null,
      quarantined: notes('quarantined'),
      not_taken: notes('not_taken'),
      late: notes('late'),
      corrected: notes('corrected'),
      warned: notes('warned'),
    };
  })();
}

function datasetStatus(
  db: Database.Database,
  feed: Feed,
  { name, table }: Dataset,
  rejects: DatabaseStatus['rejects'],
): DatasetStatus {
  const openRows = (waiting: boolean): number =>
    rejects
      .filter((one) => one.dataset === name && (one.code === WAITING_CODE) === waiting)
      .reduce((sum, { rows }) => sum + rows, 0);
  const files = db
    .prepare<
      [string, string],
      Pick<DatasetStatus, 'files_ingested' | 'files_replaced' | 'files_quarantined' | 'files_late'>
    >(
      `SELECT count(*) FILTER (WHERE state = 'ingested') AS files_ingested,
         count(*) FILTER (WHERE state = 'replaced') AS files_replaced,
         count(*) FILTER (WHERE revision > 0 AND state = 'quarantined' AND ${LATEST}) AS files_quarantined,
         count(*) FILTER (WHERE late = 1) AS files_late
       FROM files f WHERE feed = ? AND dataset = ?`,
    )
    .get(feed.name, name);
  const checkpoint = db
    .prepare<[string, string], { stamp: string; updated_at: string }>(
      'SELECT stamp, updated_at FROM checkpoints WHERE feed = ? AND dataset = ?',
    )
    .get(feed.name, name);
  return {
    name,
    table,
    rows:
      db
        .prepare<[], number>(`SELECT count(*) FROM ${quoteName(table)}`)
        .pluck()
        .get() ?? 0,
    rows_waiting: openRows(true),
    rows_rejected: openRows(false),
    files_ingested: files?.files_ingested ?? 0,
    files_replaced: files?.files_replaced ?? 0,
    files_quarantined: files?.files_quarantined ?? 0,
    files_late: files?.files_late ?? 0,
    checkpoint: checkpoint?.stamp ?? null,
    checkpoint_at: checkpoint?.updated_at ?? null,
  };
}
