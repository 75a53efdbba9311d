import Database from 'better-sqlite3';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadFeed } from '../../../src/feed/load.ts';
import { feedMigrations } from '../../../src/feed/sql-files.ts';
import { FEED_FILE, MIGRATIONS, createStoreDesk } from '../../helpers/ingest.ts';
import { openServer, serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { procedure } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';
import { desksOn } from '../conformance/desk.ts';
import { postgres } from '../conformance/stores.ts';

describePostgres('the tables on PostgreSQL', () => {
  const openDesk = desksOn(postgres);
  const openServerDesk = serverSuite();

  test('have the names and columns of those in SQLite, and the feed that is locked', async () => {
    const desk = await openDesk();
    const found = await desk.column(
      `SELECT table_name || ': ' || string_agg(column_name || CASE is_nullable WHEN 'NO' THEN '*' ELSE '' END, ' ' ORDER BY ordinal_position)
       FROM information_schema.columns WHERE table_schema = current_schema()
         AND table_name IN (SELECT t.table_name FROM information_schema.tables t WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE')
         AND table_name NOT IN ('schema_migrations', 'feed_schema', 'daemons', 'origins', 'alert_lease')
         AND column_name <> 'left_by' GROUP BY table_name`,
    );
    expect(found.toSorted()).toEqual([...sqliteTables(), 'feeds: feed*'].toSorted());
  });

  test('a date that would be kept as text, which no merge could compare, is refused at the start', async () => {
    const asText = (sql: string) => sql.replace(/(effective_date +)date/, '$1text');
    await expect(openDesk({ change: asText })).rejects.toThrow(/procedures\.effective_date is text, .*declare it date/);
  });

  test('P5: so is row-level security that hides rows from the daemon, and not one that shows it all', async () => {
    const { client, place } = await openServerDesk();
    const schema = new URL(place.db.replace('@/', '@none/')).searchParams.get('schema') ?? '';
    const daemon = `daemon_${schema}`;
    await client.query(`CREATE ROLE ${daemon} LOGIN`);
    onTestFinished(async () => {
      await client.query(`DROP OWNED BY ${daemon}; DROP ROLE ${daemon}`);
    });
    await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${daemon};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${daemon};
      ALTER TABLE procedures ENABLE ROW LEVEL SECURITY;
      CREATE POLICY partly ON procedures TO ${daemon} USING (procedure_id <> 'P1')`);
    const asDaemon = { ...place, db: place.db.replace('postgres@', `${daemon}@`) };
    await expect(openServer(asDaemon)).rejects.toThrow('row-level security hides rows of procedures from this user');
    await client.query(`CREATE POLICY whole ON procedures FOR SELECT TO ${daemon} USING (true)`);
    const store = await openServer(asDaemon);
    onTestFinished(() => store.close());
    // P7: what a policy refuses it refuses by row.
    const rows = [procedure('P1'), procedure('P2'), procedure('P3')];
    expect(await createStoreDesk(store, tempFolder()).deliver('Procedure', '20260801_060000', rows)).toMatchObject({
      counts: { inserted: 2, rejected: 1 },
    });
  });
});

/** Each table with its columns; `*`: never NULL. */
function sqliteTables(): string[] {
  const database = new Database(':memory:');
  try {
    for (const name of readdirSync(MIGRATIONS).filter((each) => each.endsWith('.sql')))
      database.exec(readFileSync(join(MIGRATIONS, name), 'utf8'));
    for (const { sql } of feedMigrations(loadFeed(FEED_FILE), 'sqlite')) database.exec(sql);
    return database
      .prepare<[], string>(
        `SELECT t.name || ': ' || group_concat(c.name || iif(c."notnull" OR c.pk > 0, '*', ''), ' ' ORDER BY c.cid)
         FROM pragma_table_list t JOIN pragma_table_info(t.name) c
         WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%' GROUP BY t.name`,
      )
      .pluck()
      .all();
  } finally {
    database.close();
  }
}
