import { copyFileSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filesIn } from '../campaign/compare-archive.ts';
import { createBilling } from '../helpers/billing.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { openIntakeDesk, type IntakeDesk, type IntakeDeskOptions } from '../helpers/intake.ts';

const billing = createBilling(55);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const [OLD, NEW] = ['20260801_060000', '20260802_060000'].map((stamp) => feedFileName('Procedure', stamp)) as [
  string,
  string,
];

function openKeeping(days: number, settings: IntakeDeskOptions['settings'] = {}): IntakeDesk {
  return openIntakeDesk({ settings: { archiveForMs: days * DAY, ...settings } });
}

async function drop(desk: IntakeDesk, name: string): Promise<void> {
  writeFileSync(join(desk.landing, name), feedFileText('Procedure', [billing.procedure()]));
  await desk.settleAll();
}

/** Two copies, ten days apart. */
async function keepTwo(desk: IntakeDesk): Promise<readonly [old: string, young: string]> {
  await drop(desk, OLD);
  const [old = ''] = copiesIn(desk);
  desk.pass(10 * DAY);
  await drop(desk, NEW);
  const [young = ''] = copiesIn(desk).filter((copy) => copy !== old);
  return [old, young];
}

function copiesIn({ archive }: IntakeDesk): string[] {
  return filesIn(archive).filter((file) => file.endsWith('.zst'));
}

test('the daemon removes copies that are older than --archive-for, once an hour, and says so once', async () => {
  const desk = openKeeping(30);
  const [old, young] = await keepTwo(desk);
  desk.pass(20 * DAY - 2 * HOUR);
  await desk.settleAll();
  expect(copiesIn(desk)).toEqual([old, young]);
  expect((await desk.scan()).wakeMs).toBeLessThanOrEqual(HOUR);
  for (let hours = 0; hours < 5; hours++) {
    desk.pass(HOUR);
    await desk.settleAll();
  }
  expect(copiesIn(desk)).toEqual([young]);
  expect(desk.messages().filter((message) => message === 'old copies removed from the archive')).toHaveLength(1);
  // The tables keep what was read.
  expect(desk.column('SELECT count(*) FROM procedures')).toEqual([2]);
  expect(filesIn(desk.archive)).toContain('pruned-before');
});

test('copies are kept for ever where nothing is said', async () => {
  const desk = openIntakeDesk();
  await keepTwo(desk);
  desk.pass(4000 * DAY);
  await desk.settleAll();
  expect(copiesIn(desk)).toHaveLength(2);
});

test('P6: a copy that the database does not know, as after a restored backup, is never removed', async () => {
  const desk = openKeeping(30);
  const [old, young] = await keepTwo(desk);
  desk.db.exec(`DELETE FROM procedures; DELETE FROM checkpoints; DELETE FROM files WHERE name = '${OLD}'`);
  desk.pass(25 * DAY);
  await desk.settleAll();
  expect(copiesIn(desk)).toEqual([old, young]);
});

test('P6: the copy of a content that a refill has refused is never removed: it is nowhere else', async () => {
  const desk = openKeeping(30);
  const [old, young] = await keepTwo(desk);
  desk.db.exec(`DELETE FROM procedures; DELETE FROM checkpoints;
    UPDATE files SET state = 'quarantined', reason_code = 'bad_header', reason = 'x', archived_to = NULL WHERE name = '${OLD}'`);
  desk.pass(25 * DAY);
  await desk.settleAll();
  expect(copiesIn(desk)).toEqual([old, young]);
});

test('a copy of another feed that shares the archive is left to it', async () => {
  const desk = openKeeping(30);
  const [old, young] = await keepTwo(desk);
  const others = old.replace('HospitalABC_VisitPay', 'Clinic');
  copyFileSync(join(desk.archive, old), join(desk.archive, others));
  desk.pass(25 * DAY);
  await desk.settleAll();
  expect(copiesIn(desk).toSorted()).toEqual([others, young].toSorted());
});

test('P6: the copy of a file that is yet to be removed from the landing folder is kept until it is', async () => {
  const desk = openKeeping(2, { after: 'remove', removeAfterMs: 5 * DAY });
  await drop(desk, OLD);
  desk.pass(4 * DAY);
  await drop(desk, NEW);
  expect(copiesIn(desk)).toHaveLength(2);
  // It is set aside, then removed an hour later, and needed until then.
  for (let hours = 0; hours < 30; hours++) {
    desk.pass(HOUR);
    await desk.settleAll();
  }
  expect(readdirSync(desk.landing)).toEqual([]);
  expect(desk.faults.list()).toEqual([]);
  expect(copiesIn(desk).map((copy) => copy.includes(NEW))).toEqual([true]);
});

test('where even the newest copy is too old, as by a wrong clock, nothing is removed', async () => {
  const desk = openKeeping(30);
  await keepTwo(desk);
  desk.setClock(80 * 365 * DAY);
  desk.pass(2 * HOUR);
  await desk.settleAll();
  expect(copiesIn(desk)).toHaveLength(2);
});

test('P7: that it cannot be done is told once, keeps no file out, and is over when it can', async () => {
  const desk = openKeeping(30);
  const [old, young] = await keepTwo(desk);
  const mark = join(desk.archive, 'pruned-before');
  mkdirSync(mark);
  desk.pass(25 * DAY);
  await desk.settleAll();
  expect(desk.faults.list()).toMatchObject([{ kind: 'archive', file: 'pruned-before' }]);
  await drop(desk, feedFileName('Procedure', '20260803_060000'));
  expect(desk.column('SELECT count(*) FROM files')).toEqual([3]);
  expect(copiesIn(desk)).toEqual(expect.arrayContaining([old, young]));
  rmdirSync(mark);
  desk.pass(HOUR);
  await desk.settleAll();
  expect(desk.faults.list()).toEqual([]);
  expect(copiesIn(desk)).not.toContain(old);
});
