import { LandfallError } from '../model/errors.ts';
import { type Store, type StoreOptions, openStore as openSqlite } from './sqlite/open.ts';

/**
 * Opens a database for writing, as its place says: a path is a file of SQLite's.
 * @throws LandfallError, DatabaseFault as the store does
 */
export function openStore(options: StoreOptions): Store {
  return openSqlite({ ...options, file: sqliteFile(options.file) });
}

/**
 * The file that the setting `db` names.
 * @throws LandfallError for a URL of PostgreSQL, which this version does not write
 */
export function sqliteFile(db: string): string {
  if (!/^postgres(?:ql)?:\/\//i.test(db)) return db;
  const hint = 'name a file with --db, e.g. /var/lib/landfall/landfall.sqlite';
  // The URL is not repeated: it may hold a password.
  throw new LandfallError('open database', 'this version writes SQLite only, and --db is the URL of PostgreSQL', {
    hint,
  });
}
