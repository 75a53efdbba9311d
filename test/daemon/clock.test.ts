import { describe, expect, test } from 'vitest';
import { createBilling } from '../helpers/billing.ts';
import { openIntakeDesk, type IntakeDesk } from '../helpers/intake.ts';
import { writeFeedFile, type DatasetName } from '../helpers/feed-files.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

const billing = createBilling(7);
const procedure = billing.procedure();

/** Drops a file whose stamp is past whatever the clock shows. */
function drop(desk: IntakeDesk, dataset: DatasetName): string {
  const row = dataset === 'Procedure' ? procedure : billing.visit(procedure);
  return writeFeedFile(desk.landing, dataset, '19700102_060000', [row]).name;
}

function taken(desk: IntakeDesk): readonly unknown[] {
  return desk.column("SELECT name FROM files WHERE state = 'ingested' ORDER BY file_id");
}

describe.each([
  ['an hour back', -HOUR],
  ['an hour forth', HOUR],
  ['ten years back', -10 * YEAR],
  ['thirty years forth', 30 * YEAR],
])('P7: the wall clock is set %s', (_, ms) => {
  test('while a file settles: it is taken when it has stood still', async () => {
    const desk = openIntakeDesk();
    const name = drop(desk, 'Procedure');
    expect(await desk.scan()).toMatchObject({ wakeMs: 2 * SECOND });
    desk.pass(SECOND);
    desk.setClock(ms);
    expect(await desk.scan()).toMatchObject({ wakeMs: SECOND });
    desk.pass(SECOND);
    await desk.scan();
    expect(taken(desk)).toEqual([name]);
  });

  test('while it waits for the file of its parents: it is taken with that, or without it after a minute', async () => {
    const desk = openIntakeDesk();
    const child = drop(desk, 'Visit');
    await desk.scan();
    desk.pass(SECOND);
    drop(desk, 'Procedure');
    await desk.scan();
    desk.pass(SECOND);
    await desk.scan();
    desk.setClock(ms);
    for (let second = 0; second < 61; second++) {
      // The parents' file is written without end.
      drop(desk, 'Procedure');
      await desk.scan();
      desk.pass(SECOND);
    }
    expect(taken(desk)).toEqual([child]);
  });
});

test('P7: a file whose stamp is ahead of a clock that is wrong goes in once that is right', async () => {
  const desk = openIntakeDesk({ settings: { settleMs: 0 } });
  desk.setClock(-10 * YEAR);
  writeFeedFile(desk.landing, 'Procedure', new Date(desk.now().getTime() + 9 * YEAR), [procedure]);
  expect(await desk.scan()).toMatchObject({ open: 0 });
  expect(desk.column('SELECT reason_code FROM files')).toEqual(['future_stamp']);
  desk.setClock(10 * YEAR);
  await desk.scan();
  expect(desk.column('SELECT state FROM files')).toEqual(['ingested']);
});
