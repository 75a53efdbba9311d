import type Database from 'better-sqlite3';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import { lackingLater, LATER_TABLES, LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { requireFeed } from './schema.ts';

/**
 * Makes sure that a database was set up for a feed, be it by an older program.
 * @throws LandfallError when it is another feed's, or a table of the first ledger or of the feed is not there
 */
export function checkSetUp(db: Database.Database, file: string, feed: Feed): void {
  const tables = new Set(db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all());
  if (tables.has('files')) requireFeed(db, file, feed);
  const first = LEDGER_TABLES.filter((table) => !LATER_TABLES.has(table));
  const missing = [...first, ...feed.datasets.map((one) => one.table)].filter((table) => !tables.has(table));
  if (missing.length > 0) {
    throw new LandfallError('read database', `it has no table ${missing.join(', ')}`, {
      file,
      hint: 'start the daemon once with this feed, which sets it up, or name another database or feed',
    });
  }
}

/**
 * Makes sure that a database that is only read, and so is not migrated, has the ledger that this program knows.
 * @throws LandfallError when an older program set it up
 */
export function checkLedger(db: Database.Database, file: string): void {
  const columns = db.prepare<[string], string>(`SELECT name FROM pragma_table_info(?, 'main')`).pluck();
  const missing = lackingLater((table) => columns.all(table));
  if (missing.length === 0) return;
  throw new LandfallError('read database', `an older Landfall set it up: it lacks ${missing.join(', ')}`, {
    file,
    hint: 'restart the daemon with this version, which brings it up to date',
  });
}
