import { appendFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createBilling, LEAK } from '../helpers/billing.ts';
import { feedFileName, writeFeedFile } from '../helpers/feed-files.ts';
import { openIntakeDesk } from '../helpers/intake.ts';

const billing = createBilling(6);

test('what becomes of each file, name and fault is told once, with counts and codes, and no value from a row (P8)', async () => {
  const desk = openIntakeDesk();
  const bad = { ...billing.procedure(), EffectiveDate: 'not a date ZQX' };
  const procedures = writeFeedFile(desk.landing, 'Procedure', '20260801_060000', [billing.procedure(), bad]).name;
  const visits = writeFeedFile(desk.landing, 'Visit', '20260801_060000', ['not|a|header ZQX']).name;
  const link = feedFileName('Visit', '20260802_060000');
  symlinkSync('/etc/hostname', join(desk.landing, link));
  await desk.settleAll();
  expect(desk.events).toMatchObject([
    { name: 'names:unread', told: [[{ name: link, code: 'not_a_file' }]] },
    { name: 'file:ingested', told: [{ file: procedures, revision: 1, late: false, counts: { read: 2, rejected: 1 } }] },
    { name: 'file:quarantined', told: [{ file: visits, revision: 1 }] },
    { name: 'files:taken', told: [{ files: 2, quarantined: 1, rows: { read: 2 }, rejectedRows: 1 }, 0] },
  ]);
  expect(desk.work.at(-1)?.taken).toMatchObject({ files: 2, rows: 2, quarantined: 1, rejectedRows: 1 });
  expect(JSON.stringify(desk.events)).not.toMatch(LEAK);
});

test('header cells that the feed does not know are counted, not told (P8)', async () => {
  const desk = openIntakeDesk();
  const row = { ...billing.procedure(), 'ZQX name of a patient': 'x' };
  writeFeedFile(desk.landing, 'Procedure', '20260801_060000', [row], { columns: Object.keys(row) });
  await desk.settleAll();
  expect(desk.events[0]).toMatchObject({ name: 'file:ingested', told: [{ newColumns: 1 }] });
  expect(JSON.stringify(desk.events)).not.toContain('ZQX name');
});

test('a file that changes while it is read, and the fault that this is', async () => {
  let meddle = true;
  const desk = openIntakeDesk({
    doors: (real) => ({
      ...real,
      ingest: (file, options) => {
        if (meddle) appendFileSync(file.path, '\n');
        meddle = false;
        return real.ingest(file, options);
      },
    }),
  });
  const file = writeFeedFile(desk.landing, 'Procedure', '20260801_060000', [billing.procedure()]).name;
  await desk.settleAll();
  expect(desk.events.map(({ name }) => name)).toEqual([
    'file:changed',
    'fault:begin',
    'file:ingested',
    'fault:end',
    'files:taken',
  ]);
  expect(desk.events.find(({ name }) => name === 'fault:begin')?.told).toMatchObject([{ kind: 'file', file }]);
});

test('a file is taken or due, never both, and what a stop leaves is still due', async () => {
  const stop: { after: number; controller?: AbortController } = { after: 3 };
  const desk = openIntakeDesk({
    settings: { settleMs: 0 },
    doors: (real) => ({
      ...real,
      ingest: (file, options) => {
        if (--stop.after === 0) stop.controller?.abort();
        return real.ingest(file, options);
      },
    }),
  });
  stop.controller = desk.stop;
  for (const hour of [1, 2, 3, 4, 5]) {
    writeFeedFile(desk.landing, 'Procedure', `20260801_0${hour}0000`, [billing.procedure()]);
  }
  await desk.scan();
  const told = desk.work.filter(({ taken, due }) => taken.files + due > 0);
  expect(new Set(told.map(({ taken, due }) => taken.files + due))).toEqual(new Set([5]));
  expect(desk.work.at(-1)).toMatchObject({ due: 2, taken: { files: 3 } });
});
