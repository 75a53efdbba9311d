import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import { feedFileName, feedFileText, type DatasetName, type Row } from '../helpers/feed-files.ts';
import { listed, openDesk } from '../helpers/ingest.ts';
import { describePostgres } from '../helpers/postgres.ts';
import { serverSuite } from '../helpers/postgres-store.ts';
import { procedure, transaction, visit } from '../helpers/rows.ts';
import { tempFolder } from '../helpers/temp.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Tried {
  readonly store: Store;
  readonly rows: (sql: string) => Promise<readonly object[]>;
}

function tryViews(open: () => Promise<Tried>): void {
  test('balances, open rejects and days are what was delivered', async () => {
    const { store, rows } = await open();
    const landing = tempFolder();
    const deliver = async (dataset: DatasetName, stamp: string, content: readonly Row[]): Promise<void> => {
      const name = feedFileName(dataset, stamp);
      writeFileSync(join(landing, name), feedFileText(dataset, content));
      await ingestFile(store, listed(store.feed, landing, name), {
        afresh: false,
        stop: new AbortController().signal,
        onProgress: () => undefined,
        now: () => new Date('2026-08-10T12:00:00Z'),
      });
    };
    await deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await deliver('Visit', '20260801_060000', [
      ...['V1', 'V2', 'V3', 'V4', 'V5', 'V6'].map((id) => visit(id, 'P1')),
      visit('V7', 'none'),
    ]);
    let sent = 0;
    const of = (id: string, kind: string, amount: string): Row =>
      transaction(`T${++sent}`, id, { TransactionType: kind, Amount: amount });
    await deliver('Transaction', '20260802_060000', [
      // A sender who gives payments a minus.
      ...[of('V1', 'Charge', '100.00'), of('V1', 'CHARGE', '20.50'), of('V1', 'Payment', '-30.00')],
      ...[of('V1', 'PAYMENT', '(10.00)'), of('V1', 'Adjustment', '-5.25')],
      // One who does not.
      ...[of('V2', 'Charge', '100.00'), of('V2', 'Payment', '40.00'), of('V2', 'ADJUST', '5.25')],
      // A payment that was taken back, by either.
      ...[of('V3', 'Charge', '100.00'), of('V3', 'Payment', '-30.00'), of('V3', 'Payment', '30.00')],
      ...[of('V4', 'Payment', '-30.00'), of('V4', 'Payment', '-30.00'), of('V4', 'Payment', '30.00')],
      // A charge that was taken back; a transfer between payers.
      ...[of('V5', 'Charge', '100.00'), of('V5', 'Charge', '-100.00'), of('V5', 'TRANSFERIN', '12.34')],
    ]);
    const balances = await rows(
      'SELECT visit_id, charges, payments, adjustments, balance FROM visit_balances ORDER BY 1',
    );
    expect(
      balances.map((row) =>
        Object.values(row).map((value) => (Number.isNaN(Number(value)) ? String(value) : Number(value))),
      ),
    ).toEqual([
      ['V1', 120.5, 40, -5.25, 75.25],
      ['V2', 100, 40, 5.25, 65.25],
      ['V3', 100, 0, 0, 100],
      ['V4', 0, 30, 0, -30],
      ['V5', 0, 0, 0, 0],
      ['V6', 0, 0, 0, 0],
    ]);
    expect(await rows('SELECT dataset, line, state, code FROM open_rejects')).toEqual([
      { dataset: 'Visit', line: 8, state: 'waiting', code: 'missing_parent' },
    ]);
    const days = await rows(
      "SELECT day, dataset, files, rows_read, missing FROM feed_days WHERE day = '2026-08-02' ORDER BY 2",
    );
    expect(days.map((row) => Object.values(row).map(String).join(' '))).toEqual([
      '2026-08-02 Procedure 0 0 1',
      '2026-08-02 Transaction 1 17 0',
      '2026-08-02 Visit 0 0 1',
    ]);
  });
}

describe('the views on SQLite', () => {
  tryViews(() => {
    const desk = openDesk();
    return Promise.resolve({ store: desk.store, rows: (sql: string) => Promise.resolve(desk.rows(sql)) });
  });
});

describePostgres('the views on PostgreSQL', () => {
  const openServer = serverSuite();
  tryViews(async () => {
    const { store, client } = await openServer();
    return { store, rows: async (sql: string) => (await client.query<object>(sql)).rows };
  });
});
