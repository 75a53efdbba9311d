import { expect, test } from 'vitest';
import { feedFileName } from '../helpers/feed-files.ts';
import { openDesk } from '../helpers/ingest.ts';

const COLUMNS = ['ProcedureID', 'ProcedureCode', 'CodeSystem', 'Description', 'StandardCharge', 'EffectiveDate'];
const header = (delimiter: string, more: readonly string[] = []) => [...COLUMNS, ...more].join(delimiter);

test('a change of the dialect is told once; quotes that nothing needed are no change', async () => {
  const desk = openDesk();
  const deliver = async (day: number, text: string) => {
    const outcome = await desk.ingest(desk.write(feedFileName('Procedure', `2026080${day}_060000`), text));
    return outcome.kind === 'ingested' ? outcome.drift : outcome.kind;
  };
  expect(await deliver(1, `${header('|')}\nP1|C1||plain||\n`)).toEqual([]);
  expect(await deliver(2, `${header('|')}\nP1|C1||"quoted | field"||\n`)).toEqual([]);
  expect(await deliver(3, `${header(',')}\r\nP1,C1,,plain,,\r\n`)).toEqual(['delimiter', 'newline']);
  expect(await deliver(4, `${header(',')}\r\nP2,C1,,plain,,\r\n`)).toEqual([]);
});

test('P6: columns that the feed does not know are told when they are new, and kept in the ledger', async () => {
  const desk = openDesk();
  const deliver = async (day: number, more: readonly string[]) => {
    const row = ['P1', 'C1', '', '', '', '', ...more.map(() => 'x')].join('|');
    const text = `${header('|', more)}\n${row}\n`;
    const outcome = await desk.ingest(desk.write(feedFileName('Procedure', `2026080${day}_060000`), text));
    return outcome.kind === 'ingested' ? outcome.newExtra : outcome.kind;
  };
  expect(await deliver(1, ['Ward'])).toEqual(['Ward']);
  expect(await deliver(2, ['Ward'])).toEqual([]);
  expect(await deliver(3, ['Ward', 'Unit'])).toEqual(['Unit']);
  expect(desk.column('SELECT extra FROM files ORDER BY file_id')).toEqual(['["Ward"]', '["Ward"]', '["Ward","Unit"]']);
});

test('P7: a sound file whose unknown columns hold as much as the known ones goes in: the names tell them from a row behind the header', async () => {
  const desk = openDesk();
  const more = ['ParentID', 'ParentCode', 'ParentSystem', 'ParentText', 'ParentCharge', 'ParentDate'];
  const row = (at: number) => [`P${at}`, 'C1', 'CPT', 'first', '10.00', '2026-08-01'];
  const text = [header('|', more), ...[1, 2, 3].map((at) => [...row(at), ...row(at + 5)].join('|')), ''].join('\n');
  const outcome = await desk.ingest(desk.write(feedFileName('Procedure', '20260801_060000'), text));
  expect(outcome).toMatchObject({ kind: 'ingested', newExtra: more, counts: { inserted: 3 } });
});
