import { statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openAttempt, closeLeftAttempts } from '../../src/store/sqlite/attempts.ts';
import { createBilling } from '../helpers/billing.ts';
import { openIntakeDesk, type IntakeDesk } from '../helpers/intake.ts';
import { writeFeedFile, type DatasetName } from '../helpers/feed-files.ts';

// Files in the middle of which the program has ended, nobody knows why: both of its processes were killed, memory ran out, the host
// went down.

const billing = createBilling(6);
const HOUR = 3_600_000;
const FIRST = '20260801_060000';

function openDesk(): IntakeDesk {
  return openIntakeDesk({ settings: { settleMs: 0 } });
}

function drop(desk: IntakeDesk, dataset: DatasetName, stamp: string): string {
  const procedure = billing.procedure();
  return writeFeedFile(desk.landing, dataset, stamp, [dataset === 'Procedure' ? procedure : billing.visit(procedure)])
    .name;
}

/** Both processes are killed in the middle of a file, and started again, so many times. */
function die(desk: IntakeDesk, name: string, times: number): void {
  const stat = statSync(join(desk.landing, name), { bigint: true });
  const { mtimeNs, ctimeNs, ino: inode } = stat;
  for (let time = 0; time < times; time++) {
    openAttempt(
      desk.database,
      { name, stat: { bytes: Number(stat.size), mtimeNs, ctimeNs, inode }, sha256: null },
      desk.now(),
    );
    closeLeftAttempts(desk.database, { crashed: false, cutShortAt: null }, desk.now());
  }
  desk.restart();
}

const taken = (desk: IntakeDesk) => desk.column("SELECT name FROM files WHERE state = 'ingested' ORDER BY file_id");
const held = (desk: IntakeDesk) => desk.rows('SELECT name, state, reason_code FROM files WHERE revision = 0');

describe('P2: one or two deaths', () => {
  test('change nothing: the file is taken at once, in its order', async () => {
    const desk = openDesk();
    const parent = drop(desk, 'Procedure', FIRST);
    const child = drop(desk, 'Visit', FIRST);
    die(desk, parent, 2);
    await desk.scan();
    expect(taken(desk)).toEqual([parent, child]);
    expect(desk.faults.list()).toEqual([]);
  });
});

describe('P7: three deaths or more', () => {
  test('the file is taken after all others, alone, and the log tells once', async () => {
    const desk = openDesk();
    const suspects = [drop(desk, 'Procedure', FIRST), drop(desk, 'Procedure', '20260802_060000')];
    const others = [drop(desk, 'Procedure', '20260803_060000'), drop(desk, 'Visit', FIRST)];
    for (const name of suspects) die(desk, name, 3);
    expect(await desk.scan()).toMatchObject({ open: 2, wakeMs: 1_000 });
    expect(taken(desk)).toEqual(others);
    expect(
      desk.faults
        .list()
        .map(({ file }) => file)
        .toSorted(),
    ).toEqual(suspects);
    desk.pass(1_000);
    others.push(drop(desk, 'Visit', '20260804_060000'));
    expect(await desk.scan()).toMatchObject({ wakeMs: 0 });
    expect(taken(desk)).toEqual([...others, suspects[0]]);
    await desk.settleAll();
    expect(taken(desk)).toEqual([...others, ...suspects]);
    expect(desk.faults.list()).toEqual([]);
    expect(desk.column("SELECT attempts FROM files WHERE name LIKE '%Proc%' ORDER BY stamp")).toEqual([4, 4, 1]);
    expect(desk.column('SELECT count(*) FROM attempts')).toEqual([0]);
    const told = desk.messages().filter((message) => String(message).startsWith('the program was ended 3 times'));
    expect(told).toHaveLength(2);
  });

  test.each([
    [3, 1_000],
    [4, 2_000],
    [8, 32_000],
    [9, 60_000],
    [10, HOUR],
  ])('after %i it waits for %i ms', async (deaths, wakeMs) => {
    const desk = openDesk();
    const name = drop(desk, 'Procedure', FIRST);
    die(desk, name, deaths);
    expect(await desk.scan()).toMatchObject({ wakeMs });
    desk.pass(wakeMs - 1);
    await desk.scan();
    expect(taken(desk)).toEqual([]);
    desk.pass(1);
    await desk.scan();
    expect(taken(desk)).toEqual([name]);
  });

  test('other content under the name has not to wait', async () => {
    const desk = openDesk();
    const name = drop(desk, 'Procedure', FIRST);
    die(desk, name, 9);
    drop(desk, 'Procedure', FIRST);
    await desk.scan();
    expect(taken(desk)).toEqual([name]);
  });

  test('a clock that is set back does not make it wait longer', async () => {
    const desk = openDesk();
    const name = drop(desk, 'Procedure', FIRST);
    desk.pass(10 * HOUR);
    die(desk, name, 3);
    desk.pass(-10 * HOUR);
    expect(await desk.scan()).toMatchObject({ wakeMs: 1_000 });
    desk.pass(1_000);
    await desk.scan();
    expect(taken(desk)).toEqual([name]);
  });
});

describe('P7: ten deaths', () => {
  test('hold the file, listed with its reason; nothing waits for it, and after an hour it is tried once more', async () => {
    const desk = openDesk();
    const name = drop(desk, 'Procedure', FIRST);
    die(desk, name, 10);
    expect(await desk.scan()).toMatchObject({ open: 0 });
    expect(held(desk)).toEqual([{ name, state: 'quarantined', reason_code: 'internal_error' }]);
    expect(desk.column('SELECT reason FROM files')[0]).toContain(
      `it is tried once more after ${new Date(desk.now().getTime() + HOUR).toISOString()}`,
    );
    expect(desk.totals().quarantined).toBe(1);
    desk.pass(HOUR);
    await desk.scan();
    expect(desk.rows('SELECT name, revision, state, attempts FROM files')).toEqual([
      { name, revision: 1, state: 'ingested', attempts: 11 },
    ]);
    expect(desk.faults.list()).toEqual([]);
  });

  test('one more, when it was tried after the hour, quarantines it, unread', async () => {
    const desk = openDesk();
    const name = drop(desk, 'Procedure', FIRST);
    die(desk, name, 11);
    const other = drop(desk, 'Procedure', '20260802_060000');
    await desk.scan();
    expect(desk.rows('SELECT revision, state, reason_code, sha256, attempts FROM files ORDER BY stamp')[0]).toEqual({
      revision: 1,
      state: 'quarantined',
      reason_code: 'internal_error',
      sha256: null,
      attempts: 11,
    });
    expect(taken(desk)).toEqual([other]);
    expect(desk.faults.list()).toEqual([]);
  });

  test('someone who asks for it need not wait', async () => {
    const desk = openDesk();
    const name = drop(desk, 'Procedure', FIRST);
    die(desk, name, 10);
    await desk.scan();
    await desk.store.requestRetries([name], desk.now());
    await desk.scan();
    expect(taken(desk)).toEqual([name]);
  });

  test('a held file that is taken away is forgotten in the list', async () => {
    const desk = openDesk();
    const name = drop(desk, 'Procedure', FIRST);
    die(desk, name, 10);
    await desk.scan();
    unlinkSync(join(desk.landing, name));
    await desk.scan();
    expect(held(desk)).toEqual([]);
    expect(desk.faults.list()).toEqual([]);
  });
});
