import type { ClientBase } from 'pg';
import type { Feed } from '../../model/feed.ts';
import type { FileStat, FileState, LedgerEntry, UnreadName } from '../../model/ledger.ts';
import type { Author } from './author.ts';

interface LatestRow {
  readonly file_id: number;
  readonly name: string;
  readonly revision: number;
  readonly state: FileState;
  readonly stamp: string | null;
  readonly sha256: string | null;
  readonly bytes: number;
  readonly mtime_ns: string;
  readonly ctime_ns: string;
  readonly inode: string;
  readonly feed_hash: string;
  readonly program: string;
  readonly taken_at: string | null;
  readonly archived_to: string | null;
}

const ENTRIES = `SELECT file_id, name, revision, state, stamp, sha256, bytes, mtime_ns::text, ctime_ns::text, inode::text, feed_hash, program,
    taken_at, archived_to
  FROM files f WHERE feed = $1`;

const LATEST = `${ENTRIES} AND revision = (SELECT max(l.revision) FROM files l WHERE l.name = f.name)`;

/**
 * The latest revision of some names of the feed; 0 for names that were never read.
 * @param after the names bytewise behind this one
 * @param most how many at most
 */
export async function latestRevisions(
  client: ClientBase,
  feed: Feed,
  after: string,
  most: number,
): Promise<readonly LedgerEntry[]> {
  const { rows } = await client.query<LatestRow>(`${LATEST} AND name > $2 ORDER BY name LIMIT $3`, [
    ...[feed.name, after, most],
  ]);
  return rows.map(toEntry);
}

/** The latest revision of one name, or of those that were taken before a time; or null. */
export async function latestRevision(
  client: ClientBase,
  feed: Feed,
  name: string,
  before: string | null = null,
): Promise<LedgerEntry | null> {
  const { rows } = await client.query<LatestRow>(
    `${ENTRIES} AND name = $2 AND ($3::text IS NULL OR taken_at IS NULL OR taken_at < $3) ORDER BY revision DESC LIMIT 1`,
    [feed.name, name, before],
  );
  const [row] = rows;
  return row === undefined ? null : toEntry(row);
}

function toEntry(row: LatestRow): LedgerEntry {
  const { name, revision, state, stamp, sha256, program } = row;
  return {
    ...{ fileId: row.file_id, name, revision, state, stamp, sha256, feedHash: row.feed_hash, program },
    stat: {
      bytes: row.bytes,
      mtimeNs: BigInt(row.mtime_ns),
      ctimeNs: BigInt(row.ctime_ns),
      inode: BigInt.asUintN(64, BigInt(row.inode)),
    },
    takenAt: row.taken_at,
    archivedTo: row.archived_to,
  };
}

/** As `Store.noteUnread`. */
export async function noteUnread(
  client: ClientBase,
  { feed, program }: Author,
  names: readonly UnreadName[],
  now: Date,
): Promise<readonly UnreadName[]> {
  const { rows: listed } = await client.query<{ name: string; reason_code: string }>(
    'SELECT name, reason_code FROM files WHERE feed = $1 AND revision = 0',
    [feed.name],
  );
  const known = new Map(listed.map((row) => [row.name, row.reason_code]));
  const wanted = new Set(names.map((unread) => unread.name));
  // A folder that changes while it is listed may give a name twice.
  const fresh = [...new Map(names.map((unread) => [unread.name, unread])).values()].filter(
    (unread) => known.get(unread.name) !== unread.code,
  );
  const gone = listed.filter((row) => !wanted.has(row.name));
  if (fresh.length === 0 && gone.length === 0) return [];
  await client.query('DELETE FROM files WHERE revision = 0 AND name = ANY ($1)', [
    [...gone, ...fresh].map((row) => row.name),
  ]);
  await client.query(
    `INSERT INTO files (feed, feed_hash, program, revision, started_at, finished_at,
       dataset, name, stamp, bytes, mtime_ns, ctime_ns, inode, state, reason_code, reason)
     SELECT $1, $2, $3, 0, $4, $4, u.*
     FROM unnest($5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
       $12::text[], $13::text[], $14::text[]) u
     ON CONFLICT (name, revision) DO NOTHING`,
    [
      ...[feed.name, feed.hash, program, now.toISOString()],
      ...[fresh.map((one) => one.dataset), fresh.map((one) => one.name), fresh.map((one) => one.stamp)],
      ...[0, 1, 2, 3].map((at) => fresh.map((one) => statValues(one.stat)[at])),
      ...[fresh.map((one) => one.state), fresh.map((one) => one.code), fresh.map((one) => one.reason)],
    ],
  );
  return fresh;
}

/** Bytes, mtime, ctime and inode as they are bound: what needs 64 bits without a sign is kept as the number with the same bits. */
export function statValues(stat: FileStat): readonly [number, bigint, bigint, bigint] {
  const signed = (value: bigint) => BigInt.asIntN(64, value);
  return [stat.bytes, signed(stat.mtimeNs), signed(stat.ctimeNs), signed(stat.inode)];
}

/** Keeps the size and times of a file whose bytes are those of its latest revision, so that it is not hashed again. */
export async function noteStat(
  client: ClientBase,
  { fileId, name }: Pick<LedgerEntry, 'fileId' | 'name'>,
  stat: FileStat,
): Promise<void> {
  await client.query('UPDATE files SET bytes = $1, mtime_ns = $2, ctime_ns = $3, inode = $4 WHERE file_id = $5', [
    ...[...statValues(stat), fileId],
  ]);
  await client.query('DELETE FROM attempts WHERE name = $1', [name]);
}

/** Asks for names to be read again, each as a new revision, whatever has happened to them before. */
export async function requestRetries(client: ClientBase, names: readonly string[], now: Date): Promise<void> {
  const distinct = [...new Set(names)];
  await client.query(
    `INSERT INTO retries (name, requested_at) SELECT name, $2 FROM unnest($1::text[]) name ORDER BY name
     ON CONFLICT (name) DO UPDATE SET requested_at = excluded.requested_at`,
    [distinct, now.toISOString()],
  );
  await client.query('UPDATE attempts SET failures = 0, deaths = 0, died_at = NULL WHERE name = ANY ($1)', [distinct]);
}

/** The names that someone asked to have read again, and when (ISO 8601, UTC). */
export async function pendingRetries(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<[string, string]>({
    text: 'SELECT name, requested_at FROM retries ORDER BY name',
    rowMode: 'array',
  });
  return new Map(rows);
}
