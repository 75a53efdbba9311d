import { describe, expect, test } from 'vitest';
import type { Row } from '../../helpers/feed-files.ts';
import { procedure, transaction, visit } from '../../helpers/rows.ts';
import { type Desk, describeStores } from './desk.ts';

const status = (text: string) => ({ Status: text });
const statuses = (desk: Desk) => desk.column(`SELECT visit_id || ' ' || status FROM visits ORDER BY visit_id`);
const rejectStates = (desk: Desk) => desk.column(`SELECT row_key || ' ' || state FROM rejects ORDER BY reject_id`);

describeStores('one file after the other', (openDesk) => {
  test('P3: every row is accounted for, and what is kept prints as in SQLite', async () => {
    const desk = await openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    const again = await desk.deliver('Procedure', '20260802_060000', [
      { ...procedure('P1'), StandardCharge: '1234.50', EffectiveDate: '08/02/2026' },
      procedure('P2'),
      procedure('P3', 'José\\N "5"'),
      { ...procedure('P4'), EffectiveDate: '2026-02-30' },
    ]);
    expect(again).toMatchObject({ counts: { read: 4, inserted: 1, updated: 1, unchanged: 1, rejected: 1 } });
    const rows = await desk.rows('SELECT * FROM procedures ORDER BY procedure_id');
    expect(rows.map((row) => Object.values(row))).toEqual([
      ['P1', 'C1', null, 'first', 123450, '2026-08-02', 2, 2, '2026-08-02T06:00:00Z'],
      ['P2', 'C1', null, 'first', null, null, 2, 3, '2026-08-02T06:00:00Z'],
      ['P3', 'C1', null, 'José\\N "5"', null, null, 2, 4, '2026-08-02T06:00:00Z'],
    ]);
    expect(
      await desk.rows(
        `SELECT revision, inode, state, late, reject_counts ->> 'bad_date' AS bad FROM files ORDER BY file_id`,
      ),
    ).toMatchObject([
      { revision: 1, inode: -1, state: 'ingested', late: 0, bad: null },
      { revision: 1, inode: -1, state: 'ingested', late: 0 },
    ]);
    expect(
      await desk.column(`SELECT file_id FROM files WHERE CAST(reject_counts ->> 'bad_date' AS integer) = 1`),
    ).toEqual([2]);
    expect(await desk.rows('SELECT line, row_key, code, column_name, raw FROM rejects')).toMatchObject([
      {
        line: 5,
        row_key: 'P4',
        code: 'bad_date',
        column_name: 'effective_date',
        raw: 'P4|C1||first||2026-02-30',
      },
    ]);
  });

  test('P3: a key that comes several times in a file counts as if its rows were applied singly', async () => {
    const desk = await openDesk({ batchRows: 2 });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const delivered = await desk.deliver('Visit', '20260801_060000', [
      visit('V1', 'P1', status('a')),
      visit('V1', 'P9', status('b')),
      visit('V1', 'P1', status('a')),
      visit('V1', 'P1', status('c')),
      visit('V2', 'P1', status('x')),
      visit('V1', 'P9', status('d')),
    ]);
    expect(delivered).toMatchObject({ counts: { read: 6, inserted: 2, unchanged: 1, updated: 1, waiting: 2 } });
    expect(await statuses(desk)).toEqual(['V1 c', 'V2 x']);
    expect(await rejectStates(desk)).toEqual(['V1 superseded', 'V1 waiting']);
  });

  test('P3 P4 P5: rows that are few beside their tables are told apart as any others', async () => {
    const desk = await openDesk();
    const numbered = (count: number, row: (at: number) => Row) => Array.from({ length: count }, (_, at) => row(at));
    await desk.deliver(
      'Procedure',
      '20260801_060000',
      numbered(16_000, (at) => procedure(`P${at}`)),
    );
    await desk.deliver('Visit', '20260801_060000', [
      ...numbered(10_000, (at) => visit(`V${at}`, `P${at}`, status('a'))),
    ]);
    await desk.deliver('Visit', '20260803_060000', [visit('V7', 'P7', status('newer'))]);

    const mixed = await desk.deliver('Visit', '20260802_060000', [
      ...numbered(990, (at) => visit(`W${at}`, `P${at}`, status('new'))),
      visit('V1', 'P1', status('a')),
      visit('V2', 'P2', status('b')),
      visit('V3', 'P3', status('b')),
      visit('V3', 'P3', status('c')),
      visit('V4', 'Q1', status('moved')),
      visit('V7', 'P7', status('older')),
      visit('V8', 'P9', status('moved')),
      visit('X1', 'Q1', status('orphan')),
      visit('W1', 'P1', status('again')),
      visit('X2', 'Q2', status('orphan')),
    ]);
    expect(mixed).toMatchObject({
      counts: { read: 1_000, inserted: 990, unchanged: 1, updated: 5, stale: 1, waiting: 3 },
    });
    const touched = `visit_id IN ('V1', 'V2', 'V3', 'V4', 'V7', 'V8', 'W0', 'W1')`;
    expect(
      await desk.column(`SELECT visit_id || ' ' || status FROM visits WHERE ${touched} ORDER BY visit_id`),
    ).toEqual(['V1 a', 'V2 b', 'V3 c', 'V4 a', 'V7 newer', 'V8 moved', 'W0 new', 'W1 again']);
    expect(await rejectStates(desk)).toEqual(['V4 waiting', 'X1 waiting', 'X2 waiting']);

    const allNew = numbered(1_000, (at) => visit(`Y${at}`, `P${at}`));
    expect(await desk.deliver('Visit', '20260804_060000', allNew)).toMatchObject({ counts: { inserted: 1_000 } });
    const oneOrphan = [...numbered(999, (at) => visit(`Z${at}`, `P${at}`)), visit('Z999', 'Q1')];
    expect(await desk.deliver('Visit', '20260805_060000', oneOrphan)).toMatchObject({
      counts: { inserted: 999, waiting: 1 },
    });
    const oneKnown = [...numbered(999, (at) => visit(`U${at}`, `P${at}`)), visit('V9', 'P9', status('z'))];
    expect(await desk.deliver('Visit', '20260806_060000', [...oneKnown, visit('V10', 'P10')])).toMatchObject({
      counts: { read: 1_001, inserted: 999, updated: 2 },
    });
  });

  test('P3: the database refuses a ledger entry that does not add up', async () => {
    const desk = await openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await expect(desk.rows('UPDATE files SET rows_read = 2')).rejects.toThrow(/check constraint/i);
  });

  test('rule 1: A, B, A under one name makes three revisions, ends as A and deletes nothing', async () => {
    const desk = await openDesk();
    for (const rows of [[procedure('P1', 'A'), procedure('P2')], [procedure('P1', 'B')], [procedure('P1', 'A')]])
      await desk.deliver('Procedure', '20260801_060000', rows);
    expect(await desk.column('SELECT description FROM procedures ORDER BY 1')).toEqual(['A', 'first']);
    expect(await desk.column(`SELECT revision || ' ' || state FROM files ORDER BY revision`)).toEqual([
      '1 replaced',
      '2 replaced',
      '3 ingested',
    ]);
  });

  test('rule 2: the same bytes under another name are a new statement', async () => {
    const desk = await openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({
      counts: { read: 1, unchanged: 1 },
    });
    expect(await desk.column('SELECT stamp FROM checkpoints')).toEqual(['2026-08-02T06:00:00Z']);
  });

  test('rule 3: an unchanged row takes the newer place, so a file in between cannot overwrite it, and is late', async () => {
    const desk = await openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1', 'same')]);
    await desk.deliver('Procedure', '20260803_060000', [procedure('P1', 'same')]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1', 'between')])).toMatchObject({
      late: true,
      counts: { read: 1, stale: 1 },
    });
    expect(await desk.column('SELECT description FROM procedures')).toEqual(['same']);
    expect(await desk.column('SELECT stamp FROM checkpoints')).toEqual(['2026-08-03T06:00:00Z']);
  });

  test('rule 3: stale is told before the foreign key is asked', async () => {
    const desk = await openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver('Visit', '20260803_060000', [visit('V1', 'P1')]);
    expect(await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P-missing')])).toMatchObject({
      counts: { read: 1, stale: 1 },
    });
  });

  test.each([
    [true, false],
    [false, true],
  ])('P4: of two files of one stamp the name that sorts later bytewise wins (brackets first: %s)', async (...order) => {
    const desk = await openDesk();
    for (const brackets of order)
      await desk.deliver('Procedure', '20260801_060000', [procedure('P1', brackets ? 'brackets' : 'none')], {
        brackets,
      });
    // '[' is 0x5B, the digits are 0x30 to 0x39; the database itself sorts '[' before them.
    expect(await desk.column('SELECT description FROM procedures')).toEqual(['brackets']);
  });

  test('P4: keys that differ in nothing but case or spelling are different keys', async () => {
    const desk = await openDesk();
    const ids = ['a', 'A', 'é', 'e\u0301', '00', '0'];
    expect(
      await desk.deliver(
        'Procedure',
        '20260801_060000',
        ids.map((id) => procedure(id)),
      ),
    ).toMatchObject({
      counts: { read: 6, inserted: 6 },
    });
    const bytewise = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await desk.column('SELECT procedure_id FROM procedures ORDER BY procedure_id')).toEqual(bytewise);
  });

  test('rule 9: a quarantined content that is tried again keeps its revision and gives its place to the new entry', async () => {
    const desk = await openDesk();
    const bad = { ...procedure('P1'), EffectiveDate: 'soon' };
    expect(await desk.deliver('Procedure', '20260801_060000', [bad])).toEqual({ kind: 'quarantined', revision: 1 });
    expect(await desk.deliver('Procedure', '20260801_060000', [bad])).toEqual({ kind: 'quarantined', revision: 1 });
    expect(await desk.column(`SELECT state || ' ' || reason_code FROM files`)).toEqual(['quarantined bad_rows']);
    expect(await desk.column('SELECT line FROM rejects')).toEqual([2]);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(await desk.column('SELECT state FROM files ORDER BY revision')).toEqual(['replaced', 'ingested']);
  });

  describe('P5: orphans', () => {
    test('wait with their raw text and values, and heal in the commit that brings the parent', async () => {
      const desk = await openDesk();
      const row = visit('V1', 'P1', {
        PatientName: 'Zoë | "x"\nsecond line',
        TotalCharge: '12.30',
        DateOfBirth: '1907-02-01',
      });
      expect(await desk.deliver('Visit', '20260801_060000', [row])).toMatchObject({ counts: { read: 1, waiting: 1 } });
      expect(
        await desk.rows(
          `SELECT line, code, column_name, state, CAST(record ->> 'total_charge_cents' AS integer) AS cents FROM rejects`,
        ),
      ).toEqual([
        {
          line: 2,
          code: 'missing_parent',
          column_name: 'procedure_id',
          state: 'waiting',
          cents: 1230,
        },
      ]);
      expect(String(await desk.column('SELECT raw FROM rejects'))).toMatch(
        /^V1\|P1\|M1\|"Zoë \| ""x""\nsecond line"\|1907-02-01\|/,
      );
      expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({ healed: 1 });
      expect(await desk.rows('SELECT state, healed_as, raw, record, settled_by_file_id FROM rejects')).toEqual([
        { state: 'healed', healed_as: 'inserted', raw: null, record: null, settled_by_file_id: 2 },
      ]);
      expect(
        await desk.rows(
          'SELECT patient_name, date_of_birth, total_charge_cents, status, source_file_id, source_line, source_stamp FROM visits',
        ),
      ).toEqual([
        {
          ...{
            patient_name: 'Zoë | "x"\nsecond line',
            date_of_birth: '1907-02-01',
            total_charge_cents: 1230,
            status: null,
          },
          ...{ source_file_id: 1, source_line: 2, source_stamp: '2026-08-01T06:00:00Z' },
        },
      ]);
    });

    test('all children first: everything heals in turn, and nothing waits', async () => {
      const desk = await openDesk();
      await desk.deliver('Transaction', '20260801_060000', [
        transaction('T1', 'V1', { ProcedureID: 'P1' }),
        transaction('T2', 'V1'),
      ]);
      await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
      expect(await desk.column('SELECT parent_table FROM waiting_on ORDER BY 1')).toEqual([
        'procedures',
        'procedures',
        'visits',
        'visits',
      ]);
      expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ healed: 3 });
      expect(await desk.column('SELECT transaction_id FROM transactions ORDER BY 1')).toEqual(['T1', 'T2']);
      expect(await desk.column('SELECT count(*) FROM waiting_on')).toEqual([0]);
    });

    test('with two missing parents heal when the second arrives', async () => {
      const desk = await openDesk();
      await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
      await desk.deliver('Transaction', '20260801_060000', [transaction('T1', 'V1', { ProcedureID: 'P2' })]);
      expect(await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')])).toMatchObject({ healed: 0 });
      expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P2')])).toMatchObject({ healed: 1 });
    });

    test('rule 4: an admitted newer version supersedes a waiting one, and what it waited for', async () => {
      const desk = await openDesk();
      await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
      await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P-late', status('old'))]);
      await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P1', status('new'))]);
      expect(await rejectStates(desk)).toEqual(['V1 superseded']);
      expect(await desk.column('SELECT count(*) FROM waiting_on')).toEqual([0]);
      await desk.deliver('Procedure', '20260803_060000', [procedure('P-late')]);
      expect(await statuses(desk)).toEqual(['V1 new']);
    });

    test('rule 4: a newer waiting version does not supersede an older one that can be admitted', async () => {
      const desk = await openDesk();
      await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1', status('old'))]);
      await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P2', status('new'))]);
      await desk.deliver('Procedure', '20260803_060000', [procedure('P1')]);
      expect(await statuses(desk)).toEqual(['V1 old']);
      await desk.deliver('Procedure', '20260804_060000', [procedure('P2')]);
      expect(await statuses(desk)).toEqual(['V1 new']);
      expect(await desk.column('SELECT healed_as FROM rejects ORDER BY reject_id')).toEqual(['inserted', 'updated']);
    });

    test('rules 4 and 5: of versions that become ready together the newest heals; of equal stamps, the later name', async () => {
      const desk = await openDesk();
      await desk.deliver('Visit', '20260802_060000', [
        visit('V1', 'P1', status('second')),
        visit('V1', 'P1', status('third')),
      ]);
      await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P1', status('none'))], { brackets: false });
      await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1', status('first'))]);
      expect(await desk.deliver('Procedure', '20260803_060000', [procedure('P1')])).toMatchObject({ healed: 1 });
      expect(await statuses(desk)).toEqual(['V1 third']);
      expect(await rejectStates(desk)).toEqual(['V1 superseded', 'V1 healed', 'V1 superseded', 'V1 superseded']);
    });

    test('rule 6: healing starts from what the commit changed: rows of other keys are not looked at', async () => {
      const desk = await openDesk();
      await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P2')]);
      await desk.rows(
        `INSERT INTO procedures VALUES ('P2', 'C1', NULL, NULL, NULL, NULL, 1, 2, '2026-08-01T06:00:00Z')`,
      );
      await desk.rows(`DELETE FROM waiting_on WHERE parent_key = 'P2'`);
      expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({ healed: 1 });
      expect(await rejectStates(desk)).toEqual(['V1 healed', 'V2 waiting']);
    });
  });
});
