import Database from 'better-sqlite3';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { check } from '../../../src/commands/check.ts';
import { files } from '../../../src/commands/files.ts';
import { rejects } from '../../../src/commands/rejects.ts';
import { status } from '../../../src/commands/status.ts';
import { loadFeed } from '../../../src/feed/load.ts';
import { LATER_COLUMNS, LEDGER_TABLES } from '../../../src/model/ledger-tables.ts';
import { readSettings } from '../../../src/settings/read-settings.ts';
import { closeDatabase, openDatabase } from '../../../src/store/sqlite/open.ts';
import { captureIo } from '../../helpers/command-io.ts';
import { writeFeedFile } from '../../helpers/feed-files.ts';
import { FEED_FILE, MIGRATIONS, ROOT } from '../../helpers/ingest.ts';
import { procedure } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

/** What the first version of the program sets up. */
const FIRST = ['0001_ledger.sql'];

/** A database as the first version left it, with a file in it. */
function firstDatabase(): { file: string; folder: string } {
  const folder = tempFolder();
  const migrations = join(folder, 'migrations');
  mkdirSync(migrations);
  for (const name of FIRST) copyFileSync(join(MIGRATIONS, name), join(migrations, name));
  const file = join(folder, 'db/first.sqlite');
  const store = openDatabase({ file, feed: loadFeed(FEED_FILE), migrations, program: '0.0.0', cacheMib: 8 });
  store.db
    .exec(`INSERT INTO files (feed, feed_hash, program, dataset, name, revision, stamp, bytes, sha256, mtime_ns, ctime_ns, inode,
      state, rows_read, rows_inserted, dialect, extra, started_at, finished_at)
    VALUES ('visitpay', '', '0.0.0', 'Procedure', 'old.txt', 1, '2026-08-01T06:00:00Z', 1, '', 1, 1, 1, 'ingested', 1, 1, '{}', '[]',
      '2026-08-01T07:00:00.000Z', '2026-08-01T07:00:00.000Z')`);
  closeDatabase(store);
  return { file, folder };
}

test('a command that only looks at what an older program set up says what is to be done', async () => {
  const { file, folder } = firstDatabase();
  const settings = readSettings({ flags: { db: file }, env: {}, cwd: ROOT, root: ROOT });
  const { path } = writeFeedFile(folder, 'Procedure', '20260802_060000', [procedure('P1')]);
  const filter = { settings, state: [], code: [], file: null, since: null, limit: null, json: true };
  const looks: (() => Promise<number>)[] = [
    () => rejects({ ...filter, csv: false, raw: false }, captureIo()),
    () => files(filter, captureIo()),
    () => status({ settings, json: true, check: false }, captureIo()),
    () => check({ settings, files: [path], json: true, raw: false }, captureIo()),
  ];
  for (const look of looks)
    await expect(look()).rejects.toThrow(/(?:no table decisions|files\.warnings)[^]*start the daemon/);

  closeDatabase(
    openDatabase({ file, feed: loadFeed(FEED_FILE), migrations: MIGRATIONS, program: '0.0.0', cacheMib: 8 }),
  );
  const db = new Database(file, { readonly: true });
  onTestFinished(() => {
    db.close();
  });
  expect(db.prepare('SELECT name, rows_read, warnings FROM files').all()).toEqual([
    { name: 'old.txt', rows_read: 1, warnings: null },
  ]);
  for (const look of looks) expect(await look()).toBe(0);
});

test('every column that a migration has added to the ledger is asked for', () => {
  const columns = (names: readonly string[] | null): Map<string, Set<string>> => {
    const folder = tempFolder();
    const migrations = join(folder, 'migrations');
    mkdirSync(migrations);
    for (const name of names ?? []) copyFileSync(join(MIGRATIONS, name), join(migrations, name));
    const file = join(folder, 'some.sqlite');
    const from = names === null ? MIGRATIONS : migrations;
    const store = openDatabase({ file, feed: loadFeed(FEED_FILE), migrations: from, program: '0.0.0', cacheMib: 8 });
    const list = store.db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck();
    const found = new Map(LEDGER_TABLES.map((table) => [table, new Set(list.all(table))]));
    closeDatabase(store);
    return found;
  };
  const first = columns(FIRST);
  // A table that is not there at all is told as such.
  const there = [...columns(null)].filter(([table]) => (first.get(table)?.size ?? 0) > 0);
  const added = there.flatMap(([table, names]) =>
    [...names].filter((name) => first.get(table)?.has(name) !== true).map((name) => `${table}.${name}`),
  );
  const listed = Object.entries(LATER_COLUMNS).flatMap(([table, names]) => names.map((name) => `${table}.${name}`));
  expect(added.toSorted()).toEqual(listed.toSorted());
});
