import { statSync } from 'node:fs';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import { isUrl } from '../settings/database-url.ts';
import type { StoreReader } from './reader.ts';
import {
  type Store,
  type StoreOptions,
  databaseIsThere,
  openStore as openSqlite,
  requireReadable,
} from './sqlite/open.ts';
import { openSqliteReader } from './sqlite/reader.ts';

/**
 * Opens a database for writing, as its place says: a path is a file of SQLite's.
 * @throws LandfallError, DatabaseFault as the store does
 */
export function openStore(options: StoreOptions): Store {
  return openSqlite({ ...options, file: sqliteFile(options.file) });
}

/**
 * Opens an existing database to read it, also while a daemon writes.
 * @throws LandfallError when it is missing, not Landfall's, or may not be read
 * @throws DatabaseFault when it cannot be opened or is damaged
 */
export function openReader(db: string, feed: Feed): Promise<StoreReader> {
  return Promise.try(() => openSqliteReader(sqliteFile(db), feed));
}

/**
 * Tells a database that may not be read from one that is not there, without opening it.
 * @throws LandfallError where there is one that may not be read
 */
export function requireAccess(db: string): void {
  const file = sqliteFile(db);
  if (databaseIsThere(file)) requireReadable(file);
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
