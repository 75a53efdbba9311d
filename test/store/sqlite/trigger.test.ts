import { describe, expect, test } from 'vitest';
import { DatabaseFault } from '../../../src/store/database-fault.ts';
import { verifyDatabase } from '../../../src/store/sqlite/verify.ts';
import { type Desk, openDesk } from '../../helpers/ingest.ts';
import { counts, procedure, transaction, visit } from '../../helpers/rows.ts';

/** A desk whose database has a trigger of the user's on `table`, which does `action` where the row is `bad`. */
function openDeskWith(when: string, table: string, bad: string, action: string): Desk {
  const desk = openDesk();
  desk.db.exec(`CREATE TRIGGER theirs ${when} ON ${table} WHEN ${bad} BEGIN ${action}; END`);
  return desk;
}

function findings(desk: Desk): string[] {
  return [...verifyDatabase(desk.db, desk.feed)].flatMap((check) => check.findings);
}

const RAISES = [`SELECT RAISE(ABORT, 'no')`, `SELECT RAISE(FAIL, 'no')`, 'SELECT RAISE(IGNORE)'];

describe.each(RAISES)('P3 P7: a trigger that refuses a row by %s costs that row only', (action) => {
  test.each(['BEFORE INSERT', 'BEFORE UPDATE'])('%s', async (when) => {
    const desk = openDeskWith(when, 'procedures', `NEW.description = 'bad'`, action);
    const first = Array.from({ length: 12 }, (_, i) => procedure(`P${i}`));
    const second = first.map((row, i) => (i === 4 || i === 7 ? { ...row, Description: 'bad' } : row));
    const [before, after] = when === 'BEFORE INSERT' ? [second, second] : [first, second];
    const expected = when === 'BEFORE INSERT' ? { read: 12, inserted: 10, rejected: 2 } : { read: 12, inserted: 12 };
    expect(counts(await desk.deliver('Procedure', '20260801_060000', before))).toEqual(expected);
    expect(counts(await desk.deliver('Procedure', '20260802_060000', after))).toEqual({
      read: 12,
      unchanged: 10,
      rejected: 2,
    });
    expect(desk.column(`SELECT count(*) FROM procedures WHERE description = 'bad'`)).toEqual([0]);
    expect(desk.column(`SELECT DISTINCT code || ' ' || state FROM rejects`)).toEqual(['constraint rejected']);
    expect(findings(desk)).toEqual([]);
  });

  test('rows that wait and rows that heal', async () => {
    const desk = openDeskWith('BEFORE INSERT', 'visits', `NEW.status = 'bad'`, action);
    const rows = Array.from({ length: 12 }, (_, i) => visit(`V${i}`, 'P1', i % 5 === 2 ? { Status: 'bad' } : {}));
    expect(counts(await desk.deliver('Visit', '20260801_060000', rows))).toEqual({ read: 12, waiting: 12 });
    await desk.deliver('Transaction', '20260801_060000', [transaction('T1', 'V2'), transaction('T2', 'V3')]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({
      healed: 11,
      refusedWaiting: 2,
    });
    expect(desk.column('SELECT count(*) FROM visits')).toEqual([10]);
    expect(findings(desk)).toEqual([]);
  });
});

/** What is in after a file that a trigger does not let in, and after the trigger is gone. */
async function meetsFault(desk: Desk, deliver: () => Promise<unknown>): Promise<unknown> {
  const tables = ['procedures', 'visits', 'files', 'rejects', 'waiting_on', 'checkpoints'];
  const footprint = () => JSON.stringify(tables.map((table) => desk.rows(`SELECT * FROM ${table}`)));
  const before = footprint();
  for (let time = 0; time < 4; time++) {
    const error: unknown = await deliver().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DatabaseFault);
    expect(error).toMatchObject({ kind: 'trigger', hint: expect.stringContaining('RAISE(ABORT') as unknown });
    expect(footprint()).toBe(before);
  }
  desk.db.exec('DROP TRIGGER theirs');
  return deliver();
}

describe('P2 P7: a trigger that ends the transaction is a fault of the database, not of the file, and nothing is half in', () => {
  const rollback = `SELECT RAISE(ROLLBACK, 'no')`;

  test('new rows', async () => {
    const desk = openDeskWith('AFTER INSERT', 'procedures', `NEW.procedure_id = 'P2'`, rollback);
    const rows = [procedure('P1'), procedure('P2'), procedure('P3')];
    const outcome = await meetsFault(desk, () => desk.deliver('Procedure', '20260801_060000', rows));
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { inserted: 3 } });
    expect(desk.column('SELECT attempts FROM files')).toEqual([1]);
  });

  test('rows that change', async () => {
    const desk = openDeskWith('BEFORE UPDATE', 'procedures', `NEW.description = 'bad'`, rollback);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    const rows = [procedure('P1', 'good'), procedure('P2', 'bad')];
    const outcome = await meetsFault(desk, () => desk.deliver('Procedure', '20260802_060000', rows));
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { updated: 2 } });
  });

  test('rows that heal', async () => {
    const desk = openDeskWith('BEFORE INSERT', 'visits', `NEW.visit_id = 'V2'`, rollback);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    desk.db.exec('DROP TRIGGER theirs');
    await desk.deliver('Visit', '20260802_060000', [visit('V2', 'P1')]);
    desk.db.exec(`CREATE TRIGGER theirs BEFORE INSERT ON visits WHEN NEW.visit_id = 'V2' BEGIN ${rollback}; END`);
    const outcome = await meetsFault(desk, () => desk.deliver('Procedure', '20260802_060000', [procedure('P1')]));
    expect(outcome).toMatchObject({ kind: 'ingested', healed: 2 });
  });

  test('rows of the ledger', async () => {
    const desk = openDeskWith('BEFORE INSERT', 'rejects', '1', `SELECT RAISE(FAIL, 'no')`);
    const rows = [visit('V1', 'P1'), visit('V2', 'P1')];
    const outcome = await meetsFault(desk, () => desk.deliver('Visit', '20260801_060000', rows));
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { waiting: 2 } });
  });
});

test('P4: a column that compares without regard to case keeps every letter', async () => {
  const desk = openDesk();
  const sql = String(desk.column(`SELECT sql FROM sqlite_schema WHERE name = 'procedures'`)[0]);
  desk.db.exec('DROP TABLE procedures');
  desk.db.exec(sql.replace('description           TEXT', 'description TEXT COLLATE NOCASE'));
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1', 'abc'), procedure('P2', 'abc')]);
  const again = await desk.deliver('Procedure', '20260802_060000', [procedure('P1', 'ABC'), procedure('P2', 'abc')]);
  expect(counts(again)).toEqual({ read: 2, updated: 1, unchanged: 1 });
  expect(desk.column('SELECT description FROM procedures ORDER BY 1 COLLATE BINARY')).toEqual(['ABC', 'abc']);
});
