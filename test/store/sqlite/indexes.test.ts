import { expect, test, vi } from 'vitest';
import { planIndexes } from '../../../src/store/sqlite/indexes.ts';
import { type Desk, openDesk } from '../../helpers/ingest.ts';
import { procedure, transaction, visit } from '../../helpers/rows.ts';

const indexes = (desk: Desk) =>
  desk.column(`SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1`);

test('a file without rows leaves the indexes of a large table alone', async () => {
  const desk = openDesk();
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
  await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
  await desk.deliver('Transaction', '20260801_060000', [transaction('T1', 'V1')]);
  const run = vi.spyOn(desk.db, 'exec');
  expect(await desk.deliver('Transaction', '20260802_060000', [])).toMatchObject({
    kind: 'ingested',
    counts: { read: 0 },
  });
  expect(run.mock.calls.flat().filter((sql) => /DROP INDEX|CREATE INDEX/.test(sql))).toEqual([]);
  run.mockRestore();
});

test('indexes are set aside only for many rows, more than there are, and come back as they were', () => {
  const desk = openDesk();
  const { db } = desk;
  db.exec('CREATE UNIQUE INDEX rule ON transactions (payer, description)');
  const before = indexes(desk);
  expect(before).toContain('transactions_by_visit');
  for (const rows of [0, 1, 20_000, NaN]) {
    planIndexes(db, 'transactions', rows);
    expect(indexes(desk)).toEqual(before);
  }
  db.exec('BEGIN');
  const plan = planIndexes(db, 'transactions', 1_000_000);
  expect(indexes(desk)).toEqual(before.filter((name) => name !== 'transactions_by_visit'));
  plan.rebuild();
  expect(indexes(desk)).toEqual(before);
  db.exec('ROLLBACK');
});

test('P7: an index that may fail on a row is not set aside: building it anew would fail the file', () => {
  const desk = openDesk();
  const { db } = desk;
  db.exec(`ALTER TABLE transactions ADD COLUMN theirs AS (json_extract(payer, '$'));
    CREATE INDEX of_generated ON transactions (theirs);
    CREATE INDEX of_expression ON transactions (json_extract(description, '$'));
    CREATE INDEX of_some ON transactions (payer) WHERE abs(amount_cents) > 0;
    CREATE INDEX plain ON transactions (payer, description)`);
  const before = indexes(desk);
  db.exec('BEGIN');
  const plan = planIndexes(db, 'transactions', 1_000_000);
  expect(before.filter((name) => !indexes(desk).includes(name))).toEqual(['plain', 'transactions_by_visit']);
  plan.rebuild();
  expect(indexes(desk)).toEqual(before);
  db.exec('ROLLBACK');
});
