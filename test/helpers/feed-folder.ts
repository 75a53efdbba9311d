import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import type { Feed } from '../../src/model/feed.ts';
import { FEED_FOLDER } from './ingest.ts';
import { tempFolder } from './temp.ts';

/** What is changed in a copy of the shipped feed; a change that changes nothing fails the test. */
export interface FeedChanges {
  readonly definition?: (yaml: string) => string;
  /** The tables' migration for SQLite. */
  readonly tables?: (sql: string) => string;
  /** That for PostgreSQL. */
  readonly serverTables?: (sql: string) => string;
}

/** Where the shipped feed has its tables. */
export const TABLES = 'migrations/sqlite/0002_visitpay.sql';

/** Makes a copy of the shipped feed with some changes, in a temporary folder; gives that. */
export function copyFeed(changes: FeedChanges): string {
  const folder = join(tempFolder(), 'feed');
  cpSync(FEED_FOLDER, folder, { recursive: true });
  rewrite(join(folder, 'feed.yaml'), changes.definition);
  rewrite(join(folder, TABLES), changes.tables);
  rewrite(join(folder, TABLES.replace('sqlite', 'postgres')), changes.serverTables);
  return folder;
}

/** The shipped feed, with other tables. */
export function feedWithTables(tables: (sql: string) => string): Feed {
  return loadFeed(copyFeed({ tables }));
}

function rewrite(file: string, change: ((text: string) => string) | undefined): void {
  if (change === undefined) return;
  const text = readFileSync(file, 'utf8');
  const changed = change(text);
  expect(changed).not.toBe(text);
  writeFileSync(file, changed);
}
