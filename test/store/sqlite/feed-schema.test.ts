import Database from 'better-sqlite3';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { loadFeed } from '../../../src/feed/load.ts';
import { LandfallError } from '../../../src/model/errors.ts';
import { closeDatabase, openDatabase } from '../../../src/store/sqlite/open.ts';
import { TABLES } from '../../helpers/feed-folder.ts';
import { FEED_FILE, FEED_FOLDER, MIGRATIONS } from '../../helpers/ingest.ts';
import { tempFolder } from '../../helpers/temp.ts';

const DEFINITION = `feed: ward
files: { prefix: Ward_, extension: .csv }
datasets:
  - { name: Bed, table: beds, columns: [{ header: ID, name: bed_id, type: id }, { header: Room, name: room, type: text }] }
`;
const LINEAGE = 'source_file_id INTEGER NOT NULL, source_line INTEGER NOT NULL, source_stamp TEXT NOT NULL';
const BEDS = `CREATE TABLE beds (bed_id TEXT PRIMARY KEY NOT NULL, room TEXT, ${LINEAGE});`;

/** A folder of a feed that is put together file by file, and a database for it. */
function openWard() {
  const folder = tempFolder();
  const file = join(tempFolder(), 'ward.sqlite');
  const put = (name: string, text: string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  put('feed.yaml', DEFINITION);
  const open = (environment: string | null = null): void => {
    const feed = loadFeed(folder, environment);
    closeDatabase(openDatabase({ file, feed, migrations: MIGRATIONS, program: '0.0.0', cacheMib: 4 }));
  };
  const refusal = (environment: string | null = null): string => {
    try {
      open(environment);
    } catch (error) {
      if (error instanceof LandfallError) return error.message.replaceAll(`${folder}/`, '');
      throw error;
    }
    return 'none';
  };
  const ask = (sql: string): unknown[] => {
    const db = new Database(file);
    try {
      return db.prepare(sql).pluck().all();
    } finally {
      db.close();
    }
  };
  return {
    folder,
    file,
    put,
    open,
    refusal,
    ask,
    tables: () => ask("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'b%'"),
  };
}

test('an empty database gets the migrations of its feed and no table of another, and later what is new', () => {
  const ward = openWard();
  ward.put('migrations/sqlite/0001_beds.sql', BEDS);
  ward.open();
  expect(ward.tables()).toEqual(['beds']);
  expect(ward.ask("SELECT name FROM sqlite_schema WHERE name IN ('procedures', 'visits')")).toEqual([]);
  ward.put('migrations/sqlite/0002_floor.sql', 'ALTER TABLE beds ADD COLUMN floor TEXT;');
  ward.open();
  ward.open();
  expect(ward.ask("SELECT name FROM pragma_table_info('beds')")).toContain('floor');
  expect(ward.ask("SELECT feed || ' ' || kind || ' ' || name FROM feed_schema ORDER BY 1")).toEqual([
    'ward migration 0001_beds.sql',
    'ward migration 0002_floor.sql',
  ]);
});

test('a feed without the tables it needs ends with what to do about it', () => {
  const ward = openWard();
  expect(ward.refusal()).toMatch(
    /there is no table beds \(mend that by a migration: `landfall schema --feed \S+ --write` makes one/,
  );
});

test('the same where a view of it reads a table that is not there', () => {
  const ward = openWard();
  ward.put('views/sqlite/rooms.sql', 'CREATE VIEW rooms AS SELECT room FROM beds;');
  expect(ward.refusal()).toContain('there is no table beds (mend that by a migration: `landfall schema --feed');
});

test('a migration of a feed that was changed after it was applied, or is gone, is named', () => {
  const ward = openWard();
  ward.put('migrations/sqlite/0001_beds.sql', BEDS);
  ward.open();
  ward.put('migrations/sqlite/0001_beds.sql', `${BEDS}\n`);
  expect(ward.refusal()).toContain('0001_beds.sql was changed after it was applied');
  rmSync(join(ward.folder, 'migrations'), { recursive: true });
  expect(ward.refusal()).toContain('has migration 0001_beds.sql, which the feed ward lacks');
});

test('P2: what a feed brings goes in whole or not at all, and the error names the file', () => {
  const ward = openWard();
  ward.put('migrations/sqlite/0001_beds.sql', BEDS);
  ward.put('migrations/sqlite/0002_wrong.sql', 'INSERT INTO nowhere VALUES (1);');
  expect(ward.refusal()).toContain('migrations/sqlite/0002_wrong.sql: no such table: nowhere; it was rolled back');
  expect(ward.tables()).toEqual([]);
  ward.put('migrations/sqlite/0002_wrong.sql', 'COMMIT; BEGIN;');
  expect(ward.refusal()).toContain('migrations/sqlite/0002_wrong.sql ends the transaction it runs in');
});

test('views are made, made again when their text changes, dropped for a migration, and go with their file', () => {
  const ward = openWard();
  ward.put('migrations/sqlite/0001_beds.sql', BEDS);
  // The first reads the second, which is made after it.
  ward.put('views/sqlite/all_beds.sql', 'CREATE VIEW all_beds AS SELECT bed FROM beds_in_rooms;');
  ward.put('views/sqlite/beds_in_rooms.sql', 'CREATE VIEW beds_in_rooms AS SELECT bed_id AS bed, room FROM beds;');
  const views = () => ward.ask("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name");
  ward.open();
  expect(views()).toEqual(['all_beds', 'beds_in_rooms']);
  // SQLite refuses to rename a column that a view reads, unless it rewrites the view.
  ward.put(
    'migrations/sqlite/0002_name.sql',
    'ALTER TABLE beds RENAME TO old_beds; CREATE TABLE beds AS SELECT * FROM old_beds WHERE 0; DROP TABLE beds; ALTER TABLE old_beds RENAME TO beds;',
  );
  ward.put('views/sqlite/beds_in_rooms.sql', "CREATE VIEW beds_in_rooms AS SELECT 'x' AS bed, room FROM beds;");
  ward.open();
  expect(ward.ask("SELECT sql FROM sqlite_schema WHERE name = 'beds_in_rooms'")).toEqual([
    "CREATE VIEW beds_in_rooms AS SELECT 'x' AS bed, room FROM beds",
  ]);
  const db = new Database(ward.file);
  db.exec('DROP VIEW all_beds');
  db.close();
  ward.open();
  expect(views()).toEqual(['all_beds', 'beds_in_rooms']);
  rmSync(join(ward.folder, 'views/sqlite/all_beds.sql'));
  ward.open();
  expect(views()).toEqual(['beds_in_rooms']);
});

test.each([
  ['reads what is not there', 'CREATE VIEW wrong AS SELECT missing FROM beds;', 'no such column: missing'],
  ['makes another view', 'CREATE VIEW right AS SELECT 1;', 'does not make the view wrong'],
  ['is no SQL', 'VIEW', 'syntax error'],
])('a view that %s is named, and nothing is done', (_, sql, problem) => {
  const ward = openWard();
  ward.put('migrations/sqlite/0001_beds.sql', BEDS);
  ward.put('views/sqlite/wrong.sql', sql);
  expect(ward.refusal()).toContain('views/sqlite/wrong.sql');
  expect(ward.refusal()).toContain(problem);
  expect(ward.tables()).toEqual([]);
});

test('an environment fills in the definition, the migrations and the views; a migration stays the one it was', () => {
  const ward = openWard();
  ward.put(
    'feed.yaml',
    DEFINITION.replace('Ward_', "'${sender}_'").replace('datasets:', "max_bad_rows: '${bad}'\ndatasets:"),
  );
  ward.put(
    'migrations/sqlite/0001_beds.sql',
    BEDS.replace('room TEXT', () => "room TEXT DEFAULT '${site} $${not}'"),
  );
  ward.put('views/sqlite/site.sql', "CREATE VIEW site AS SELECT '${site}' AS site;");
  ward.put('environments/test.yaml', 'sender: Test\nsite: T\nbad: 0.25\n');
  ward.put('environments/prod.yaml', 'sender: Ward\nsite: P\nbad: 0\n');
  expect(loadFeed(ward.folder, 'test')).toMatchObject({ naming: { prefix: 'Test_' }, maxBadRows: 0.25 });
  expect(loadFeed(ward.folder, 'test').hash).not.toBe(loadFeed(ward.folder, 'prod').hash);
  ward.open('test');
  expect(ward.ask("SELECT dflt_value FROM pragma_table_info('beds') WHERE name = 'room'")).toEqual(["'T ${not}'"]);
  ward.open('prod');
  expect(ward.ask('SELECT site FROM site')).toEqual(['P']);
  expect(ward.refusal('dev')).toMatch(/environments\/dev\.yaml cannot be read \(ENOENT\)[^]*there are prod, test/);
  expect(ward.refusal()).toContain(
    'line 2, files.prefix: the environment has no value for sender; name one that has it with --env',
  );
});

test('a database of the time when the tables of the shipped feed stood among those of the ledger goes on as it is', () => {
  const migrations = join(tempFolder(), 'migrations');
  cpSync(MIGRATIONS, migrations, { recursive: true });
  cpSync(join(FEED_FOLDER, TABLES), join(migrations, '0002_visitpay.sql'));
  const file = join(tempFolder(), 'old.sqlite');
  const bare = { ...loadFeed(FEED_FILE), folder: '/nowhere' };
  closeDatabase(openDatabase({ file, feed: bare, migrations, program: '0.0.0', cacheMib: 4 }));
  const schema = (): unknown[] => {
    const db = new Database(file, { readonly: true });
    try {
      return db
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' UNION ALL SELECT name FROM schema_migrations")
        .pluck()
        .all();
    } finally {
      db.close();
    }
  };
  const before = schema();
  closeDatabase(
    openDatabase({ file, feed: loadFeed(FEED_FILE), migrations: MIGRATIONS, program: '0.0.0', cacheMib: 4 }),
  );
  expect(schema()).toEqual(before);
  expect(before).toContain('0002_visitpay.sql');
  expect(readFileSync(join(FEED_FOLDER, TABLES), 'utf8')).toContain('CREATE TABLE visits');
});
