import Database from 'better-sqlite3';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadFeed } from '../../../src/feed/load.ts';
import { LandfallError } from '../../../src/model/errors.ts';
import { DatabaseFault } from '../../../src/store/database-fault.ts';
import { migrate } from '../../../src/store/sqlite/migrate.ts';
import { FEED_FILE } from '../../helpers/ingest.ts';
import { tempFolder } from '../../helpers/temp.ts';

/** A feed without tables and views. */
const feed = { ...loadFeed(FEED_FILE), folder: '/nowhere' };

interface Bench {
  readonly db: Database.Database;
  readonly folder: string;
  readonly file: string;
  /** Writes a migration. */
  put(name: string, sql: string): void;
  migrate(): void;
  /** What migrate throws. */
  refusal(): LandfallError;
  tables(): unknown[];
  records(): unknown[];
  /** Schema and records, to be held against themselves. */
  state(): string;
}

function openBench(): Bench {
  const folder = tempFolder();
  const file = join(tempFolder(), 'bench.sqlite');
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('foreign_keys = ON');
  onTestFinished(() => {
    db.close();
  });
  const bench: Bench = {
    db,
    folder,
    file,
    put: (name, sql) => {
      writeFileSync(join(folder, name), sql);
    },
    migrate: () => {
      migrate(db, file, { feed, migrations: folder }, () => undefined);
    },
    refusal: () => {
      try {
        bench.migrate();
      } catch (error) {
        if (error instanceof LandfallError) return error;
        throw error;
      }
      throw new Error('it was not refused');
    },
    tables: () =>
      db
        .prepare(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('schema_migrations', 'feed_schema') ORDER BY 1",
        )
        .pluck()
        .all(),
    records: () => db.prepare('SELECT name FROM schema_migrations ORDER BY version').pluck().all(),
    state: () =>
      JSON.stringify([
        db.prepare('SELECT * FROM sqlite_schema ORDER BY name').all(),
        db.prepare('SELECT * FROM schema_migrations ORDER BY version').all(),
        db.inTransaction,
      ]),
  };
  bench.put('0001_one.sql', 'CREATE TABLE one (a); INSERT INTO one VALUES (1);');
  bench.put('0002_two.sql', 'CREATE TABLE two (b);');
  return bench;
}

describe('migrations that are in order', () => {
  test('a fresh database gets all of them, in order of their numbers, each with its record', () => {
    const bench = openBench();
    bench.put('0010_ten.sql', 'ALTER TABLE two ADD COLUMN c;');
    bench.put('notes.txt', 'not a migration');
    bench.migrate();
    expect(bench.tables()).toEqual(['one', 'two']);
    expect(bench.records()).toEqual(['0001_one.sql', '0002_two.sql', '0010_ten.sql']);
  });

  test('only what is pending is applied; applied ones only read', () => {
    const bench = openBench();
    bench.migrate();
    const before = bench.db.prepare('SELECT total_changes()').pluck().get();
    bench.migrate();
    expect(bench.db.prepare('SELECT total_changes()').pluck().get()).toBe(before);
    bench.put('0003_three.sql', 'CREATE TABLE three (c);');
    bench.migrate();
    expect(bench.tables()).toEqual(['one', 'three', 'two']);
    expect(bench.db.prepare('SELECT count(*) FROM one').pluck().get()).toBe(1);
  });

  test('P2: a migration and its record commit together: a reader sees both or neither', () => {
    const bench = openBench();
    const reader = new Database(bench.file, { readonly: true });
    onTestFinished(() => {
      reader.close();
    });
    const seen: unknown[] = [];
    migrate(bench.db, bench.file, { feed, migrations: bench.folder }, (moment) => {
      expect(moment).toBe('migration');
      seen.push([
        reader.prepare("SELECT count(*) FROM sqlite_schema WHERE name IN ('one', 'two')").pluck().get(),
        reader.prepare('SELECT count(*) FROM schema_migrations').pluck().get(),
      ]);
    });
    expect(seen).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });
});

describe('migrations that are refused', () => {
  test('one that fails is rolled back whole and named; the ones before it stay; corrected, it goes in', () => {
    const bench = openBench();
    bench.put(
      '0003_three.sql',
      'CREATE TABLE three (c); INSERT INTO three VALUES (1); INSERT INTO nowhere VALUES (1);',
    );
    const error = bench.refusal();
    expect(error.file).toBe(join(bench.folder, '0003_three.sql'));
    expect(error.message).toContain('no such table: nowhere');
    expect(bench.tables()).toEqual(['one', 'two']);
    expect(bench.records()).toEqual(['0001_one.sql', '0002_two.sql']);
    expect(bench.db.inTransaction).toBe(false);
    bench.put('0003_three.sql', 'CREATE TABLE three (c);');
    bench.migrate();
    expect(bench.tables()).toEqual(['one', 'three', 'two']);
  });

  test('one that fails on the rows that are there leaves the database as it was', () => {
    const bench = openBench();
    bench.migrate();
    bench.db.exec('INSERT INTO one VALUES (1)');
    const before = bench.state();
    bench.put('0003_unique.sql', 'CREATE UNIQUE INDEX only ON one (a);');
    expect(bench.refusal().message).toContain('0003_unique.sql');
    expect(bench.state()).toBe(before);
  });

  test.each(['ABORT', 'FAIL', 'ROLLBACK'])("one that a user's trigger refuses by RAISE(%s) is named", (raise) => {
    const bench = openBench();
    bench.migrate();
    bench.db.exec(`CREATE TRIGGER theirs AFTER UPDATE ON one BEGIN SELECT RAISE(${raise}, 'not so'); END`);
    const before = bench.state();
    bench.put('0003_three.sql', 'UPDATE one SET a = 2;');
    expect(bench.refusal()).toMatchObject({ file: join(bench.folder, '0003_three.sql') });
    expect(bench.state()).toBe(before);
  });

  test.each([
    ['ends its transaction', 'COMMIT; CREATE TABLE three (c);'],
    ['ends its transaction and begins another', 'CREATE TABLE three (c); COMMIT; BEGIN; CREATE TABLE four (d);'],
    ['rolls its transaction back and begins another', 'ROLLBACK; BEGIN; CREATE TABLE three (c);'],
    ['begins a transaction of its own', 'BEGIN; CREATE TABLE three (c); COMMIT;'],
  ])('one that %s is named and gets no record', (_, sql) => {
    const bench = openBench();
    bench.put('0003_three.sql', sql);
    const error = bench.refusal();
    expect(error.file).toBe(join(bench.folder, '0003_three.sql'));
    expect(error.message).toMatch(/transaction/);
    expect(bench.records()).toEqual(['0001_one.sql', '0002_two.sql']);
    expect(bench.db.inTransaction).toBe(false);
  });

  test('one that has committed by itself is not said to be rolled back', () => {
    const bench = openBench();
    bench.put('0003_three.sql', 'CREATE TABLE three (c); COMMIT;');
    expect(bench.refusal().message).not.toContain('was rolled back');
    expect(bench.tables()).toContain('three');
  });

  test('one that was changed after it was applied', () => {
    const bench = openBench();
    bench.migrate();
    const before = bench.state();
    bench.put('0001_one.sql', 'CREATE TABLE one (a, b);');
    bench.put('0003_three.sql', 'CREATE TABLE three (c);');
    const error = bench.refusal();
    expect(error.message).toContain('0001_one.sql was changed after it was applied');
    expect(error.hint).toContain('new migration');
    expect(bench.state()).toBe(before);
  });

  test.each(['3_three.sql', '0003-three.sql', '0003_Three.sql', 'three.sql', '00003_three.sql'])(
    'one that is misnamed: %s',
    (name) => {
      const bench = openBench();
      bench.put(name, 'CREATE TABLE three (c);');
      const error = bench.refusal();
      expect(error.file).toBe(join(bench.folder, name));
      expect(error.message).toContain('NNNN_name.sql');
      expect(bench.tables()).toEqual([]);
    },
  );

  test('two of one number', () => {
    const bench = openBench();
    bench.put('0002_twin.sql', 'CREATE TABLE twin (c);');
    expect(bench.refusal().message).toContain('another migration has the same number');
    expect(bench.tables()).toEqual([]);
  });

  test('a database that is newer than the program is refused and left as it is', () => {
    const bench = openBench();
    bench.migrate();
    rmSync(join(bench.folder, '0002_two.sql'));
    bench.put('0003_three.sql', 'CREATE TABLE three (c);');
    const before = bench.state();
    const error = bench.refusal();
    expect(error.file).toBe(bench.file);
    expect(error.message).toContain('0002_two.sql');
    expect(error.hint).toContain('a newer Landfall wrote it');
    expect(bench.state()).toBe(before);
  });

  test('a folder that is not there', () => {
    const bench = openBench();
    rmSync(bench.folder, { recursive: true });
    expect(bench.refusal()).toMatchObject({ operation: 'migrate', file: bench.folder });
  });

  test('a folder under the name of a migration', () => {
    const bench = openBench();
    renameSync(tempFolder(), join(bench.folder, '0003_folder.sql'));
    expect(bench.refusal().file).toContain(bench.folder);
  });

  test('a database that another program is writing to is a fault that passes, not a fault of the migration', () => {
    const bench = openBench();
    bench.db.pragma('busy_timeout = 1');
    bench.migrate();
    bench.put('0003_three.sql', 'CREATE TABLE three (c);');
    const other = new Database(bench.file);
    onTestFinished(() => {
      other.close();
    });
    other.exec('BEGIN IMMEDIATE');
    const error = bench.refusal();
    expect(error).toBeInstanceOf(DatabaseFault);
    expect(error).toMatchObject({ kind: 'busy' });
    other.exec('ROLLBACK');
    bench.migrate();
    expect(bench.tables()).toContain('three');
  });
});

test('the text of a migration is taken as it is, in UTF-8', () => {
  const bench = openBench();
  bench.put('0003_three.sql', "CREATE TABLE three (c DEFAULT 'Zoë'); INSERT INTO three DEFAULT VALUES;");
  bench.migrate();
  expect(bench.db.prepare('SELECT c FROM three').pluck().get()).toBe('Zoë');
  expect(readFileSync(join(bench.folder, '0003_three.sql'), 'utf8')).toContain('Zoë');
});
