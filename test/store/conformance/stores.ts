import Database from 'better-sqlite3';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { describe } from 'vitest';
import { loadFeed } from '../../../src/feed/load.ts';
import { feedMigrations } from '../../../src/feed/sql-files.ts';
import type { Feed } from '../../../src/model/feed.ts';
import { LEDGER_TABLES } from '../../../src/model/ledger-tables.ts';
import type { OpenDatabase } from '../../../src/store/sqlite/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { copyFeed, feedWithTables } from '../../helpers/feed-folder.ts';
import { MIGRATIONS, openDesk } from '../../helpers/ingest.ts';
import { serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { tempFolder } from '../../helpers/temp.ts';

/** A store on tables of its own, which are empty. */
export interface OpenedStore {
  readonly feed: Feed;
  readonly door: Store;
  /** Asks what lies behind the door. Numbers come as numbers, dates and bytes that are text as text. */
  rows(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** An SQLite database with these tables and their rows, for what looks at those: names and printed values are the same. */
  exported(): Promise<string>;
}

/** Rewrites the migration of the feed's tables, e.g. to add a constraint. */
export type Change = (sql: string) => string;

/** A store that the suite is run on. */
export interface TestedStore<Opened extends OpenedStore = OpenedStore> {
  readonly name: string;
  /** Skips the tests where there is no server for them. */
  readonly describe: (title: string, tests: () => void) => void;
  /** For a `describe`: what opens the store for a test. */
  readonly suite: () => (change: Change | null) => Promise<Opened>;
}

export const sqlite: TestedStore<OpenedStore & { readonly database: OpenDatabase }> = {
  name: 'SQLite',
  describe,
  suite: () => (change) => {
    const { feed, store, database, db } = openDesk(change === null ? {} : { feed: feedWithTables(change) });
    return Promise.resolve({
      ...{ feed, door: store, database },
      rows: (sql) =>
        Promise.try(() => {
          const statement = db.prepare<[], Record<string, unknown>>(sql);
          if (statement.reader) return statement.all();
          statement.run();
          return [];
        }),
      exported: () => Promise.resolve(database.file),
    });
  },
};

function migrationsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

export const postgres: TestedStore<OpenedStore & { readonly client: pg.Client }> = {
  name: 'PostgreSQL',
  describe: describePostgres,
  suite() {
    const open = serverSuite();
    return async (change) => {
      const { place, client, store } = await open(
        change === null ? {} : { feed: loadFeed(copyFeed({ serverTables: change })) },
      );
      return {
        ...{ feed: place.feed, client, door: store },
        rows: async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows,
        exported: () => exportToSqlite(client, place.feed),
      };
    };
  },
};

async function exportToSqlite(client: pg.Client, feed: Feed): Promise<string> {
  const file = join(tempFolder(), 'export.sqlite');
  using database = Object.assign(new Database(file), { [Symbol.dispose]: () => void database.close() });
  for (const name of migrationsIn(MIGRATIONS)) database.exec(readFileSync(join(MIGRATIONS, name), 'utf8'));
  for (const { sql } of feedMigrations(feed, 'sqlite')) database.exec(sql);
  database.pragma('foreign_keys = OFF');
  for (const table of [...LEDGER_TABLES, ...feed.datasets.map((dataset) => dataset.table)]) {
    const names = database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
    const columns = names.map((name) => (name === 'raw' ? name : `${name}::text`));
    const insert = database.prepare(`INSERT INTO ${table} VALUES (${names.map(() => '?').join(', ')})`);
    const { rows } = await client.query<unknown[]>({
      text: `SELECT ${columns.join(', ')} FROM ${table}`,
      rowMode: 'array',
    });
    database.transaction(() => {
      for (const row of rows) insert.run(row);
    })();
  }
  return file;
}

export const STORES: readonly TestedStore[] = [sqlite, postgres];
