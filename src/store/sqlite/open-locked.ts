import { closeLeftAttempts } from './attempts.ts';
import type { Decision } from '../../model/ledger.ts';
import { decide } from './decisions.ts';
import { requestRetries } from './ledger.ts';
import { heldBy, takeLock } from './lock.ts';
import { type OpenDatabase, closeDatabase, openBeside, openDatabase } from './open.ts';
import type { OpenOptions, Opened, StorePlace } from '../ownership.ts';
import { recognise } from './recognise.ts';
import type { Store } from '../store.ts';
import { createStore } from './store.ts';

/**
 * Takes the writer's lock of a file and opens the database in it. The lock is kept while the database is waited for.
 * See `openStore`.
 */
export async function openLocked(options: OpenOptions, file: string): Promise<Opened> {
  const { holder, stop, waitForWriter, patiently } = options;
  const lock = await patiently(() => {
    recognise(file);
    options.onFound?.();
    return takeLock(file, holder, waitForWriter ? stop : AbortSignal.abort());
  });
  if (lock === null || !('release' in lock)) {
    return stop.aborted ? { kind: 'stopped' } : { kind: 'held', problem: heldBy(file, lock) };
  }
  let opened: Store | null = null;
  try {
    options.onLocked?.();
    // A database that is locked or full is waited for with this first write, too. Null as well: told to stop before it was open.
    const database = await patiently(() => openForWriting(options, file));
    if (database === null) return { kind: 'stopped' };
    opened = createStore(database);
  } finally {
    if (opened === null) lock.release();
  }
  const store = opened;
  const close = async (): Promise<void> => {
    try {
      await store.close();
    } finally {
      lock.release();
    }
  };
  return { kind: 'opened', store: { ...store, close } };
}

/** Opens the database for whoever holds the lock, and closes the attempts that the process before has left open. */
function openForWriting(options: OpenOptions, file: string): OpenDatabase {
  const database = openDatabase({ ...options, file });
  try {
    closeLeftAttempts(database, options.before, options.now());
    return database;
  } catch (error) {
    closeDatabase(database);
    throw error;
  }
}

/** Leaves a decision in a database that another process may hold the lock of. See `recordDecision` of the door. */
export function recordDecisionBeside(place: StorePlace, file: string, decision: Decision, now: Date): void {
  const database = openBeside({ ...place, file });
  try {
    decide(database, decision, now);
  } finally {
    closeDatabase(database);
  }
}

/** Leaves a request in a database that another process holds the lock of. See `requestRetries` of the door. */
export function requestRetriesBeside(place: StorePlace, file: string, names: readonly string[], now: Date): void {
  const database = openBeside({ ...place, file });
  try {
    requestRetries(database, names, now);
  } finally {
    closeDatabase(database);
  }
}
