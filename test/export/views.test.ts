import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import type { Manifest } from '../../src/export/manifest.ts';
import { makeKeyFile } from '../../src/protection/key-file.ts';
import { createBilling } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { askDuckdb } from '../helpers/duckdb.ts';
import { tempFolder } from '../helpers/temp.ts';
import { describeReadStores, type ReadDesk } from '../store/conformance/reading.ts';

/** Exports views without patient data. @returns the folder, and what was done to each column, by view and column */
async function exportViews(desk: ReadDesk, views: readonly string[]) {
  const folder = tempFolder();
  const [to, keyFile] = [join(folder, 'lake'), join(folder, 'key')];
  makeKeyFile(keyFile);
  const args = ['--db', desk.place.db, '--to', to, '--deidentify', '--key-file', keyFile, '--view', ...views];
  expect(await runCommandLine(['export', '--verify', ...args], { open: () => captureIo() })).toBe(0);
  const manifest = JSON.parse(readFileSync(join(to, '_manifest.json'), 'utf8')) as Manifest;
  const done = manifest.tables.map(({ name, columns }) => [name, columns.map(({ protection }) => protection)]);
  return { to, done: Object.fromEntries(done) as Record<string, unknown> };
}

/** Two visits in an empty database, and views on them. */
async function fill(desk: ReadDesk, views: Readonly<Record<string, string>>): Promise<void> {
  const billing = createBilling(71);
  const procedure = billing.procedure();
  await desk.deliver('Procedure', '20260801_060000', [procedure]);
  const facility = { Facility: 'North', DischargeDate: '' };
  await desk.deliver('Visit', '20260801_060000', [
    billing.visit(procedure, facility),
    billing.visit(procedure, facility),
  ]);
  for (const [name, query] of Object.entries(views)) await desk.sql(`CREATE VIEW ${name} AS ${query}`);
}

/** Each has patient data under the name of a column that has none. */
const HIDING = {
  renamed: 'SELECT patient_name AS facility FROM visits',
  nested: 'SELECT facility FROM renamed',
  greatest: 'SELECT max(patient_name) AS facility FROM visits',
  joined: "SELECT patient_name || '' AS facility FROM visits",
  casted: 'SELECT CAST(patient_name AS VARCHAR(200)) AS facility FROM visits',
  chosen: "SELECT CASE WHEN visit_id = '' THEN facility ELSE patient_name END AS facility FROM visits",
  several: 'SELECT patient_name AS facility FROM visits UNION SELECT facility FROM visits',
  several_last: 'SELECT facility FROM visits UNION ALL SELECT patient_name FROM visits',
  below_several: 'SELECT facility FROM several',
  named:
    'WITH found AS (SELECT patient_name AS facility FROM visits UNION SELECT facility FROM visits) SELECT facility FROM found',
  asked: 'SELECT (SELECT v.patient_name FROM visits v ORDER BY 1 LIMIT 1) AS facility FROM visits',
  listed: `SELECT column1 AS facility FROM
    (VALUES ((SELECT patient_name FROM visits LIMIT 1)), ((SELECT facility FROM visits LIMIT 1))) AS list`,
};

describeReadStores('export --deidentify of views', (open) => {
  test('P9: patient data never leaves in the clear, whatever its column is called and however it comes there', async () => {
    const desk = await open();
    await fill(desk, HIDING);
    const { to, done } = await exportViews(desk, Object.keys(HIDING));
    for (const view of Object.keys(HIDING)) {
      const values = (await askDuckdb(`SELECT facility FROM '${to}/${view}/*.parquet'`)).flat() as (string | null)[];
      // Not themselves: a test's output holds no value from a row either.
      const shapes = values.map((value) => value === null || /^[0-9a-f]{64}$/.test(value));
      expect([view, values.length > 0, new Set(shapes)]).toEqual([view, true, new Set([true])]);
    }
    // What the database tells is joined by its hash, all else is empty.
    expect(done).toMatchObject({ renamed: ['hash'], nested: ['hash'], greatest: ['drop'], several: ['drop'] });
  });

  test('a column is what it shows, under another name and through another view; an expression with the name of patient data is such', async () => {
    const desk = await open();
    await fill(desk, {
      inner_view: 'SELECT visit_id, facility AS place, patient_name AS who, visit_date FROM visits',
      outer_view: `SELECT v.visit_id AS id, i.place AS patient_name, i.who AS facility, i.visit_date AS day,
        max(v.patient_id) AS patient_id FROM inner_view i JOIN visits v ON v.visit_id = i.visit_id GROUP BY 1, 2, 3, 4`,
    });
    const { to, done } = await exportViews(desk, ['outer_view']);
    expect(done).toEqual({ outer_view: [null, null, 'hash', null, 'hash'] });
    const rows = await askDuckdb(`SELECT patient_name, length(facility)::INT, day::VARCHAR, length(patient_id)::INT FROM '${to}/outer_view/*.parquet'`); // prettier-ignore
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual(['North', 64, expect.stringMatching(/^\d{4}-\d\d-\d\d$/), 64]);
  });
});
