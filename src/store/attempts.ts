import { guardFaults } from './fault.ts';
import type { Store } from './open.ts';

interface Attempt {
  failures: number;
  process: string | null;
}

/**
 * Notes that a content is about to be read, so that a death in the middle is known to the next run.
 * Survives the death of the process; a power cut may forget it, which only costs one more attempt.
 * @returns how often reading this content has failed before
 */
export function openAttempt(store: Store, name: string, sha256: string, now: Date): number {
  return guardFaults('note attempt', store.file, () => {
    const { db } = store;
    const left = db
      .prepare<[string, string], Attempt>('SELECT failures, process FROM attempts WHERE name = ? AND sha256 = ?')
      .get(name, sha256);
    const died = left !== undefined && left.process !== null && left.process !== store.process;
    const failures = (left?.failures ?? 0) + (died ? 1 : 0);
    withoutSync(store, () =>
      db
        .prepare('INSERT OR REPLACE INTO attempts (name, sha256, failures, process, started_at) VALUES (?, ?, ?, ?, ?)')
        .run(name, sha256, failures, store.process, now.toISOString()),
    );
    return failures;
  });
}

/** Ends an attempt that did not lead to a commit; `failed` counts it toward the three. */
export function closeAttempt(store: Store, name: string, sha256: string, failed: boolean): void {
  guardFaults('note attempt', store.file, () => {
    withoutSync(store, () =>
      store.db
        .prepare('UPDATE attempts SET process = NULL, failures = failures + ? WHERE name = ? AND sha256 = ?')
        .run(failed ? 1 : 0, name, sha256),
    );
  });
}

/** Closes the attempts that another process left open without counting them: it was ended on purpose. */
export function forgiveAttempts(store: Store): void {
  guardFaults('note attempt', store.file, () => {
    store.db.prepare('UPDATE attempts SET process = NULL WHERE process IS NOT NULL').run();
  });
}

/** A note on an attempt has to outlive the process, not the power: it is not worth waiting for the disk. */
function withoutSync(store: Store, write: () => unknown): void {
  store.db.pragma('synchronous = NORMAL');
  try {
    write();
  } finally {
    store.db.pragma('synchronous = FULL');
  }
}
