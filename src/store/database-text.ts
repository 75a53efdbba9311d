import path from 'node:path';
import { feedMigrations, feedViews, filledHash, readMigrations } from '../feed/sql-files.ts';
import type { Feed } from '../model/feed.ts';
import { parseDatabaseUrl } from '../settings/database-url.ts';
import { DDL, dialectOf, tablesText } from './schema.ts';

/**
 * All that an empty database needs for a feed, as SQL: the ledger, the feed's tables and views, and the records by which a start knows
 * that nothing is left to apply. Whoever may make tables runs it; the daemon then need not.
 * @param db the setting: it names the dialect, and the schema on a server
 * @param ledger the folder of the ledger's migrations; those for PostgreSQL lie below it
 * @throws LandfallError when a file of SQL cannot be read, or the environment lacks a value
 */
export function databaseText(feed: Feed, db: string, ledger: string): string {
  const dialect = dialectOf(db);
  const ddl = DDL[dialect];
  const url = parseDatabaseUrl(db);
  const ofLedger = readMigrations(dialect === 'sqlite' ? ledger : path.join(ledger, dialect));
  const views = feedViews(feed, dialect);
  return [
    `-- All that an empty database needs for the feed ${feed.name}, as a start would make it. It is run whole.`,
    'BEGIN;',
    ddl.opening(typeof url === 'string' ? null : url.schema),
    ddl.records,
    ...ofLedger.map(statementsOf),
    tablesText(feed, dialect),
    ...views.map(statementsOf),
    '-- What was applied, so that a start applies only what comes later.',
    recordText('schema_migrations (version, name, sha256, applied_at)', ddl.now, [
      ...ofLedger.map(({ version, name, sha256 }) => [version ?? 0, name, sha256]),
    ]),
    recordText('feed_schema (feed, kind, name, sha256, applied_at)', ddl.now, [
      ...feedMigrations(feed, dialect).map(({ name, sha256 }) => [feed.name, 'migration', name, sha256]),
      ...views.map((view) => [feed.name, 'view', view.view, filledHash(view)]),
    ]),
    'COMMIT;\n',
  ].join('\n');
}

function statementsOf({ sql }: { readonly sql: string }): string {
  return `${sql.trim()}\n`;
}

function recordText(into: string, now: string, rows: readonly (readonly (string | number)[])[]): string {
  if (rows.length === 0) return '';
  const lines = rows.map((row) => `  (${[...row.map(literal), now].join(', ')})`);
  return `INSERT INTO ${into} VALUES\n${lines.join(',\n')};\n`;
}

function literal(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}
