import type Database from 'better-sqlite3';
import type { FileCode } from '../../model/codes.ts';
import type { Dataset } from '../../model/feed.ts';
import type { FileEntry, FileFormat, FileTotals, Quarantine, RejectedRow } from '../store.ts';
import { guardFaults } from './faults.ts';
import { statValues } from './ledger.ts';
import type { OpenDatabase } from './open.ts';
import { prepareOnce } from './prepare-once.ts';

/** Enters a file as ingested with no rows yet, inside the transaction that brings them; gives its file_id. */
export function enterFile(database: OpenDatabase, entry: FileEntry): number {
  const { db, feed } = database;
  clearTheWay(database, entry);
  const late = prepareOnce<[string, string, string], number>(
    db,
    'SELECT EXISTS (SELECT 1 FROM checkpoints WHERE feed = ? AND dataset = ? AND stamp > ?)',
  )
    .pluck()
    .get(feed.name, entry.dataset.name, entry.stamp);
  return insertEntry(database, entry, {
    state: 'ingested',
    code: null,
    reason: null,
    late: late ?? 0,
    rejectCounts: null,
  });
}

/** Completes the entry of an ingested file: counts, checkpoint, earlier revisions; whether the file was late. */
export function completeFile(
  database: OpenDatabase,
  fileId: number,
  entry: FileEntry,
  totals: FileTotals,
  now: Date,
): { late: boolean } {
  const { db, feed } = database;
  const { counts } = totals;
  const at = now.toISOString();
  const late = prepareOnce<unknown[], number>(db, `UPDATE files SET rows_read = ?, rows_inserted = ?, rows_updated = ?, rows_unchanged = ?, rows_stale = ?, rows_rejected = ?, rows_waiting = ?,
       bytes_header = ?, bytes_rows = ?, bytes_refused = ?, bytes_skipped = ?, dialect = ?, extra = ?, reject_counts = ?,
       warnings = ?, last_row_ended = ?, finished_at = ?
     WHERE file_id = ? RETURNING late`,
  ).pluck().get(counts.read, counts.inserted, counts.updated, counts.unchanged, counts.stale, counts.rejected, counts.waiting,
    totals.headerBytes, totals.rowBytes, totals.refusedBytes, totals.skippedBytes, totals.dialect, totals.extra,
    JSON.stringify(totals.rejectCounts), warningsOf(totals), flagOf(totals.lastRowEnded), at, fileId); // prettier-ignore
  prepareOnce(
    db,
    `UPDATE files SET state = 'replaced' WHERE name = ? AND revision < ? AND state IN ('ingested', 'quarantined')`,
  ).run(entry.name, entry.revision);
  prepareOnce(
    db,
    `UPDATE files SET state = 'replaced' WHERE file_id = ? AND EXISTS (SELECT 1 FROM files l
       WHERE l.name = files.name AND l.revision > files.revision AND l.reason_code IS NULL)`,
  ).run(fileId);
  prepareOnce(
    db,
    `INSERT INTO checkpoints (feed, dataset, stamp, file_id, updated_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET stamp = excluded.stamp, file_id = excluded.file_id, updated_at = excluded.updated_at
     WHERE excluded.stamp >= checkpoints.stamp`,
  ).run(feed.name, entry.dataset.name, entry.stamp, fileId, at);
  forget(database, entry);
  return { late: late === 1 };
}

/** Enters a file as quarantined, in a transaction of its own; gives its file_id. */
export function enterQuarantined(database: OpenDatabase, entry: FileEntry, quarantine: Quarantine): number {
  const { code, reason, rejectCounts, rejects } = quarantine;
  const enter = (): number => {
    clearTheWay(database, entry);
    const kept = { state: 'quarantined', code, reason, late: 0, rejectCounts: JSON.stringify(rejectCounts) } as const;
    const fileId = insertEntry(database, entry, kept);
    const keep = createRejectWriter(database.db);
    for (const row of rejects) keep(fileId, entry.dataset.name, row);
    forget(database, entry);
    return fileId;
  };
  return guardFaults('quarantine', database.file, () => database.db.transaction(enter).immediate());
}

/** The dialect and the extra header cells (JSON) of the last file of a dataset that was read, or null. */
export function lastFormat(database: OpenDatabase, dataset: Dataset): FileFormat | null {
  const row = prepareOnce<[string], FileFormat>(
    database.db,
    'SELECT dialect, extra FROM files WHERE dataset = ? AND dialect IS NOT NULL ORDER BY file_id DESC LIMIT 1',
  ).get(dataset.name);
  return row ?? null;
}

/** So many files show how a dataset's files end. */
const FILES_THAT_SHOW = 10;

/** As `FileTransaction.lastRowsEnd`. */
export function lastRowsEnd(database: OpenDatabase, { dataset, name }: FileEntry): boolean {
  const share = prepareOnce<[string, string], number | null>(
    database.db,
    `SELECT avg(last_row_ended) FROM (SELECT last_row_ended FROM files
       WHERE dataset = ? AND name <> ? AND state = 'ingested' AND last_row_ended IS NOT NULL
       ORDER BY file_id DESC LIMIT ${FILES_THAT_SHOW})`,
  )
    .pluck()
    .get(dataset.name, name);
  return (share ?? 0) >= 0.5;
}

/** As `FileTransaction.lastRowCounts`. */
export function lastRowCounts(database: OpenDatabase, { dataset, name }: FileEntry, most: number): number[] {
  return prepareOnce<[string, string, number], number>(
    database.db,
    `SELECT rows_read FROM files WHERE dataset = ? AND name <> ? AND state = 'ingested' ORDER BY file_id DESC LIMIT ?`,
  )
    .pluck()
    .all(dataset.name, name, most);
}

function warningsOf({ warnings }: FileTotals): string | null {
  return Object.keys(warnings).length === 0 ? null : JSON.stringify(warnings);
}

function flagOf(value: boolean | null): number | null {
  return value === null ? null : Number(value);
}

/**
 * A name that was only noted, and a quarantined revision that is tried again, give their place to the new entry; revisions that were
 * taken later move up by one.
 */
function clearTheWay(database: OpenDatabase, entry: FileEntry): void {
  const { db } = database;
  const gives = `name = ? AND revision IN (0, ?) AND state IN ('quarantined', 'unrecognised')`;
  prepareOnce(db, `DELETE FROM rejects WHERE file_id IN (SELECT file_id FROM files WHERE ${gives})`).run(
    entry.name,
    entry.revision,
  );
  prepareOnce(db, `DELETE FROM files WHERE ${gives}`).run(entry.name, entry.revision);
  // Far off and back: a revision of a name is there once at each step.
  const move = (sql: string) => prepareOnce(db, `UPDATE files SET revision = revision ${sql}`);
  if (move(`+ ${FAR} WHERE name = ? AND revision >= ?`).run(entry.name, entry.revision).changes > 0)
    move(`- ${FAR - 1} WHERE name = ? AND revision >= ${FAR}`).run(entry.name);
}

/** More revisions than a name will ever have. */
const FAR = 1_000_000_000;

function insertEntry(
  database: OpenDatabase,
  entry: FileEntry,
  outcome: {
    state: 'ingested' | 'quarantined';
    code: FileCode | null;
    reason: string | null;
    late: number;
    rejectCounts: string | null;
  },
): number {
  const [bytes, mtimeNs, ctimeNs, inode] = statValues(entry.stat);
  const archivedTo = outcome.state === 'ingested' ? entry.archivedTo : null;
  const at = entry.startedAt.toISOString();
  const result = prepareOnce(database.db, `INSERT INTO files (feed, feed_hash, program, dataset, name, revision, stamp, bytes, sha256, mtime_ns, ctime_ns, inode,
         state, reason_code, reason, late, attempts, reject_counts, taken_at, archived_to, started_at, finished_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(database.feed.name, database.feed.hash, database.program, entry.dataset.name, entry.name, entry.revision, entry.stamp,
      bytes, entry.sha256, mtimeNs, ctimeNs, inode,
      outcome.state, outcome.code, outcome.reason, outcome.late, entry.attempts, outcome.rejectCounts,
      entry.takenAt, archivedTo, at, at); // prettier-ignore
  return Number(result.lastInsertRowid);
}

/** With the entry, its attempts and the request to read the name again are done with. */
function forget(database: OpenDatabase, entry: FileEntry): void {
  prepareOnce(database.db, 'DELETE FROM attempts WHERE name = ?').run(entry.name);
  prepareOnce(database.db, 'DELETE FROM retries WHERE name = ?').run(entry.name);
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
