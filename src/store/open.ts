import { statSync } from 'node:fs';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import type { Decision } from '../model/ledger.ts';
import { isUrl } from '../settings/database-url.ts';
import type { LockState, OpenOptions, Opened, StorePlace } from './ownership.ts';
import type { StoreReader } from './reader.ts';
import type { Rehearsal } from './rehearsal.ts';
import * as sqliteFiles from './sqlite/database-file.ts';
import * as sqliteLock from './sqlite/lock.ts';

// Each store is loaded only where it is opened: `status --check`, which a monitor runs every few seconds, needs little of it.

/**
 * Opens a database for writing: takes the right to, makes sure that it is ours, brings its tables up to date, holds them against the
 * feed, and closes the attempts that the process before has left open.
 * @throws LandfallError when it is another program's, newer than this one, or does not fit the feed
 * @throws DatabaseFault when it is damaged, cannot be written, or stays locked or full for longer than the patience
 */
export async function openStore(options: OpenOptions): Promise<Opened> {
  const file = sqliteFile(options.db);
  const { openLocked } = await import('./sqlite/open-locked.ts');
  return await openLocked(options, file);
}

/**
 * Leaves a request in a database that another process writes: to read files again.
 * @throws LandfallError when it is not there, not set up, of another version, or another feed's
 * @throws DatabaseFault when it cannot be opened or written
 */
export async function requestRetries(place: StorePlace, names: readonly string[], now: Date): Promise<void> {
  const file = sqliteFile(place.db);
  const { requestRetriesBeside } = await import('./sqlite/open-locked.ts');
  requestRetriesBeside(place, file, names, now);
}

/**
 * Leaves a decision in a database, which another process may be writing. Where the content is quarantined, it is read again.
 * @throws LandfallError, DatabaseFault as `requestRetries` does
 */
export async function recordDecision(place: StorePlace, decision: Decision, now: Date): Promise<void> {
  const file = sqliteFile(place.db);
  const { recordDecisionBeside } = await import('./sqlite/open-locked.ts');
  recordDecisionBeside(place, file, decision, now);
}

/** Looks whether a process writes a database; makes nothing, and waits for nobody. */
export function lookAtLock(db: string): LockState {
  return sqliteLock.lookAtLock(sqliteFile(db));
}

/**
 * Opens an existing database to read it, also while a daemon writes.
 * @throws LandfallError when it is missing, not Landfall's, or may not be read
 * @throws DatabaseFault when it cannot be opened or is damaged
 */
export async function openReader(db: string, feed: Feed): Promise<StoreReader> {
  const file = sqliteFile(db);
  const { openSqliteReader } = await import('./sqlite/reader.ts');
  return openSqliteReader(file, feed);
}

/**
 * Opens a database for a dry run, which does not write to it; where there is none yet, an empty one stands in for it.
 * @throws LandfallError, DatabaseFault as `openStore` does
 */
export async function openRehearsal(place: StorePlace): Promise<Rehearsal> {
  const file = sqliteFile(place.db);
  const { openSqliteRehearsal } = await import('./sqlite/rehearsal.ts');
  return openSqliteRehearsal({ ...place, file });
}

/**
 * Whether there is a database.
 * @throws LandfallError where it, or the folder it may be in, may not be read
 */
export function databaseIsThere(db: string): boolean {
  const file = sqliteFile(db);
  if (!sqliteFiles.databaseIsThere(file)) return false;
  sqliteFiles.requireReadable(file);
  return true;
}

/** The bytes that a database takes up, and those of its write-ahead log; 0 for what is not there. */
export function databaseSize(db: string): { readonly bytes: number; readonly walBytes: number } {
  const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return { bytes: sizeOf(db), walBytes: sizeOf(`${db}-wal`) };
}

/**
 * The file that the setting `db` names.
 * @throws LandfallError for a URL, since this version has SQLite only
 */
export function sqliteFile(db: string): string {
  if (!isUrl(db)) return db;
  const hint = 'name a file with --db, e.g. /var/lib/landfall/landfall.sqlite';
  // The URL is not repeated: it may hold a password.
  throw new LandfallError('open database', 'this version has SQLite only, and --db is a URL', { hint });
}
