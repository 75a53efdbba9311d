import type Database from 'better-sqlite3';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import { LATER_COLUMNS, LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { requireFeed } from './schema.ts';

/** @throws LandfallError when the database is another feed's, or a table of the ledger or of the feed is not there */
export function checkSetUp(db: Database.Database, file: string, feed: Feed): void {
  const tables = new Set(db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all());
  if (tables.has('files')) requireFeed(db, file, feed);
  const missing = [...LEDGER_TABLES, ...feed.datasets.map((one) => one.table)].filter((table) => !tables.has(table));
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
  const missing = LEDGER_TABLES.flatMap((table) => {
    const there = new Set(columns.all(table));
    return (LATER_COLUMNS[table] ?? []).filter((name) => !there.has(name)).map((name) => `${table}.${name}`);
  });
  if (missing.length === 0) return;
  throw new LandfallError('read database', `an older Landfall set it up: it has no column ${missing.join(', ')}`, {
    file,
    hint: 'restart the daemon with this version, which brings it up to date',
  });
}
