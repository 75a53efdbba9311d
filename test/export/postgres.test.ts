import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { makeKeyFile } from '../../src/protection/key-file.ts';
import { createBilling, findLeak } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { askDuckdb } from '../helpers/duckdb.ts';
import { createStoreDesk, openDesk, type StoreDesk } from '../helpers/ingest.ts';
import { describePostgres } from '../helpers/postgres.ts';
import { serverSuite } from '../helpers/postgres-store.ts';
import { partsIn } from '../helpers/parts.ts';
import { tempFolder } from '../helpers/temp.ts';

async function deliver(desk: StoreDesk): Promise<void> {
  const billing = createBilling(61);
  const procedure = billing.procedure();
  const visits = Array.from({ length: 30 }, (_, at) =>
    billing.visit(procedure, {
      VisitDate: `2026-0${1 + (at % 5)}-01`,
      DischargeDate: '',
      Facility: at % 3 === 0 ? '' : 'Été 😀',
    }),
  );
  await desk.deliver('Procedure', '20260801_060000', [procedure]);
  await desk.deliver('Visit', '20260801_060000', visits);
  await desk.deliver(
    'Transaction',
    '20260801_060000',
    visits.map((visit) => billing.transaction(visit)),
  );
}

async function runExport(db: string, to: string, args: readonly string[]): Promise<string> {
  const io = captureIo();
  expect(await runCommandLine(['export', '--db', db, '--to', to, ...args], { open: () => io })).toBe(0);
  expect(findLeak(io.written.out + io.written.err)).toBeNull();
  return io.written.out;
}

describePostgres('export from PostgreSQL', () => {
  const openServerDesk = serverSuite();

  test('the same rows give the same parts, byte for byte, as from SQLite', async () => {
    const { store, place } = await openServerDesk();
    const folder = tempFolder();
    mkdirSync(join(folder, 'landing'));
    await deliver(createStoreDesk(store, join(folder, 'landing')));
    const desk = openDesk();
    await deliver(desk);
    const args = ['--verify', '--partition-by', 'visits.visit_date:month'];
    const [one, other] = [join(folder, 'server'), join(folder, 'sqlite')];
    await runExport(place.db, one, args);
    await runExport(desk.database.file, other, args);
    expect(partsIn(one).size).toBe(7);
    expect(partsIn(one)).toEqual(partsIn(other));
  });

  test('a view has the types that the server says, NULL first, and texts in the order of their bytes', async () => {
    const { client, place } = await openServerDesk();
    await client.query(`CREATE VIEW every_type AS SELECT * FROM (VALUES
      ('b', 1::bigint, 1.5::float8, 2.50::numeric(10,2), 3::numeric, DATE '2026-08-01', TIMESTAMPTZ '2026-08-01 06:00:00.25+02', true, 7::int, TIMESTAMP '2026-08-01 06:00:00'),
      ('Z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (NULL, 2, -1, -0.01, 1.25, DATE '1960-01-01', TIMESTAMPTZ '1960-01-01 00:00:00Z', false, 8, NULL))
      AS v (txt, whole, dbl, dec, num, day, moment, flag, small, local)`);
    const to = join(tempFolder(), 'lake');
    await runExport(place.db, to, ['--view', 'every_type', '--verify']);
    const types = await askDuckdb(`DESCRIBE SELECT * FROM '${to}/every_type/*.parquet'`);
    expect(types.map(([name, type]) => `${String(name)} ${String(type)}`)).toEqual([
      ...['txt VARCHAR', 'whole BIGINT', 'dbl DOUBLE', 'dec DECIMAL(38,2)', 'num DECIMAL(38,2)', 'day DATE'],
      ...['moment TIMESTAMP WITH TIME ZONE', 'flag BOOLEAN', 'small BIGINT', 'local VARCHAR'],
    ]);
    const rows = await askDuckdb(
      `SELECT txt, whole::INT, dec::VARCHAR, num::VARCHAR, day::VARCHAR, epoch_us(moment)::VARCHAR, flag, small::INT, local FROM '${to}/every_type/*.parquet'`,
    );
    expect(rows).toEqual([
      [null, 2, '-0.01', '1.25', '1960-01-01', '-315619200000000', false, 8, null],
      ['Z', null, null, null, null, null, null, null, null],
      ['b', 1, '2.50', '3.00', '2026-08-01', '1785556800250000', true, 7, '2026-08-01 06:00:00'],
    ]);
  });

  test('P9: who may read a view, but not its tables, is not told what it shows: nothing of it leaves in the clear', async () => {
    const { client, place, store } = await openServerDesk();
    const folder = tempFolder();
    mkdirSync(join(folder, 'landing'));
    await deliver(createStoreDesk(store, join(folder, 'landing')));
    const [, schema = ''] = /schema=(\w+)/.exec(place.db) ?? [];
    await client.query(`CREATE VIEW people AS SELECT patient_name AS facility, visit_id FROM visits;
      CREATE ROLE only_views LOGIN; GRANT USAGE ON SCHEMA ${schema} TO only_views;
      GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO only_views; REVOKE SELECT ON visits FROM only_views`);
    onTestFinished(async () => {
      await client.query('DROP OWNED BY only_views; DROP ROLE only_views');
    });
    const keyFile = join(folder, 'key');
    makeKeyFile(keyFile);
    const to = join(folder, 'lake');
    const db = place.db.replace(/\/\/.*?@/, '//only_views@');
    await runExport(db, to, ['--view', 'people', '--deidentify', '--key-file', keyFile, '--verify']);
    const sql = `SELECT count(*)::INT, count(facility)::INT, count(visit_id)::INT FROM '${to}/people/*.parquet'`;
    expect(await askDuckdb(sql)).toEqual([[30, 0, 0]]);
  });
});
