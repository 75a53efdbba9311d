import Database from 'better-sqlite3';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from './helpers/temp.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');

test('the sample week comes in as it says, in two parts', async () => {
  const folder = tempFolder();
  const landing = join(folder, 'landing');
  const file = join(folder, 'db.sqlite');
  const sample = (...args: string[]): Promise<{ stdout: string }> =>
    run(process.execPath, [join(ROOT, 'test/sample.ts'), landing, '--pause', '0', ...args]);
  const once = (): Promise<unknown> =>
    run(process.execPath, [
      join(ROOT, 'bin/landfall.cjs'),
      'once',
      '--landing',
      landing,
      '--db',
      file,
      '--settle',
      '0',
    ]);

  await sample('--days', '3');
  await expect(once()).rejects.toMatchObject({ code: 3 });
  const { stdout } = await sample();
  expect(stdout.match(/is there already/g)).toHaveLength(3);
  expect(stdout).toContain('11 procedures, 72 visits and 144 transactions; four rows were rejected and none waits');
  await expect(once()).rejects.toMatchObject({ code: 3 });

  const database = new Database(file, { readonly: true });
  const column = (sql: string): unknown[] => database.prepare(sql).pluck().all();
  expect(column('SELECT count(*) FROM procedures')).toEqual([11]);
  expect(column('SELECT count(*) FROM visits')).toEqual([72]);
  expect(column('SELECT count(*) FROM transactions')).toEqual([144]);
  expect(column(`SELECT code FROM rejects WHERE state = 'rejected' ORDER BY code`)).toEqual([
    ...['bad_date', 'bad_money', 'field_count', 'missing_value'],
  ]);
  expect(column(`SELECT count(*) FROM rejects WHERE state = 'waiting'`)).toEqual([0]);
  expect(column(`SELECT name FROM files WHERE revision = 2`)).toEqual([
    expect.stringMatching(/^HospitalABC_VisitPay_Visit_/),
  ]);
  expect(column(`SELECT count(*) FROM visits WHERE patient_address = '12 Elm Ct' AND status = 'Closed'`)).toEqual([3]);
  expect(column(`SELECT amount_cents FROM transactions WHERE description = 'Written off'`)).toEqual([0]);
  const [query = ''] = /(?<=```sql\n)[^`]+/.exec(readFileSync(join(ROOT, 'docs/tables.md'), 'utf8')) ?? [];
  // The first query of the documents: yesterday's files.
  expect(database.prepare(query).all()).toHaveLength(2);
  database.close();
});
