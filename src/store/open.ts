import type { Decision } from '../model/ledger.ts';
import { isUrl } from '../settings/database-url.ts';
import type { Dataset, Feed } from '../model/feed.ts';
import type { OpenIncoming } from './incoming.ts';
import type { LockState, OpenOptions, Opened, StorePlace } from './ownership.ts';
import type { DatabaseSize, StoreReader } from './reader.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { RowCopy } from './row-copy.ts';
import * as sqliteFiles from './sqlite/database-file.ts';
import * as sqliteLock from './sqlite/lock.ts';

// Each store is loaded only where it is opened: `status --check`, which a monitor runs every few seconds, needs little of it.

/**
 * Opens a database for writing: takes the right to, makes sure that it is ours, brings its tables up to date, holds them against the
 * feed, and closes the attempts that the process before has left open.
 * @throws LandfallError when it is another program's, newer than this one, or does not fit the feed
 * @throws DatabaseFault when it is damaged, cannot be reached or written, or stays locked or full for longer than the patience
 */
export async function openStore(options: OpenOptions): Promise<Opened> {
  if (isUrl(options.db)) {
    const { openServerStore } = await import('./postgres/open.ts');
    return await openServerStore(options);
  }
  const { openLocked } = await import('./sqlite/open-locked.ts');
  return await openLocked(options, options.db);
}

/**
 * Leaves a request in a database that another process writes: to read files again.
 * @throws LandfallError when it is not there, not set up, of another version, or another feed's
 * @throws DatabaseFault when it cannot be opened or written
 */
export async function requestRetries(place: StorePlace, names: readonly string[], now: Date): Promise<void> {
  const { requestRetriesBeside } = await import('./sqlite/open-locked.ts');
  requestRetriesBeside(place, place.db, names, now);
}

/**
 * Leaves a decision in a database, which another process may be writing. Where the content is quarantined, it is read again.
 * @throws LandfallError, DatabaseFault as `requestRetries` does
 */
export async function recordDecision(place: StorePlace, decision: Decision, now: Date): Promise<void> {
  if (isUrl(place.db)) {
    const { recordServerDecision } = await import('./postgres/open.ts');
    await recordServerDecision(place, decision, now);
    return;
  }
  const { recordDecisionBeside } = await import('./sqlite/open-locked.ts');
  recordDecisionBeside(place, place.db, decision, now);
}

/**
 * Takes or keeps the right to tell people of a database's data, which of several daemons one has at a time: whoever had it loses it when
 * it has not kept it for three minutes. A database of SQLite has but one daemon, which always has it.
 * @param holder who asks: the same over restarts
 * @returns whether the holder has it now
 * @throws DatabaseFault when it cannot be asked
 */
export async function keepAlertLease(db: string, holder: string): Promise<boolean> {
  if (!isUrl(db)) return true;
  const { keepServerLease } = await import('./postgres/alert-lease.ts');
  return await keepServerLease(db, holder);
}

/** Looks whether a process writes a database; makes nothing, and waits for nobody. On a server there is no lock to look at. */
export function lookAtLock(db: string): LockState {
  return isUrl(db) ? { kind: 'unknown' } : sqliteLock.lookAtLock(db);
}

/**
 * Opens an existing database to read it, also while a daemon writes.
 * @throws LandfallError when it is missing, not Landfall's, or may not be read
 * @throws DatabaseFault when it cannot be opened or is damaged
 */
export async function openReader(db: string, feed: Feed): Promise<StoreReader> {
  if (isUrl(db)) {
    const { openServerReader } = await import('./postgres/reader.ts');
    return await openServerReader(db, feed);
  }
  const { openSqliteReader } = await import('./sqlite/reader.ts');
  return openSqliteReader(db, feed);
}

/**
 * Opens a database for a dry run, which does not write to it; where there is none yet, an empty one stands in for it.
 * @throws LandfallError, DatabaseFault as `openStore` does
 */
export async function openRehearsal(place: StorePlace): Promise<Rehearsal> {
  if (isUrl(place.db)) {
    const { openServerRehearsal } = await import('./postgres/rehearsal.ts');
    return await openServerRehearsal(place);
  }
  const { openSqliteRehearsal } = await import('./sqlite/rehearsal.ts');
  return openSqliteRehearsal({ ...place, file: place.db });
}

/**
 * Shows rows of a file to the checks of its dataset, without a database.
 * @returns null where they are written for a server, which alone can run them
 * @throws LandfallError when a check cannot be run
 */
export async function openIncoming(db: string, feed: Feed, dataset: Dataset): Promise<OpenIncoming | null> {
  if (isUrl(db)) return null;
  const { openSqliteIncoming } = await import('./sqlite/checking.ts');
  return openSqliteIncoming(feed, dataset);
}

/**
 * Whether there is a database; on a server: whether it was set up.
 * @throws LandfallError where it, or the folder it may be in, may not be read
 * @throws DatabaseFault where the server cannot be reached, or lets nobody in
 */
export async function databaseIsThere(db: string): Promise<boolean> {
  if (isUrl(db)) {
    const { serverIsSetUp } = await import('./postgres/reader.ts');
    return await serverIsSetUp(db);
  }
  if (!sqliteFiles.databaseIsThere(db)) return false;
  sqliteFiles.requireReadable(db);
  return true;
}

/** How much room a database takes up that cannot be asked itself; 0 for what is not there. */
export function databaseSize(db: string): DatabaseSize {
  return isUrl(db) ? { bytes: 0, walBytes: 0 } : sqliteFiles.databaseSize(db);
}

/**
 * Takes a lock by a file of its own, which the system takes back from the dead.
 * @returns what lets go of it; null: another process has it
 * @throws the system's error where the file cannot be made or locked
 */
export async function lockFile(file: string): Promise<(() => void) | null> {
  const lock = await import('./sqlite/file-lock.ts');
  return lock.lockFile(file);
}

/**
 * Makes a new database of rows that come from elsewhere, as a file of SQLite.
 * @throws DatabaseFault where it cannot be written
 */
export async function createRowCopy(file: string): Promise<RowCopy> {
  const copy = await import('./sqlite/row-copy.ts');
  return copy.createRowCopy(file);
}
