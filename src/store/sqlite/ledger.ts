import { guardFaults } from './faults.ts';
import type { OpenDatabase } from './open.ts';
import { prepareOnce } from './prepare-once.ts';
import type { FileStat, FileState, LedgerEntry, UnreadName } from '../../model/ledger.ts';

interface LatestRow {
  file_id: bigint;
  name: string;
  revision: bigint;
  state: FileState;
  stamp: string | null;
  sha256: string | null;
  bytes: bigint;
  mtime_ns: bigint;
  ctime_ns: bigint;
  inode: bigint;
  feed_hash: string;
  program: string;
  taken_at: string | null;
  archived_to: string | null;
}

const ENTRIES = `SELECT file_id, name, revision, state, stamp, sha256, bytes, mtime_ns, ctime_ns, inode, feed_hash, program,
    taken_at, archived_to
  FROM files AS f WHERE feed = ?`;

const LATEST = `${ENTRIES} AND revision = (SELECT max(revision) FROM files l WHERE l.name = f.name)`;

/**
 * The latest revision of some names of the feed; 0 for names that were never read.
 * @param after the names bytewise behind this one
 * @param most how many at most
 */
export function latestRevisions(database: OpenDatabase, after: string, most: number): LedgerEntry[] {
  return guardFaults('read ledger', database.file, () =>
    prepareOnce<[string, string, number], LatestRow>(database.db, `${LATEST} AND name > ? ORDER BY name LIMIT ?`)
      .safeIntegers()
      .all(database.feed.name, after, most)
      .map(toEntry),
  );
}

/** Sorts behind every time. */
const NEVER = '~';

/** The latest revision of one name, or of those that were taken before a time; or null. */
export function latestRevision(database: OpenDatabase, name: string, before: string = NEVER): LedgerEntry | null {
  return guardFaults('read ledger', database.file, () => {
    const row = prepareOnce<[string, string, string], LatestRow>(
      database.db,
      `${ENTRIES} AND name = ? AND coalesce(taken_at, '') < ? ORDER BY revision DESC LIMIT 1`,
    )
      .safeIntegers()
      .get(database.feed.name, name, before);
    return row === undefined ? null : toEntry(row);
  });
}

function toEntry(row: LatestRow): LedgerEntry {
  return {
    fileId: Number(row.file_id),
    name: row.name,
    revision: Number(row.revision),
    state: row.state,
    stamp: row.stamp,
    sha256: row.sha256,
    stat: {
      bytes: Number(row.bytes),
      mtimeNs: row.mtime_ns,
      ctimeNs: row.ctime_ns,
      inode: BigInt.asUintN(64, row.inode),
    },
    feedHash: row.feed_hash,
    program: row.program,
    takenAt: row.taken_at,
    archivedTo: row.archived_to,
  };
}

/**
 * Makes the names that are listed without having been read (revision 0) exactly these. Writes only where they differ.
 * @returns the names that are new, to be reported once
 */
export function noteUnread(database: OpenDatabase, names: readonly UnreadName[], now: Date): readonly UnreadName[] {
  return guardFaults('write ledger', database.file, () => {
    const { db, feed } = database;
    const listed = prepareOnce<[string], { name: string; reason_code: string }>(
      db,
      'SELECT name, reason_code FROM files WHERE feed = ? AND revision = 0',
    ).all(feed.name);
    const known = new Map(listed.map((row) => [row.name, row.reason_code]));
    const wanted = new Set(names.map((unread) => unread.name));
    const fresh = names.filter((unread) => known.get(unread.name) !== unread.code);
    const gone = listed.filter((row) => !wanted.has(row.name));
    if (fresh.length === 0 && gone.length === 0) return [];
    const remove = prepareOnce(db, 'DELETE FROM files WHERE name = ? AND revision = 0');
    // A folder that changes while it is listed may give a name twice.
    const insert = prepareOnce(
      db,
      `INSERT OR REPLACE INTO files (feed, feed_hash, program, dataset, name, revision, stamp, bytes, mtime_ns, ctime_ns, inode,
         state, reason_code, reason, started_at, finished_at)
       VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    const at = now.toISOString();
    db.transaction(() => {
      for (const row of [...gone, ...fresh]) remove.run(row.name);
      for (const unread of fresh) {
        insert.run(feed.name, feed.hash, database.program, unread.dataset, unread.name, unread.stamp, ...statValues(unread.stat),
          unread.state, unread.code, unread.reason, at, at); // prettier-ignore
      }
    }).immediate();
    return fresh;
  });
}

/**
 * Bytes, mtime, ctime and inode as they are bound. Inodes of some mounts, and times after 2262, need 64 bits without a sign: they are
 * kept as the number with the same bits. Such a time is not known again after a restart; the file is then hashed once more.
 */
export function statValues(stat: FileStat): readonly [number, bigint, bigint, bigint] {
  const signed = (value: bigint) => BigInt.asIntN(64, value);
  return [stat.bytes, signed(stat.mtimeNs), signed(stat.ctimeNs), signed(stat.inode)];
}

/** Keeps the size and times of a file whose bytes are those of its latest revision, so that it is not hashed again. */
export function noteStat(database: OpenDatabase, entry: Pick<LedgerEntry, 'fileId' | 'name'>, stat: FileStat): void {
  const { db } = database;
  guardFaults('write ledger', database.file, () => {
    db.transaction(() => {
      prepareOnce(db, 'UPDATE files SET bytes = ?, mtime_ns = ?, ctime_ns = ?, inode = ? WHERE file_id = ?').run(
        ...statValues(stat),
        entry.fileId,
      );
      prepareOnce(db, 'DELETE FROM attempts WHERE name = ?').run(entry.name);
    }).immediate();
  });
}

/** Asks for names to be read again, each as a new revision, whatever has happened to them before. */
export function requestRetries(database: OpenDatabase, names: readonly string[], now: Date): void {
  const { db } = database;
  guardFaults('request retry', database.file, () => {
    db.transaction(() => {
      for (const name of names) {
        prepareOnce(db, 'INSERT OR REPLACE INTO retries (name, requested_at) VALUES (?, ?)').run(
          name,
          now.toISOString(),
        );
        prepareOnce(db, 'UPDATE attempts SET failures = 0, deaths = 0, died_at = NULL WHERE name = ?').run(name);
      }
    }).immediate();
  });
}

/** The names that someone asked to have read again, and when (ISO 8601, UTC); a name leaves with the commit of its next reading. */
export function pendingRetries(database: OpenDatabase): Map<string, string> {
  return guardFaults(
    'read ledger',
    database.file,
    () => new Map(prepareOnce<[], [string, string]>(database.db, 'SELECT name, requested_at FROM retries').raw().all()),
  );
}
