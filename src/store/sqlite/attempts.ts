import { type AttemptedContent, type Ending, type Mishaps, type Suspect, unreadContent } from '../attempts.ts';
import { guardFaults } from './faults.ts';
import { type OpenDatabase, requireInPlace } from './open.ts';
import { prepareOnce } from './prepare-once.ts';

/**
 * Notes that a content is about to be read, so that a death in the middle is known to the next run. To be called again once its
 * SHA-256 is known.
 * Survives the death of the process; a power cut may forget it, which only costs one more attempt.
 * @returns how often reading this content has ended badly before
 */
export function openAttempt(database: OpenDatabase, content: AttemptedContent, now: Date): Mishaps {
  const { db } = database;
  requireInPlace(database);
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
      content.name, keyOf(content), unread, before.failures, before.deaths, before.diedAt, database.process, now.toISOString(),
    ); // prettier-ignore
    return { failures: before.failures, deaths: before.deaths };
  });
  return guardFaults('note attempt', database.file, () => withoutSync(database, () => open.immediate()));
}

/** Ends an attempt that did not lead to a commit; `failed` counts it as a failure of the content. */
export function closeAttempt(database: OpenDatabase, content: AttemptedContent, failed: boolean): void {
  guardFaults('note attempt', database.file, () => {
    withoutSync(database, () =>
      prepareOnce(
        database.db,
        'UPDATE attempts SET process = NULL, failures = failures + ? WHERE name = ? AND content = ?',
      ).run(failed ? 1 : 0, content.name, keyOf(content)),
    );
  });
}

/**
 * Closes the attempts that the process before this one has left open, each as what it was: a failure of the content, nobody's
 * fault, or a death that nobody can explain. To be called by whoever has just taken the database.
 */
export function closeLeftAttempts(database: OpenDatabase, ending: Ending, now: Date): void {
  guardFaults('note attempt', database.file, () => {
    const { db } = database;
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
export function readSuspects(database: OpenDatabase, atLeast: number): Suspect[] {
  return guardFaults('read ledger', database.file, () =>
    prepareOnce<[number], Suspect>(
      database.db,
      `SELECT name, unread, sum(deaths) AS deaths, max(died_at) AS diedAt FROM attempts
       WHERE unread IS NOT NULL GROUP BY name, unread HAVING sum(deaths) >= ?`,
    ).all(atLeast),
  );
}

function keyOf(content: AttemptedContent): string {
  return content.sha256 ?? unreadContent(content.stat);
}

/** A note on an attempt has to outlive the process, not the power: it is not worth waiting for the disk. */
export function withoutSync<T>(database: OpenDatabase, write: () => T): T {
  database.db.pragma('synchronous = NORMAL');
  try {
    return write();
  } finally {
    database.db.pragma('synchronous = FULL');
  }
}
