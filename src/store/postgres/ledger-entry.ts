import type { ClientBase, QueryResult } from 'pg';
import type { FileCode } from '../../model/codes.ts';
import type { Feed } from '../../model/feed.ts';
import type { FileEntry, FileFormat, FileTotals, Quarantine } from '../store.ts';
import type { Author } from './author.ts';
import { statValues } from './ledger.ts';
import { literal } from './literal.ts';
import { keepRejects } from './rejects.ts';
import { IDLE_WITHIN } from './begin-sql.ts';
import { LIVES } from './daemons.ts';

/** Enters a file as ingested with no rows yet, inside the transaction that brings them; gives its file_id. */
export async function enterFile(client: ClientBase, author: Author, entry: FileEntry): Promise<number> {
  await clearTheWay(client, entry);
  return await insertEntry(client, author, entry, { state: 'ingested', code: null, reason: null, rejectCounts: null });
}

/** Enters a file as quarantined; gives its file_id. */
export async function enterQuarantined(
  client: ClientBase,
  author: Author,
  entry: FileEntry,
  { code, reason, rejectCounts, rejects }: Quarantine,
): Promise<number> {
  await clearTheWay(client, entry);
  const refusal = { state: 'quarantined', code, reason, rejectCounts: JSON.stringify(rejectCounts) } as const;
  const fileId = await insertEntry(client, author, entry, refusal);
  await keepRejects(client, fileId, entry.dataset.name, rejects);
  await forget(client, entry);
  return fileId;
}

/**
 * Completes the entry of an ingested file: counts, checkpoint, earlier revisions; whether the file was late.
 * The feed's lock must be held: what is late depends on what others have committed.
 */
export async function completeFile(
  client: ClientBase,
  { feed }: Author,
  fileId: number,
  entry: FileEntry,
  totals: FileTotals,
  now: Date,
): Promise<{ late: boolean }> {
  const { counts } = totals;
  const at = now.toISOString();
  const { rows } = await client.query<{ late: number }>(COMPLETE, [
    ...[fileId, counts.read, counts.inserted, counts.updated, counts.unchanged, counts.stale],
    ...[counts.rejected, counts.waiting],
    ...[totals.headerBytes, totals.rowBytes, totals.refusedBytes, totals.skippedBytes],
    ...[totals.dialect, totals.extra, JSON.stringify(totals.rejectCounts), at],
    Object.keys(totals.warnings).length === 0 ? null : JSON.stringify(totals.warnings),
    totals.lastRowEnded === null ? null : Number(totals.lastRowEnded),
    ...[entry.name, entry.revision, feed.name, entry.dataset.name, entry.stamp],
  ]);
  return { late: rows[0]?.late === 1 };
}

/** All in one statement: whoever commits a file may be far from the server. */
const COMPLETE = `
  WITH entered AS (
    UPDATE files f SET rows_read = $2, rows_inserted = $3, rows_updated = $4, rows_unchanged = $5, rows_stale = $6,
      rows_rejected = $7, rows_waiting = $8, bytes_header = $9, bytes_rows = $10, bytes_refused = $11, bytes_skipped = $12,
      dialect = $13, extra = $14, reject_counts = $15, finished_at = $16, warnings = $17, last_row_ended = $18,
      late = (SELECT count(*) FROM checkpoints c WHERE c.feed = f.feed AND c.dataset = f.dataset AND c.stamp > f.stamp),
      state = CASE WHEN EXISTS (
        SELECT 1 FROM files l WHERE l.name = f.name AND l.revision > f.revision AND l.reason_code IS NULL)
        THEN 'replaced' ELSE f.state END
    WHERE file_id = $1 RETURNING late),
  replaced AS (
    UPDATE files SET state = 'replaced' WHERE name = $19 AND revision < $20 AND state IN ('ingested', 'quarantined')),
  reached AS (
    INSERT INTO checkpoints (feed, dataset, stamp, file_id, updated_at) VALUES ($21, $22, $23, $1, $16)
    ON CONFLICT (feed, dataset) DO UPDATE SET stamp = excluded.stamp, file_id = excluded.file_id, updated_at = excluded.updated_at
    WHERE excluded.stamp >= checkpoints.stamp),
  attempted AS (DELETE FROM attempts WHERE name = $19),
  asked AS (DELETE FROM retries WHERE name = $19)
  SELECT late FROM entered`;

/** How the last file of a dataset that was read is written, or null. */
export async function lastFormat(client: ClientBase, dataset: string): Promise<FileFormat | null> {
  const { rows } = await client.query<FileFormat>(
    `SELECT dialect::text, extra::text FROM files WHERE dataset = $1 AND dialect IS NOT NULL ORDER BY file_id DESC LIMIT 1`,
    [dataset],
  );
  return rows[0] ?? null;
}

/** So many files show how a dataset's files end. */
const FILES_THAT_SHOW = 10;

/** As `FileTransaction.lastRowsEnd`. */
export async function lastRowsEnd(client: ClientBase, { dataset, name }: FileEntry): Promise<boolean> {
  const { rows } = await client.query<{ ends: boolean }>(
    `SELECT coalesce(avg(last_row_ended), 0) >= 0.5 AS ends FROM (
       SELECT last_row_ended FROM files
       WHERE dataset = $1 AND name <> $2 AND state = 'ingested' AND last_row_ended IS NOT NULL
       ORDER BY file_id DESC LIMIT ${FILES_THAT_SHOW}) last`,
    [dataset.name, name],
  );
  return rows[0]?.ends ?? false;
}

/** As `FileTransaction.lastRowCounts`. */
export async function lastRowCounts(
  client: ClientBase,
  { dataset, name }: FileEntry,
  most: number,
): Promise<readonly number[]> {
  const { rows } = await client.query<{ rows_read: string }>(
    `SELECT rows_read FROM files WHERE dataset = $1 AND name <> $2 AND state = 'ingested' ORDER BY file_id DESC LIMIT $3`,
    [dataset.name, name, most],
  );
  return rows.map((row) => Number(row.rows_read));
}

/**
 * Locks the feed until the transaction ends: files of one feed are merged one after the other, by whichever daemon. One that stands still
 * meanwhile holds up the others no longer than any transaction.
 */
export async function lockFeed(client: ClientBase, feed: Feed): Promise<void> {
  requireFeedLocked(await client.query(lockFeedSql(feed)));
}

/**
 * Locks the feed as `lockFeed` does, where that holds up nobody: no other daemon has said of late that it lives, and no file is merged.
 * @param run this run of the program
 * @returns whether it is locked
 */
export async function lockFeedIfAlone(client: ClientBase, feed: Feed, run: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM feeds WHERE feed = $1 AND NOT EXISTS (SELECT FROM daemons d WHERE d.process <> $2 AND ${LIVES}) FOR UPDATE SKIP LOCKED`,
    [feed.name, run],
  );
  return rowCount === 1;
}

/** What `lockFeed` asks, as SQL without parameters. */
export function lockFeedSql(feed: Feed): string {
  return `SELECT set_config('idle_in_transaction_session_timeout', '${IDLE_WITHIN}', true) FROM feeds
    WHERE feed = ${literal(feed.name)} FOR UPDATE`;
}

/** @throws Error unless that gave the feed's row */
export function requireFeedLocked(locked: QueryResult | undefined): void {
  if (locked?.rowCount !== 1) throw new Error('a database is given its feed when it is opened');
}

/**
 * A name that was only noted, and a quarantined revision that is tried again, give their place to the new entry; revisions that were
 * taken later move up by one.
 */
async function clearTheWay(client: ClientBase, { name, revision }: FileEntry): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM files WHERE name = $1 LIMIT 1', [name]);
  if (rowCount === 0) return;
  const gives = `name = $1 AND revision IN (0, $2) AND state IN ('quarantined', 'unrecognised')`;
  await client.query(`DELETE FROM rejects WHERE file_id IN (SELECT file_id FROM files WHERE ${gives})`, [
    name,
    revision,
  ]);
  await client.query(`DELETE FROM files WHERE ${gives}`, [name, revision]);
  // Far off and back: a revision of a name is there once at each step.
  const far = 1_000_000_000;
  const moved = await client.query(`UPDATE files SET revision = revision + ${far} WHERE name = $1 AND revision >= $2`, [
    name,
    revision,
  ]);
  if (moved.rowCount !== 0)
    await client.query(`UPDATE files SET revision = revision - ${far - 1} WHERE name = $1 AND revision >= ${far}`, [
      name,
    ]);
}

async function insertEntry(
  client: ClientBase,
  { feed, program }: Author,
  entry: FileEntry,
  outcome: {
    readonly state: 'ingested' | 'quarantined';
    readonly code: FileCode | null;
    readonly reason: string | null;
    readonly rejectCounts: string | null;
  },
): Promise<number> {
  const at = entry.startedAt.toISOString();
  const { rows } = await client.query<{ file_id: string }>(
    `INSERT INTO files (feed, feed_hash, program, dataset, name, revision, stamp, sha256, attempts, started_at, finished_at,
       bytes, mtime_ns, ctime_ns, inode, state, reason_code, reason, reject_counts, taken_at, archived_to)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING file_id`,
    [
      ...[feed.name, feed.hash, program, entry.dataset.name, entry.name, entry.revision, entry.stamp, entry.sha256],
      ...[entry.attempts, at, ...statValues(entry.stat)],
      ...[outcome.state, outcome.code, outcome.reason, outcome.rejectCounts],
      ...[entry.takenAt, outcome.state === 'ingested' ? entry.archivedTo : null],
    ],
  );
  return Number(rows[0]?.file_id);
}

/** With the entry, its attempts and the request to read the name again are done with. */
async function forget(client: ClientBase, { name }: FileEntry): Promise<void> {
  await client.query('DELETE FROM attempts WHERE name = $1', [name]);
  await client.query('DELETE FROM retries WHERE name = $1', [name]);
}
