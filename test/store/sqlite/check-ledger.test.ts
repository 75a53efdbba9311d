import Database from 'better-sqlite3';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { check } from '../../../src/commands/check.ts';
import { files } from '../../../src/commands/files.ts';
import { rejects } from '../../../src/commands/rejects.ts';
import { status } from '../../../src/commands/status.ts';
import { loadFeed } from '../../../src/feed/load.ts';
import { LATER_COLUMNS, LATER_TABLES, LEDGER_TABLES } from '../../../src/model/ledger-tables.ts';
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

test('a command that only looks at what an older program set up does what it can, or says what is to be done', async () => {
  const { file, folder } = firstDatabase();
  const settings = readSettings({ flags: { db: file }, env: {}, cwd: ROOT, root: ROOT });
  const { path } = writeFeedFile(folder, 'Procedure', '20260802_060000', [procedure('P1')]);
  const filter = { settings, state: [], code: [], file: null, since: null, limit: null, json: true };
  const rejected = () => rejects({ ...filter, csv: false, raw: false }, captureIo());
  expect(await rejected()).toBe(0);
  const looks: (() => Promise<number>)[] = [
    () => files(filter, captureIo()),
    () => status({ settings, json: true, check: false }, captureIo()),
    () => check({ settings, files: [path], json: true, raw: false }, captureIo()),
  ];
  for (const look of looks)
    await expect(look()).rejects.toThrow(/older Landfall[^]*files\.warnings[^]*decisions[^]*restart the daemon/);

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
  for (const look of [...looks, rejected]) expect(await look()).toBe(0);
});

test('every table and column that a migration has added to the ledger is asked for', () => {
  // Each state that a released program may have left: the migrations up to some number.
  const numbered = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql'));
  const states = numbered.sort().map((_, at) => columnsAfter(numbered.slice(0, at + 1)));
  const [first = new Map<string, ReadonlySet<string>>()] = states;
  const [added, born] = [new Set<string>(), new Set<string>()];
  for (const [at, state] of states.entries()) {
    for (const [table, names] of state) {
      const before = states[at - 1]?.get(table);
      if (before === undefined) {
        if (!first.has(table)) born.add(table);
        continue;
      }
      for (const name of names) if (!before.has(name)) added.add(`${table}.${name}`);
    }
  }
  const listed = Object.entries(LATER_COLUMNS).flatMap(([table, names]) => names.map((name) => `${table}.${name}`));
  expect([...added].sort()).toEqual(listed.toSorted());
  expect([...born].sort()).toEqual([...LATER_TABLES].sort());
});

/** The columns of each table of the ledger that some of its migrations have made. */
function columnsAfter(names: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const db = new Database(':memory:');
  for (const name of names) db.exec(readFileSync(join(MIGRATIONS, name), 'utf8'));
  const list = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck();
  const found = LEDGER_TABLES.map((table) => [table, new Set(list.all(table))] as const);
  db.close();
  return new Map(found.filter(([, columns]) => columns.size > 0));
}
