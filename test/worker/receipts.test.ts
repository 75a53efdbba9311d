import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { report } from '../../src/commands/report.ts';
import { createEvents } from '../../src/model/events.ts';
import type { Fault } from '../../src/model/work.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { createReceipts } from '../../src/worker/receipts.ts';
import { LEAK } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { type Desk, openDesk, ROOT } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';

/** The process that writes receipts, from its start on. */
function startWriter(desk: Desk) {
  const folder = join(desk.folder, 'receipts');
  const faults: Omit<Fault, 'since'>[] = [];
  const book = {
    begin: (fault: Omit<Fault, 'since'>) => faults.push(fault),
    end: () => faults.splice(0),
    list: () => [],
  };
  const now = (): Date => new Date('2026-08-10T12:00:00Z');
  const events = createEvents();
  const write = createReceipts({ db: desk.database.file, folder, feed: desk.feed, events, faults: book, now });
  return { folder, faults, write };
}

const PROCEDURES = feedFileName('Procedure', '20260801_060000');
const VISITS = feedFileName('Visit', '20260801_060000');

test('P2: each file has its receipt when its fate is known, also where the process was killed in between', async () => {
  const desk = openDesk();
  startWriter(desk);
  await desk.deliver('Procedure', '20260801_060000', [
    procedure('P1'),
    procedure('P3'),
    'ZQX|short',
    { ...procedure('P2'), StandardCharge: 'ZQX' },
  ]);
  await desk.deliver('Visit', '20260801_060000', ['ZQX'], { columns: ['ZQX'] });
  // It was killed before it wrote any.
  const { folder, write } = startWriter(desk);
  expect(await write()).toBeNull();
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.receipt.json`), 'utf8'));
  expect(read(PROCEDURES)).toMatchObject({
    ...{ name: PROCEDURES, outcome: 'ingested', revision: 1, rows: { read: 4, inserted: 2, rejected: 2 } },
    ...{ reject_counts: { field_count: 1, bad_money: 1 } },
    rejects: [
      { line: 4, code: 'field_count' },
      { line: 5, code: 'bad_money', column_name: 'standard_charge_cents' },
    ],
  });
  expect(read(VISITS)).toMatchObject({ outcome: 'quarantined', rows: { read: 0 } });
  expect(
    readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join(),
  ).not.toMatch(LEAK);

  await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P9')]);
  await startWriter(desk).write();
  expect(read(VISITS)).toMatchObject({ outcome: 'ingested', rows: { read: 2, inserted: 1, waiting: 1 } });
  expect(read(VISITS)).toHaveProperty('revision', 2);
});

test('P7: where they cannot be written that is a fault, and is tried again', async () => {
  const desk = openDesk();
  writeFileSync(join(desk.folder, 'receipts'), 'a file');
  const { folder, faults, write } = startWriter(desk);
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
  expect(await write()).toBe(30_000);
  expect(faults).toMatchObject([{ kind: 'receipts' }]);
  const { rmSync } = await import('node:fs');
  rmSync(folder);
  expect(await write()).toBeNull();
  expect([faults, existsSync(join(folder, `${PROCEDURES}.receipt.json`))]).toEqual([[], true]);
});

test("report says what a sender's people can act on, without a value", async () => {
  const desk = openDesk();
  await desk.deliver('Procedure', '20260801_060000', [
    procedure('P1'),
    { ...procedure('ZQX2'), StandardCharge: 'ZQX' },
  ]);
  await desk.deliver('Visit', '20260801_060000', ['ZQX'], { columns: ['ZQX'] });
  const settings = readSettings({ flags: { db: desk.database.file }, env: {}, cwd: ROOT, root: ROOT });
  const io = captureIo();
  expect(await report({ settings, name: PROCEDURES, json: false }, io)).toBe(3);
  expect(io.written.out).toContain('Rows      2 read, 1 taken, 1 rejected, 0 waiting');
  expect(io.written.out).toContain('3\tstandard_charge_cents\tbad_money\t');
  expect(io.written.out).toContain('Please correct these rows and send the whole file again under the same name.');
  expect(await report({ settings, name: VISITS, json: false }, io)).toBe(3);
  expect(io.written.out).toContain('Nothing of it was loaded.');
  expect(io.written.out).not.toMatch(LEAK);
  await expect(report({ settings, name: 'x', json: false }, io)).rejects.toThrow('the ledger has no file of this name');
});

test('on a terminal of 80 columns report has a table, and no line is longer; a name cannot move the cursor', async () => {
  const desk = openDesk();
  const rows = [
    procedure('P1'),
    { ...procedure('P2'), StandardCharge: 'x' },
    { ...procedure('P3'), EffectiveDate: 'x' },
  ];
  await desk.deliver('Procedure', '20260801_060000', rows);
  await desk.deliver('Visit', '20260801_060000', ['x'], { columns: ['x'] });
  const settings = readSettings({ flags: { db: desk.database.file }, env: {}, cwd: ROOT, root: ROOT });
  const show = async (name: string) => {
    const io = captureIo({ terminal: true });
    const stdout = { ...io.stdout, columns: 80, colour: false };
    await report({ settings, name, json: false }, { ...io, stdout });
    for (const line of io.written.out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    return io.written.out.split('\n');
  };
  const lines = await show(PROCEDURES);
  const table = lines.slice(lines.indexOf('') + 1);
  expect(table[0]).toBe('line  column                 code       reason');
  expect(table[2]).toMatch(/^ {3}3 {2}standard_charge_cents {2}bad_money {2}StandardCharge: not a /);
  expect((await show(VISITS)).join(' ')).toContain('Please send the whole file again, corrected, under the same name.');
  desk.db.exec(`UPDATE files SET name = 'a\u001b[2J.txt' WHERE dataset = 'Visit'`);
  expect((await show('a\u001b[2J.txt'))[0]).toBe('File      a\\x1b[2J.txt');
});
