import { expect, describe, test } from 'vitest';
import { procedure, transaction, visit } from '../../helpers/rows.ts';
import { type Desk, describeStores } from './desk.ts';

const withCheck = (sql: string) =>
  sql
    .replace(/standard_charge_cents\s+(?:bigint|INTEGER)/, '$& CHECK (standard_charge_cents >= 0)')
    .replace(/\bstatus\s+text\b/i, `$& CHECK (status <> 'bad')`);
const withUnique = (sql: string) =>
  sql.includes('CREATE TABLE procedures')
    ? `${sql.trimEnd()}\nCREATE UNIQUE INDEX one_code ON procedures (procedure_code);`
    : sql;

const rejects = (desk: Desk) =>
  desk.column(`SELECT line || ' ' || code || ' ' || state || ' ' || row_key FROM rejects ORDER BY line`);
const cheap = (id: string, charge: string) => ({ ...procedure(id), StandardCharge: charge });
const bad = { Status: 'bad' };

describeStores('P7: the database refuses only the rows that offend it', (openDesk) => {
  test('for a check: rows that are new and rows that change; P6: they are kept, P8: with a reason that quotes nothing', async () => {
    const desk = await openDesk({ change: withCheck });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    const rows = [procedure('P3'), cheap('P4', '-1.00'), cheap('P1', '-2.00'), procedure('P2'), procedure('P5')];
    const outcome = await desk.deliver('Procedure', '20260802_060000', rows);
    expect(outcome).toMatchObject({ counts: { read: 5, inserted: 2, unchanged: 1, rejected: 2 } });
    expect(await rejects(desk)).toEqual(['3 constraint rejected P4', '4 constraint rejected P1']);
    expect(await desk.column('SELECT raw FROM rejects ORDER BY line')).toEqual([
      'P4|C1||first|-1.00|',
      'P1|C1||first|-2.00|',
    ]);
    expect(await desk.column('SELECT count(*) FROM procedures WHERE standard_charge_cents IS NULL')).toEqual([4]);
    expect(await desk.column('SELECT DISTINCT reason FROM rejects')).toEqual([
      'the database refused it for a constraint of its own',
    ]);
  });

  test('for a unique index: the first of two rows is taken', async () => {
    const desk = await openDesk({ change: withUnique });
    const rows = [procedure('P1'), procedure('P2'), { ...procedure('P3'), ProcedureCode: 'C3' }];
    expect(await desk.deliver('Procedure', '20260801_060000', rows)).toMatchObject({
      counts: { read: 3, inserted: 2, rejected: 1 },
    });
    expect(await rejects(desk)).toEqual(['3 constraint rejected P2']);
  });

  test('rows that break a constraint and lack their parent wait, beside those that are refused', async () => {
    const desk = await openDesk({ change: withCheck });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const rows = [
      visit('V1', 'P8', bad),
      visit('V2', 'P1', bad),
      visit('V3', 'P1'),
      visit('V4', 'P9'),
      visit('V5', 'P1'),
      visit('V3', 'P1', { Status: 'good' }),
    ];
    expect(await desk.deliver('Visit', '20260801_060000', rows)).toMatchObject({
      counts: { read: 6, inserted: 2, updated: 1, rejected: 1, waiting: 2 },
    });
    expect(await desk.column('SELECT parent_key FROM waiting_on ORDER BY 1')).toEqual(['P8', 'P9']);
  });

  describe('when a waiting row would heal', () => {
    const rows = [visit('V1', 'P1'), visit('V2', 'P1', bad), visit('V3', 'P1')];

    test('the file that brings its parent goes in, and so do the rows beside it; what waits for it goes on waiting', async () => {
      const desk = await openDesk({ change: withCheck });
      await desk.deliver('Transaction', '20260801_060000', [transaction('T1', 'V2'), transaction('T2', 'V1')]);
      await desk.deliver('Visit', '20260801_060000', rows);
      expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({
        healed: 3,
        refusedWaiting: 1,
      });
      expect(await desk.column('SELECT visit_id FROM visits ORDER BY 1')).toEqual(['V1', 'V3']);
      expect(
        await desk.rows(`SELECT line, state, settled_by_file_id, raw FROM rejects WHERE code = 'constraint'`),
      ).toMatchObject([
        { line: 3, state: 'rejected', settled_by_file_id: 3, raw: expect.stringContaining('V2|P1|') as string },
      ]);
      expect(await desk.column(`SELECT parent_table || ' ' || parent_key FROM waiting_on`)).toEqual(['visits V2']);
    });

    test('rule 5: an older version that waits for the same parent has its turn', async () => {
      const desk = await openDesk({ change: withCheck });
      for (const [at, changes] of [{ Status: 'first' }, { Status: 'second' }, bad].entries())
        await desk.deliver('Visit', `2026080${at + 1}_060000`, [visit(`W${at}`, 'P1'), visit('V1', 'P1', changes)]);
      expect(await desk.deliver('Procedure', '20260804_060000', [procedure('P1')])).toMatchObject({ healed: 4 });
      expect(await desk.column(`SELECT status FROM visits WHERE visit_id = 'V1'`)).toEqual(['second']);
      expect(
        await desk.column(`SELECT code || ' ' || state FROM rejects WHERE row_key = 'V1' ORDER BY reject_id`),
      ).toEqual(['missing_parent superseded', 'missing_parent healed', 'constraint rejected']);
      expect(await desk.column('SELECT count(*) FROM waiting_on')).toEqual([0]);
    });
  });
});
