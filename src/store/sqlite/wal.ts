import { databaseStat } from './database-file.ts';
import { guardFaults } from './faults.ts';
import type { LogState } from '../store.ts';
import type { OpenDatabase } from './open.ts';

/** From this size on, in bytes, the write-ahead log is worth emptying when there is nothing else to do. */
const WORTH_BYTES = 16 * 1024 * 1024;

/** Whether the write-ahead log is so large that emptying it is worth while, and may take a while. */
export function isWalLarge(database: OpenDatabase): boolean {
  return walBytes(database.file) >= WORTH_BYTES;
}

/**
 * Empties a large write-ahead log into the database, without waiting for readers. SQLite does this by itself only when a commit
 * comes along: after a large file it would lie there until the next one, and behind an open reader it grows.
 * To be called between files.
 * @throws DatabaseFault
 */
export function emptyWal(database: OpenDatabase): LogState {
  const { db, file } = database;
  return guardFaults('empty write-ahead log', file, () => {
    if (!isWalLarge(database)) return { bytes: walBytes(file), pinned: false };
    const timeout = Number(db.pragma('busy_timeout', { simple: true }));
    db.pragma('busy_timeout = 0');
    try {
      // The answer's first column says whether a reader was in the way (https://sqlite.org/pragma.html#pragma_wal_checkpoint).
      const busy = db.pragma('wal_checkpoint(TRUNCATE)', { simple: true });
      return { bytes: walBytes(file), pinned: busy === 1 };
    } finally {
      db.pragma(`busy_timeout = ${timeout}`);
    }
  });
}

/** The size of the write-ahead log in bytes. */
export function walBytes(file: string): number {
  return Number(databaseStat('empty write-ahead log', `${file}-wal`)?.size ?? 0);
}
