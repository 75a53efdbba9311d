import Database from 'better-sqlite3';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { schema, type SchemaOptions } from '../../src/commands/schema.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { sqlName } from '../../src/store/ddl.ts';
import { tablesText } from '../../src/store/schema.ts';
import { captureIo } from '../helpers/command-io.ts';
import { copyFeed } from '../helpers/feed-folder.ts';
import { createStoreDesk, FEED_FOLDER, MIGRATIONS, openDesk, ROOT } from '../helpers/ingest.ts';
import { describePostgres, freshDatabase } from '../helpers/postgres.ts';
import { openServer, urlOf } from '../helpers/postgres-store.ts';
import { procedure } from '../helpers/rows.ts';
import { tempFolder } from '../helpers/temp.ts';

const POSTGRES = 'postgres://landfall@localhost/none';

async function run(
  action: SchemaOptions['action'],
  flags: { feed?: string; db?: string; env?: string } = {},
): Promise<{ code: number; out: string; err: string }> {
  const io = captureIo();
  const settings = readSettings({ flags: { feed: FEED_FOLDER, ...flags }, env: {}, cwd: ROOT, root: ROOT });
  const code = await schema({ settings, action }, io);
  return { code, ...io.written };
}

/** The last migration of a feed for a dialect. */
function lastMigration(folder: string, dialect: string): { name: string; sql: string } {
  const of = join(folder, 'migrations', dialect);
  const name = readdirSync(of).sort().at(-1) ?? '';
  return { name, sql: readFileSync(join(of, name), 'utf8') };
}

const withoutComments = (sql: string) => sql.replaceAll(/^--.*\n/gm, '').trim();

/** Adds columns to the visits of the feed. */
const withColumn = (more: string) =>
  copyFeed({ definition: (yaml) => yaml.replace(/( +)(- { header: Status, .*)/, `$1$2\n$1- { ${more} }`) });

describe('landfall schema', () => {
  test.each([
    ['sqlite', './db/x.sqlite'],
    ['postgres', POSTGRES],
  ])('prints the tables of the shipped feed as its migration has them, letter by letter: %s', async (dialect, db) => {
    const { code, out } = await run('print', { db });
    expect(code).toBe(0);
    expect(withoutComments(out)).toContain(`\n\n${withoutComments(lastMigration(FEED_FOLDER, dialect).sql)}\n\n`);
  });

  test('fills in the environment: what it prints differs in nothing else', async () => {
    const folders = [withColumn("header: Ward, name: '${ward}_ward', type: text"), twoTables()];
    for (const folder of folders) {
      mkdirSync(join(folder, 'environments'), { recursive: true });
      mkdirSync(join(folder, 'views/sqlite'), { recursive: true });
      writeFileSync(join(folder, 'views/sqlite/mine.sql'), "CREATE VIEW mine AS SELECT '${ward}' AS ward;\n");
      const printed: string[] = [];
      for (const env of ['dev', 'test', 'prod']) {
        writeFileSync(join(folder, 'environments', `${env}.yaml`), `ward: ${env}x\n`);
        const { out } = await run('print', { feed: folder, env });
        // The record of a view is that of its text with the values filled in.
        printed.push(out.replaceAll(`${env}x`, 'ENV').replace(/('view', 'mine', ')[0-9a-f]{64}/, '$1'));
        expect(printed.at(-1)).toContain('ENV');
      }
      // The names are of other lengths, and columns stand below each other.
      const [dev, ...others] = printed.map((text) => text.replaceAll(/ +/g, ' '));
      for (const other of others) expect(other).toBe(dev);
    }
  });

  test('draws the diagram of the documents', async () => {
    const { out } = await run('diagram');
    const relations = (text: string) => [...text.matchAll(/^ {2}\w+ .*--o\{ .*$/gm)].map(([line]) => line).sort();
    expect(relations(out)).toEqual(relations(readFileSync(join(ROOT, 'docs/tables.md'), 'utf8')));
    expect(out).toContain('  transactions {\n    id transaction_id PK\n    id visit_id FK\n');
  });
});

describe('landfall schema --write', () => {
  test('writes nothing where the migrations give what the feed says', async () => {
    const feed = copyFeed({ definition: (yaml) => `${yaml}\n` });
    expect(await run('write', { feed })).toMatchObject({
      code: 0,
      out: 'nothing to write: the migrations give what the feed says, and the next start applies those that the database lacks\n',
    });
    expect(readdirSync(join(feed, 'migrations/sqlite'))).toHaveLength(1);
  });

  test('a new column is exactly one ALTER TABLE in each dialect, and the database that has the feed takes it', async () => {
    const feed = withColumn('header: Ward, name: ward, type: timestamp, zone: UTC, optional: true');
    const desk = openDesk();
    await run('write', { feed });
    expect(lastMigration(feed, 'sqlite')).toEqual({
      name: '0003_visits.sql',
      sql: 'ALTER TABLE visits ADD COLUMN ward TEXT;\n',
    });
    expect(lastMigration(feed, 'postgres')).toEqual({
      name: '0003_visits.sql',
      sql: 'ALTER TABLE visits ADD COLUMN ward timestamptz;\n',
    });
    expect(await run('write', { feed })).toMatchObject({ out: expect.stringContaining('nothing to write') as string });
    desk.database.db.close();
    const again = openDesk({ feed: loadFeed(feed), file: desk.database.file });
    expect(again.column(`SELECT name FROM pragma_table_info('visits') ORDER BY cid`)).toContain('ward');
    expect(await run('diff', { feed, db: desk.database.file })).toMatchObject({ code: 0 });
  });

  test('a new reference and a new index are written as well; an empty feed folder gets its first migration', async () => {
    const feed = withColumn('header: Sort, name: order, type: id, references: procedures, index: true');
    await run('write', { feed });
    expect(lastMigration(feed, 'sqlite').sql).toBe(
      'ALTER TABLE visits ADD COLUMN "order" TEXT REFERENCES procedures (procedure_id);\n' +
        'CREATE INDEX visits_by_order ON visits ("order");\n',
    );
    const first = twoTables();
    await run('write', { feed: first });
    expect(lastMigration(first, 'sqlite').name).toBe('0001_every.sql');
    expect(lastMigration(first, 'sqlite').sql).toBe(tablesText(loadFeed(first), 'sqlite'));
    expect(readdirSync(join(first, 'migrations'))).toEqual(['sqlite']);
    await run('write', { feed: first, db: POSTGRES });
    expect(lastMigration(first, 'postgres').name).toBe('0002_parents_children_lines.sql');
    expect(await run('write', { feed: first })).toMatchObject({ out: expect.stringContaining('nothing') as string });
  });

  test('a new column that is required is told, and nothing is written: rows that are there have nothing for it', async () => {
    const feed = withColumn('header: Ward, name: ward, type: text, required: true');
    await expect(run('write', { feed })).rejects.toThrow(
      'visits has no column ward (rows that are there would have nothing in it',
    );
    for (const dialect of ['sqlite', 'postgres'])
      expect(readdirSync(join(feed, 'migrations', dialect))).toHaveLength(1);
  });

  test('another type, key, reference or need of a column is told; a column that the feed lost stays', async () => {
    const change = (from: string, to: string) => copyFeed({ definition: (yaml) => yaml.replace(from, to) });
    const told: readonly [string, string, string][] = [
      ['name: total_charge_cents, type: money', 'name: total_charge_cents, type: text', 'visits.total_charge_cents: INTEGER; the feed says TEXT'],
      // In SQLite both are TEXT: only PostgreSQL tells them apart.
      ['name: effective_date, type: date', 'name: effective_date, type: text', 'procedures.effective_date: date; the feed says text'],
      ['name: facility, type: text', 'name: facility, type: text, required: true', 'visits.facility: NULL allowed; the feed says NOT NULL'],
      ['name: patient_id, type: id, required: true', 'name: patient_id, type: id, required: true, references: procedures', 'visits.patient_id: no reference; the feed says a reference to procedures'],
    ]; // prettier-ignore
    for (const [from, to, problem] of told)
      await expect(run('write', { feed: change(from, to) })).rejects.toThrow(problem);
    const lost = copyFeed({ definition: (yaml) => yaml.replace(/.*name: payer,.*\n/, '') });
    expect(await run('write', { feed: lost })).toMatchObject({
      code: 0,
      err: 'transactions has a column payer, which the feed does not know: it stays\n',
    });
    const lostRequired = copyFeed({ definition: (yaml) => yaml.replace(/.*name: transaction_type,.*\n/, '') });
    await expect(run('write', { feed: lostRequired })).rejects.toThrow('new rows would have nothing in it');
  });

  test('a migration that cannot be run without a server is named', async () => {
    const feed = withColumn('header: Ward, name: ward, type: text');
    writeFileSync(join(feed, 'migrations/postgres/0003_grants.sql'), 'GRANT SELECT ON visits TO analysts;\n');
    await expect(run('write', { feed })).rejects.toThrow(
      /0003_grants\.sql: what it gives cannot be found out.*by hand/,
    );
  });
});

describe('landfall schema --diff', () => {
  test('says that a database fits, and finds what was added or changed by hand', async () => {
    const desk = openDesk();
    const db = desk.database.file;
    expect(await run('diff', { db })).toMatchObject({
      code: 0,
      out: 'the database has the tables of the feed visitpay\n',
    });
    desk.db.exec(`ALTER TABLE visits ADD COLUMN note TEXT; CREATE INDEX visits_by_day ON visits (visit_date);
      DROP INDEX transactions_by_visit; DROP TABLE transactions;`);
    expect(await run('diff', { db })).toMatchObject({
      code: 3,
      out:
        'visits has a column note, which the feed does not know\n' +
        'visits has an index visits_by_day, which the feed does not know\n' +
        'there is no table transactions\n',
    });
  });
});

/** A feed with two tables and a column of every kind, without migrations. */
function twoTables(): string {
  const folder = join(tempFolder(), 'every');
  mkdirSync(folder);
  const types = [
    'id',
    'code',
    'text',
    'money',
    'date',
    'integer',
    'number',
    'boolean',
    'phone',
    'address',
    'timestamp',
  ];
  const columns = types.map((type) => `      - { header: C ${type}, name: c_${type}, type: ${type}, index: true }\n`);
  writeFileSync(
    join(folder, 'feed.yaml'),
    `feed: every\nfiles:\n  prefix: Every_\n  extension: .txt\ndatasets:
  - name: Parent\n    table: parents\n    columns:\n      - { header: ParentID, name: parent_id, type: id }
  - name: Child\n    table: children\n    columns:\n      - { header: ChildID, name: child_id, type: id }
      - { header: ParentID, name: parent_id, type: id, references: parents }
      - { header: Dose, name: dose, type: decimal, scale: 3 }\n${columns.join('')}
  - name: Line\n    table: lines\n    key: [parent_id, line]\n    columns:
      - { header: ParentID, name: parent_id, type: id, references: parents }
      - { header: Line, name: line, type: integer }\n`,
  );
  return folder;
}

test('what is printed for a feed of every type is what SQLite takes, and a start accepts', async () => {
  const feed = twoTables();
  await run('write', { feed });
  const desk = openDesk({ feed: loadFeed(feed), migrations: MIGRATIONS });
  expect(desk.column(`SELECT count(*) FROM pragma_table_info('children')`)).toEqual([17]);
  expect(desk.column(`SELECT name FROM pragma_table_info('lines') WHERE pk > 0 ORDER BY pk`)).toEqual([
    'parent_id',
    'line',
  ]);
  expect(await run('diff', { feed, db: desk.database.file })).toMatchObject({ code: 0 });
});

/** The shipped feed in which a view has a value of the environment. */
function feedWithEnvironment(): string {
  const folder = copyFeed({ definition: (yaml) => `${yaml}\n` });
  mkdirSync(join(folder, 'environments'), { recursive: true });
  writeFileSync(join(folder, 'environments/prod.yaml'), 'ward: North\n');
  for (const dialect of ['sqlite', 'postgres'])
    writeFileSync(join(folder, 'views', dialect, 'mine.sql'), "CREATE VIEW mine AS SELECT '${ward}' AS ward;\n");
  return folder;
}

const RECORDS = `SELECT name, sha256 FROM schema_migrations
  UNION ALL SELECT feed || ' ' || kind || ' ' || name, sha256 FROM feed_schema ORDER BY 1`;

test('what is printed makes in SQLite the very database that a start makes, and a start goes on with it', async () => {
  const feed = feedWithEnvironment();
  const [printed, started] = [join(tempFolder(), 'printed.sqlite'), join(tempFolder(), 'started.sqlite')];
  const db = new Database(printed);
  db.exec((await run('print', { feed, db: printed, env: 'prod' })).out);
  db.close();
  const made = [printed, started].map((file) => {
    const desk = openDesk({ feed: loadFeed(feed, 'prod'), file, migrations: MIGRATIONS });
    const tables = desk.rows('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name');
    return { desk, tables, records: desk.rows(RECORDS) };
  });
  expect(made[0]?.tables).toEqual(made[1]?.tables);
  expect(made[0]?.records).toEqual(made[1]?.records);
  expect(await made[0]?.desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({
    kind: 'ingested',
  });
});

describePostgres('on PostgreSQL', () => {
  test('what is printed makes the very schema that a start makes, and a start goes on with it', async () => {
    await using database = await freshDatabase('en-US');
    const client = new pg.Client(database.place);
    await client.connect();
    const folder = feedWithEnvironment();
    const made: { schema: string; records: unknown }[] = [];
    try {
      for (const schema of ['printed', 'started']) {
        const db = urlOf(database.place, schema);
        if (schema === 'printed') await client.query((await run('print', { feed: folder, db, env: 'prod' })).out);
        const feed = loadFeed(folder, 'prod');
        const store = await openServer({ db, feed, migrations: MIGRATIONS, program: '0.0.0' });
        const desk = createStoreDesk(store, tempFolder());
        expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({
          kind: 'ingested',
        });
        await store.close();
        await client.query(`SET search_path TO ${schema}`);
        const { rows: columns } = await client.query<{ shape: string }>(
          `SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable, column_default) AS shape
           FROM information_schema.columns WHERE table_schema = current_schema()
           UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
           UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
           UNION ALL SELECT definition FROM pg_views WHERE schemaname = current_schema() ORDER BY 1`,
        );
        const { rows: records } = await client.query(RECORDS);
        made.push({ schema: columns.map(({ shape }) => shape.replaceAll(`${schema}.`, '')).join('\n'), records });
      }
    } finally {
      await client.end();
    }
    expect(made[0]).toEqual(made[1]);
  });

  test('--write runs migrations that SQLite does not know on the server, and rolls them back', async () => {
    await using database = await freshDatabase('en-US');
    const feed = withColumn('header: Ward, name: ward, type: timestamp, zone: UTC');
    const grants = join(feed, 'migrations/postgres/0003_grants.sql');
    const db = urlOf(database.place, 'landfall');
    writeFileSync(
      grants,
      `COMMENT ON TABLE visits IS 'mine'; ALTER TABLE visits ALTER COLUMN facility TYPE varchar;\n`,
    );
    await expect(run('write', { feed, db })).rejects.toThrow('visits.facility: character varying; the feed says text');
    writeFileSync(grants, `COMMENT ON TABLE visits IS 'mine';\n`);
    await run('write', { feed, db });
    expect(lastMigration(feed, 'postgres')).toEqual({
      name: '0004_visits.sql',
      sql: 'ALTER TABLE visits ADD COLUMN ward timestamptz;\n',
    });
    writeFileSync(grants, 'GRANT SELECT ON visits TO nobody_there;\n');
    await expect(run('write', { feed, db })).rejects.toThrow(
      /0003_grants\.sql: role "nobody_there" does not exist.*by hand/,
    );
    const client = new pg.Client(database.place);
    await client.connect();
    const { rows } = await client.query(`SELECT relname FROM pg_class WHERE relname = 'visits'`);
    await client.end();
    expect(rows).toEqual([]);
  });

  test('--diff says that a database fits, and finds what was added or changed by hand', async () => {
    await using database = await freshDatabase('en-US');
    const db = urlOf(database.place, 'landfall');
    const client = new pg.Client(database.place);
    await client.connect();
    try {
      await client.query('CREATE SCHEMA landfall; SET search_path TO landfall');
      for (const name of ['0001_ledger.sql'])
        await client.query(readFileSync(join(MIGRATIONS, 'postgres', name), 'utf8'));
      await client.query('CREATE TABLE schema_migrations (version integer)');
      await client.query(tablesText(loadFeed(FEED_FOLDER), 'postgres'));
      expect(await run('diff', { db })).toMatchObject({ code: 0 });
      await client.query(`ALTER TABLE visits ADD COLUMN note text, ALTER COLUMN visit_date TYPE text;
        CREATE INDEX visits_by_day ON visits (lower(status)); ALTER TABLE visits ALTER COLUMN facility SET NOT NULL;
        ALTER TABLE visits DROP CONSTRAINT visits_procedure_id_fkey; DROP TABLE transactions`);
      expect(await run('diff', { db })).toMatchObject({
        code: 3,
        out:
          'visits.procedure_id: no reference; the feed says a reference to procedures\n' +
          'visits.visit_date: text; the feed says date\n' +
          'visits.facility: NOT NULL; the feed says NULL allowed\n' +
          'visits has a column note, which the feed does not know\n' +
          'visits has an index visits_by_day, which the feed does not know\n' +
          'there is no table transactions\n',
      });
    } finally {
      await client.end();
    }
  });

  test('what is printed for a feed of every type, and for the shipped one, is taken; no word that is reserved goes unquoted', async () => {
    await using database = await freshDatabase('en-US');
    const client = new pg.Client(database.place);
    await client.connect();
    try {
      await client.query(tablesText(loadFeed(FEED_FOLDER), 'postgres'));
      await client.query(tablesText(loadFeed(twoTables()), 'postgres'));
      const { rows } = await client.query<{ word: string }>(`SELECT word FROM pg_get_keywords()`);
      const columns = rows.map(({ word }) => `${sqlName(word)} text`).join(', ');
      await client.query(`CREATE TABLE words (${columns})`);
      const db = new Database(':memory:');
      db.exec(`CREATE TABLE words (${columns})`);
      db.close();
    } finally {
      await client.end();
    }
  });
});
