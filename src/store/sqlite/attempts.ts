import { guardFaults } from '../database-fault.ts';
import type { Store } from './open.ts';
import { prepareOnce } from './prepare-once.ts';
import type { FileStat } from '../../model/ledger.ts';

/** A content that is read: its SHA-256 once that is known. */
export interface AttemptedContent {
  readonly name: string;
  readonly stat: FileStat;
  readonly sha256: string | null;
}

/** How often reading a content has ended badly. */
export interface Mishaps {
  /** What the content did: an unexpected error, a crash or a hang of the process that read it, seen by the one that attends it. */
  readonly failures: number;
  /** Ends of the program in the middle of it of which nobody knows why: it was killed, memory ran out, the host went down. */
  readonly deaths: number;
}

/** A file in the middle of which the program has ended. */
export interface Suspect {
  readonly name: string;
  /** What `unreadContent` gave of it. */
  readonly unread: string;
  readonly deaths: number;
  /** When the last death was found: ISO 8601, UTC. */
  readonly diedAt: string;
}

/** What is known of the end of the process that wrote the database before this one. */
export interface Ending {
  /** The process that attends this one has seen it crash, or has ended it for a hang. */
  readonly crashed: boolean;
  /** Until when (ISO 8601, UTC) a daemon ran that was stopped by killing what loads: that is nobody's fault. Null: it was not. */
  readonly cutShortAt: string | null;
}

/** What tells a content from another before a byte of it is read; afterwards its SHA-256 does. */
export function unreadContent(stat: FileStat): string {
  return [stat.bytes, stat.mtimeNs, stat.inode].join('-');
}

/**
 * Notes that a content is about to be read, so that a death in the middle is known to the next run. To be called again once its
 * SHA-256 is known.
 * Survives the death of the process; a power cut may forget it, which only costs one more attempt.
 * @returns how often reading this content has ended badly before
 */
export function openAttempt(store: Store, content: AttemptedContent, now: Date): Mishaps {
  const { db } = store;
  const unread = unreadContent(content.stat);
  const open = db.transaction((): Mishaps => {
    // Mishaps before and after the SHA-256 is known are mishaps of the same file: they count together.
    const before = prepareOnce<[string, string, string], Mishaps & { diedAt: string | null }>(
      db,
      `SELECT coalesce(sum(failures), 0) AS failures, coalesce(sum(deaths), 0) AS deaths, max(died_at) AS diedAt
       FROM attempts WHERE name = ? AND content IN (?, ?)`,
    ).get(content.name, keyOf(content), unread) ?? { failures: 0, deaths: 0, diedAt: null };
    prepareOnce(db, 'DELETE FROM attempts WHERE name = ? AND content = ?').run(content.name, unread);
    prepareOnce(
      db,
      `INSERT OR REPLACE INTO attempts (name, content, unread, failures, deaths, died_at, process, started_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      content.name, keyOf(content), unread, before.failures, before.deaths, before.diedAt, store.process, now.toISOString(),
    ); // prettier-ignore
    return { failures: before.failures, deaths: before.deaths };
  });
  return guardFaults('note attempt', store.file, () => withoutSync(store, () => open.immediate()));
}

/** Ends an attempt that did not lead to a commit; `failed` counts it as a failure of the content. */
export function closeAttempt(store: Store, content: AttemptedContent, failed: boolean): void {
  guardFaults('note attempt', store.file, () => {
    withoutSync(store, () =>
      prepareOnce(
        store.db,
        'UPDATE attempts SET process = NULL, failures = failures + ? WHERE name = ? AND content = ?',
      ).run(failed ? 1 : 0, content.name, keyOf(content)),
    );
  });
}

/**
 * Closes the attempts that the process before this one has left open, each as what it was: a failure of the content, nobody's
 * fault, or a death that nobody can explain. To be called by whoever has just taken the database.
 */
export function settleAttempts(store: Store, ending: Ending, now: Date): void {
  guardFaults('note attempt', store.file, () => {
    const { db } = store;
    if (prepareOnce(db, 'SELECT 1 FROM attempts WHERE process IS NOT NULL').get() === undefined) return;
    const close = (set: string) => `UPDATE attempts SET process = NULL${set} WHERE process IS NOT NULL`;
    db.transaction(() => {
      prepareOnce(db, `${close('')} AND started_at <= ?`).run(ending.cutShortAt);
      if (ending.crashed) prepareOnce(db, close(', failures = failures + 1')).run();
      else prepareOnce(db, close(', deaths = deaths + 1, died_at = ?')).run(now.toISOString());
    }).immediate();
  });
}

/** The files in the middle of which the program has ended at least so many times. */
export function readSuspects(store: Store, atLeast: number): Suspect[] {
  return guardFaults('read ledger', store.file, () =>
    prepareOnce<[number], Suspect>(
      store.db,
      `SELECT name, unread, sum(deaths) AS deaths, max(died_at) AS diedAt FROM attempts
       WHERE unread IS NOT NULL GROUP BY name, unread HAVING sum(deaths) >= ?`,
    ).all(atLeast),
  );
}

function keyOf(content: AttemptedContent): string {
  return content.sha256 ?? unreadContent(content.stat);
}

/** A note on an attempt has to outlive the process, not the power: it is not worth waiting for the disk. */
function withoutSync<T>(store: Store, write: () => T): T {
  store.db.pragma('synchronous = NORMAL');
  try {
    return write();
  } finally {
    store.db.pragma('synchronous = FULL');
  }
}
