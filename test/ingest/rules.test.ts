import { describe, expect, test } from 'vitest';
import type { IngestOutcome } from '../../src/model/ingest.ts';
import { readStatus } from '../../src/store/sqlite/status-query.ts';
import { type Row, feedFileName } from '../helpers/feed-files.ts';
import { type Desk, openDesk } from '../helpers/ingest.ts';

const procedure = (id: string, description = 'first'): Row => ({
  ProcedureID: id,
  ProcedureCode: 'C1',
  Description: description,
});
const visit = (id: string, procedureId: string, status = 'Open'): Row => ({
  VisitID: id,
  ProcedureID: procedureId,
  PatientID: 'M1',
  VisitDate: '2026-08-01',
  Status: status,
});
const transaction = (id: string, visitId: string, changes: Row = {}): Row => ({
  TransactionID: id,
  VisitID: visitId,
  TransactionDate: '2026-08-01',
  TransactionType: 'Charge',
  Amount: '10.00',
  ...changes,
});

function counts(outcome: IngestOutcome): Record<string, number> {
  if (outcome.kind !== 'ingested') throw new Error(`not ingested but ${outcome.kind}`);
  return Object.fromEntries(Object.entries(outcome.counts).filter(([, rows]) => rows > 0));
}

const statuses = (desk: Desk) => desk.column(`SELECT visit_id || ' ' || status FROM visits ORDER BY visit_id`);
const rejectStates = (desk: Desk) => desk.column(`SELECT row_key || ' ' || state FROM rejects ORDER BY reject_id`);

describe('P3: every row is accounted for', () => {
  test('inserted, updated, unchanged, rejected and waiting rows sum to the rows read', async () => {
    const desk = openDesk();
    expect(counts(await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]))).toEqual({
      read: 2,
      inserted: 2,
    });
    const again = [
      procedure('P1'),
      procedure('P2', 'second'),
      procedure('P3'),
      { ...procedure('P4'), EffectiveDate: '2026-02-30' },
    ];
    expect(counts(await desk.deliver('Procedure', '20260802_060000', again))).toEqual({
      read: 4,
      inserted: 1,
      updated: 1,
      unchanged: 1,
      rejected: 1,
    });
    expect(desk.column('SELECT description FROM procedures ORDER BY 1')).toEqual(['first', 'first', 'second']);
  });

  test('a key that comes several times in a file counts as if its rows were applied singly', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const rows = [
      visit('V1', 'P1', 'a'),
      visit('V1', 'P9', 'b'),
      visit('V1', 'P1', 'a'),
      visit('V1', 'P1', 'c'),
      visit('V2', 'P1', 'x'),
      visit('V1', 'P9', 'd'),
    ];
    expect(counts(await desk.deliver('Visit', '20260801_060000', rows))).toEqual({
      read: 6,
      inserted: 2,
      unchanged: 1,
      updated: 1,
      waiting: 2,
    });
    expect(statuses(desk)).toEqual(['V1 c', 'V2 x']);
    expect(rejectStates(desk)).toEqual(['V1 superseded', 'V1 waiting']);
  });

  test('the database refuses a ledger entry that does not add up', () => {
    const desk = openDesk();
    const insert = desk.db
      .prepare(`INSERT INTO files (feed, feed_hash, program, name, revision, bytes, mtime_ns, ctime_ns, inode, state,
      rows_read, rows_inserted, started_at, finished_at) VALUES ('f', 'h', '0', 'n', 1, 0, 0, 0, 0, 'ingested', 3, 2, '', '')`);
    expect(() => insert.run()).toThrow('CHECK constraint failed');
  });
});

describe('P4: arrival order does not matter', () => {
  test('a late file does not overwrite a newer row, and is marked late', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260803_060000', [procedure('P1', 'newer')]);
    const late = await desk.deliver('Procedure', '20260802_060000', [
      procedure('P1', 'older'),
      procedure('P2', 'only here'),
    ]);
    expect(late).toMatchObject({ kind: 'ingested', late: true });
    expect(counts(late)).toEqual({ read: 2, inserted: 1, stale: 1 });
    expect(desk.column('SELECT description FROM procedures ORDER BY procedure_id')).toEqual(['newer', 'only here']);
    expect(desk.column('SELECT stamp FROM checkpoints')).toEqual(['2026-08-03T06:00:00Z']);
  });

  test('rule 3: an unchanged row takes the newer place, so a file in between cannot overwrite it', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1', 'same')]);
    expect(counts(await desk.deliver('Procedure', '20260803_060000', [procedure('P1', 'same')]))).toEqual({
      read: 1,
      unchanged: 1,
    });
    expect(counts(await desk.deliver('Procedure', '20260802_060000', [procedure('P1', 'between')]))).toEqual({
      read: 1,
      stale: 1,
    });
    expect(desk.column('SELECT description FROM procedures')).toEqual(['same']);
  });

  test('rule 3: stale is told before the foreign key is asked', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver('Visit', '20260803_060000', [visit('V1', 'P1')]);
    expect(counts(await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P-missing')]))).toEqual({
      read: 1,
      stale: 1,
    });
  });

  test.each([
    [true, false],
    [false, true],
  ])(
    'two files of one stamp, with and without brackets, end the same in either order (%s first)',
    async (first, second) => {
      const desk = openDesk();
      for (const brackets of [first, second]) {
        await desk.deliver('Procedure', '20260801_060000', [procedure('P1', brackets ? 'brackets' : 'none')], {
          brackets,
        });
      }
      // '[' is 0x5B, the digits are 0x30 to 0x39: the bracketed name is the greater one.
      expect(desk.column('SELECT description FROM procedures')).toEqual(['brackets']);
    },
  );
});

describe('rules 1 and 2: revisions', () => {
  test('A, B, A under one name makes three revisions and ends as A', async () => {
    const desk = openDesk();
    for (const description of ['A', 'B', 'A'])
      await desk.deliver('Procedure', '20260801_060000', [procedure('P1', description)]);
    expect(desk.column('SELECT description FROM procedures')).toEqual(['A']);
    expect(desk.rows('SELECT revision, state FROM files ORDER BY revision')).toEqual([
      { revision: 1, state: 'replaced' },
      { revision: 2, state: 'replaced' },
      { revision: 3, state: 'ingested' },
    ]);
  });

  test('a correction in which a row moved up wins by its revision, and retracts nothing', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [
      procedure('P1', 'x'),
      procedure('P2', 'x'),
      procedure('P3', 'wrong'),
    ]);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P3', 'right')]);
    expect(desk.column('SELECT description FROM procedures ORDER BY procedure_id')).toEqual(['x', 'x', 'right']);
  });

  test('the same bytes under the same name are a no-op, under a new name a new statement', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ kind: 'unchanged' });
    expect(counts(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')]))).toEqual({
      read: 1,
      unchanged: 1,
    });
    expect(desk.column('SELECT count(*) FROM files')).toEqual([2]);
  });

  test('rule 9: a retry reads the same bytes as a new revision', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const name = 'HospitalABC_VisitPay_Procedure_[20260801_060000].txt';
    const file = desk.write(
      name,
      'ProcedureID|ProcedureCode|CodeSystem|Description|StandardCharge|EffectiveDate\nP1|C1||first||\n',
    );
    expect(await desk.ingest(file, { afresh: true })).toMatchObject({ kind: 'ingested', revision: 2 });
    const refused = desk.write(feedFileName('Visit', '20260805_060000'), 'no header');
    expect(await desk.ingest(refused)).toMatchObject({ kind: 'quarantined', revision: 1 });
    expect(await desk.ingest(refused, { afresh: true })).toMatchObject({ kind: 'quarantined', revision: 1 });
    const { datasets } = readStatus(desk.db, desk.feed, 0);
    expect(datasets.find((dataset) => dataset.name === 'Visit')).toMatchObject({ files_quarantined: 1 });
  });
});

describe('P5: orphans heal', () => {
  test('an orphan waits, is kept with its raw text, and heals in the commit that brings its parent', async () => {
    const desk = openDesk();
    expect(counts(await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]))).toEqual({
      read: 1,
      waiting: 1,
    });
    expect(desk.rows('SELECT line, byte_offset, code, column_name, state, raw FROM rejects')).toMatchObject([
      {
        line: 2,
        code: 'missing_parent',
        column_name: 'procedure_id',
        state: 'waiting',
        raw: expect.stringMatching(/^V1\|P1\|/) as unknown,
      },
    ]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({
      kind: 'ingested',
      healed: 1,
    });
    expect(statuses(desk)).toEqual(['V1 Open']);
    expect(desk.rows('SELECT state, healed_as, raw, record, settled_by_file_id FROM rejects')).toEqual([
      { state: 'healed', healed_as: 'inserted', raw: null, record: null, settled_by_file_id: 2 },
    ]);
    expect(desk.rows('SELECT source_file_id, source_line, source_stamp FROM visits')).toEqual([
      { source_file_id: 1, source_line: 2, source_stamp: '2026-08-01T06:00:00Z' },
    ]);
  });

  test('all children first: everything heals, in turn, and nothing waits', async () => {
    const desk = openDesk();
    await desk.deliver('Transaction', '20260801_060000', [
      transaction('T1', 'V1', { ProcedureID: 'P1' }),
      transaction('T2', 'V1'),
    ]);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    expect(desk.column('SELECT count(*) FROM transactions')).toEqual([0]);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ healed: 3 });
    expect(desk.column('SELECT transaction_id FROM transactions ORDER BY 1')).toEqual(['T1', 'T2']);
    expect(desk.column('SELECT count(*) FROM waiting_on')).toEqual([0]);
  });

  test('a row with two missing parents heals when the second arrives', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver('Transaction', '20260801_060000', [transaction('T1', 'V1', { ProcedureID: 'P2' })]);
    expect(desk.column('SELECT parent_table FROM waiting_on ORDER BY 1')).toEqual(['procedures', 'visits']);
    expect(await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')])).toMatchObject({ healed: 0 });
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P2')])).toMatchObject({ healed: 1 });
    expect(desk.column('SELECT transaction_id FROM transactions')).toEqual(['T1']);
  });

  test('rule 4: an admitted newer version supersedes a waiting row', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P-late', 'old')]);
    await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P1', 'new')]);
    expect(rejectStates(desk)).toEqual(['V1 superseded']);
    await desk.deliver('Procedure', '20260803_060000', [procedure('P-late')]);
    expect(statuses(desk)).toEqual(['V1 new']);
  });

  test('rule 4: a newer waiting version does not supersede an older one that can be admitted', async () => {
    const desk = openDesk();
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1', 'old')]);
    await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P2', 'new')]);
    await desk.deliver('Procedure', '20260803_060000', [procedure('P1')]);
    expect(statuses(desk)).toEqual(['V1 old']);
    await desk.deliver('Procedure', '20260804_060000', [procedure('P2')]);
    expect(statuses(desk)).toEqual(['V1 new']);
    expect(desk.column('SELECT healed_as FROM rejects ORDER BY reject_id')).toEqual(['inserted', 'updated']);
  });

  test('rule 4: of several versions that become admissible together the newest heals, the others are superseded', async () => {
    const desk = openDesk();
    await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P1', 'second'), visit('V1', 'P1', 'third')]);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1', 'first')]);
    await desk.deliver('Procedure', '20260803_060000', [procedure('P1')]);
    expect(statuses(desk)).toEqual(['V1 third']);
    expect(rejectStates(desk)).toEqual(['V1 superseded', 'V1 healed', 'V1 superseded']);
  });

  test('rule 4: waiting rows of a replaced revision stay waiting', async () => {
    const desk = openDesk();
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    await desk.deliver('Visit', '20260801_060000', [visit('V2', 'P1')]);
    expect(rejectStates(desk)).toEqual(['V1 waiting', 'V2 waiting']);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(statuses(desk)).toEqual(['V1 Open', 'V2 Open']);
  });

  test('a foreign key is the last word: the database itself refuses an orphan', () => {
    const desk = openDesk();
    const insert = desk.db
      .prepare(`INSERT INTO visits (visit_id, procedure_id, patient_id, visit_date, source_file_id, source_line, source_stamp)
      VALUES ('V1', 'P1', 'M1', '2026-08-01', 1, 2, '')`);
    expect(() => insert.run()).toThrow('FOREIGN KEY constraint failed');
  });
});

describe('rule 7 and P6: quarantine', () => {
  const bad = (id: string): Row => ({ ...procedure(id), EffectiveDate: 'soon' });

  test('a file with more rejected rows than allowed is rolled back whole and keeps its reason, its counts and its first rejects', async () => {
    const desk = openDesk();
    const rows = [procedure('P1'), ...Array.from({ length: 150 }, (_, i) => bad(`B${i}`))];
    expect(await desk.deliver('Procedure', '20260801_060000', rows)).toMatchObject({
      kind: 'quarantined',
      code: 'bad_rows',
    });
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    expect(desk.rows('SELECT state, reason_code, reject_counts, rows_read FROM files')).toEqual([
      { state: 'quarantined', reason_code: 'bad_rows', reject_counts: '{"bad_date":150}', rows_read: 0 },
    ]);
    expect(desk.column('SELECT count(*) FROM rejects')).toEqual([100]);
    expect(desk.column('SELECT count(*) FROM checkpoints')).toEqual([0]);
  });

  test('half rejected is still taken, and waiting rows never count toward the limit', async () => {
    const desk = openDesk();
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), bad('B1')])).toMatchObject({
      kind: 'ingested',
    });
    expect(await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P8'), visit('V2', 'P9')])).toMatchObject({
      kind: 'ingested',
    });
  });

  test('rule 9: tried again with the same bytes it keeps its revision; ingested, it replaces what was refused', async () => {
    const desk = openDesk();
    const name = 'HospitalABC_VisitPay_Procedure_[20260801_060000].txt';
    const file = desk.write(
      name,
      'ProcedureID|CodeSystem|Description|StandardCharge|EffectiveDate\nP1|CPT|x|1|2026-01-01\n',
    );
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', code: 'missing_column', revision: 1 });
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', revision: 1 });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(desk.rows('SELECT revision, state FROM files ORDER BY revision')).toEqual([
      { revision: 1, state: 'replaced' },
      { revision: 2, state: 'ingested' },
    ]);
  });
});

test('rule 4: of thousands of versions that become ready together the newest heals, the others are superseded', async () => {
  const desk = openDesk();
  const versions = Array.from({ length: 4_000 }, (_, at) => visit('V1', `P${at}`));
  await desk.deliver('Visit', '20260801_060000', [...versions, visit('V2', 'P0')]);
  const parents = Array.from({ length: 4_000 }, (_, at) => procedure(`P${at}`));
  expect(await desk.deliver('Procedure', '20260802_060000', parents)).toMatchObject({ healed: 2 });
  expect(desk.column(`SELECT procedure_id FROM visits WHERE visit_id = 'V1'`)).toEqual(['P3999']);
  expect(desk.rows('SELECT state, count(*) AS rows FROM rejects GROUP BY state ORDER BY state')).toEqual([
    { state: 'healed', rows: 2 },
    { state: 'superseded', rows: 3_999 },
  ]);
});
