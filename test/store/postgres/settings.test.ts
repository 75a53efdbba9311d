import type pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { loadFeed } from '../../../src/feed/load.ts';
import { copyFeed } from '../../helpers/feed-folder.ts';
import { createStoreDesk } from '../../helpers/ingest.ts';
import { openServer, serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { procedure, visit } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

/** The feed, with a charge that is a number. */
const numbers = () =>
  loadFeed(
    copyFeed({
      definition: (yaml) => yaml.replace(/name: total_charge_cents, type: money/, 'name: total_charge, type: number'),
      serverTables: (sql) => sql.replace('total_charge_cents bigint', 'total_charge double precision'),
    }),
  );

/** Sets what every connection to the database of a test begins with. */
async function setForDatabase(client: pg.Client, setting: string): Promise<void> {
  const alter = (change: string) =>
    client.query(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ${change}', current_database()); END $$`);
  await alter(`SET ${setting}`);
  onTestFinished(() => alter('RESET ALL').then(() => undefined));
}

describePostgres('P3 P4: what a database sets for its connections changes nothing', () => {
  const openDesk = serverSuite();

  test.each([
    'extra_float_digits TO -10',
    'array_nulls TO off',
    'quote_all_identifiers TO on',
    'standard_conforming_strings TO off',
    'statement_timeout TO 1',
  ])('%s', async (setting) => {
    const { place, client } = await openDesk({ feed: numbers() });
    await setForDatabase(client, setting);
    const store = await openServer(place);
    onTestFinished(() => store.close());
    const desk = createStoreDesk(store, tempFolder());
    const charge = '0.12345678901234567';
    const rows = [visit('V1', 'P1', { TotalCharge: charge }), visit('V2', 'P\\1'), 'V3|P1', visit('V4', 'P1')];
    expect(await desk.deliver('Visit', '20260801_060000', rows)).toMatchObject({
      counts: { waiting: 3, rejected: 1 },
    });
    const { rows: refused } = await client.query(`SELECT row_key FROM rejects WHERE state = 'rejected'`);
    expect(refused).toEqual([{ row_key: null }]);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P\\1')])).toMatchObject({
      healed: 3,
    });
    const { rows: healed } = await client.query(`SELECT total_charge FROM visits WHERE visit_id = 'V1'`);
    expect(healed).toEqual([{ total_charge: Number(charge) }]);
  });

  test('nor does a limit of time for a transaction, which PostgreSQL 17 has', async ({ skip }) => {
    const { place, client } = await openDesk();
    const { rowCount } = await client.query(`SELECT FROM pg_settings WHERE name = 'transaction_timeout'`);
    if (rowCount === 0) skip('this server has no transaction_timeout');
    await client.query(`
      CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
      CREATE TRIGGER pause AFTER INSERT ON procedures EXECUTE FUNCTION pause()`);
    await setForDatabase(client, 'transaction_timeout TO 200');
    const store = await openServer(place);
    onTestFinished(() => store.close());
    const desk = createStoreDesk(store, tempFolder());
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ kind: 'ingested' });
  });
});
