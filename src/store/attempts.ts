import { guardFaults } from './fault.ts';
import type { Store } from './open.ts';
import { prepareOnce } from './prepare-once.ts';
import type { FileStat } from './types.ts';

interface Attempt {
  failures: number;
  process: string | null;
}

/** What tells a content from another before a byte of it is read; afterwards its SHA-256 does. */
export function unreadContent(stat: FileStat): string {
  return [stat.bytes, stat.mtimeNs, stat.inode].join('-');
}

/**
 * Notes that a content is about to be read, so that a death in the middle is known to the next run.
 * Survives the death of the process; a power cut may forget it, which only costs one more attempt.
 * @param content its SHA-256, or what `unreadContent` gives
 * @param unread the attempt that this one takes the place of, once the content is known
 * @returns how often reading this content has failed before
 */
export function openAttempt(
  store: Store,
  name: string,
  content: string,
  now: Date,
  unread: string | null = null,
): number {
  const { db } = store;
  const open = db.transaction((): number => {
    const left = prepareOnce<[string, string], Attempt>(
      db,
      'SELECT failures, process FROM attempts WHERE name = ? AND content = ?',
    ).get(name, content);
    const died = left !== undefined && left.process !== null && left.process !== store.process;
    // Deaths before and after the content is known are deaths on the same file: they count together.
    const before = prepareOnce<[string, string | null], number>(
      db,
      'SELECT failures FROM attempts WHERE name = ? AND content = ?',
    )
      .pluck()
      .get(name, unread);
    const failures = (left?.failures ?? 0) + (died ? 1 : 0) + (before ?? 0);
    prepareOnce(
      db,
      'INSERT OR REPLACE INTO attempts (name, content, failures, process, started_at) VALUES (?, ?, ?, ?, ?)',
    ).run(name, content, failures, store.process, now.toISOString());
    prepareOnce(db, 'DELETE FROM attempts WHERE name = ? AND content = ?').run(name, unread);
    return failures;
  });
  return guardFaults('note attempt', store.file, () => withoutSync(store, () => open.immediate()));
}

/** Ends an attempt that did not lead to a commit; `failed` counts it toward the three. */
export function closeAttempt(store: Store, name: string, content: string, failed: boolean): void {
  guardFaults('note attempt', store.file, () => {
    withoutSync(store, () =>
      prepareOnce(
        store.db,
        'UPDATE attempts SET process = NULL, failures = failures + ? WHERE name = ? AND content = ?',
      ).run(failed ? 1 : 0, name, content),
    );
  });
}

/** Closes all open attempts without counting them: the process that had them open was ended on purpose. */
export function forgiveAttempts(store: Store): void {
  guardFaults('note attempt', store.file, () => {
    prepareOnce(store.db, 'UPDATE attempts SET process = NULL WHERE process IS NOT NULL').run();
  });
}

/** Rolls back what is under way and closes its attempt without counting it, for a process that leaves in the middle of a file. */
export function abandonAttempts(store: Store): void {
  try {
    if (store.db.inTransaction) store.db.exec('ROLLBACK');
    forgiveAttempts(store);
  } catch {
    // The attempt then counts as one failure of three, which is no reason to stay.
  }
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
