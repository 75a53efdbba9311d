import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { openDesk } from '../../helpers/ingest.ts';
import { procedure } from '../../helpers/rows.ts';

const MIB = 1024 * 1024;
const REJECTS = 40;
const NAME = feedFileName('Procedure', '20260801_060000');

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that this thread holds when its garbage is gone. */
function heldBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const LARGE = 'x'.repeat(MIB / 2);

test.each([
  ['an ingested file', 2],
  ['a quarantined file', 0],
])('P6 P7: the rejects of %s are all kept, and few of them held at a time, however large they are', async (_, good) => {
  const desk = openDesk();
  const rows = Array.from({ length: REJECTS }, (__, at) => [
    { ...procedure(`R${at}${LARGE}`, LARGE), EffectiveDate: 'never' },
    ...Array.from({ length: good }, (___, more) => procedure(`P${at}-${more}`)),
  ]);
  const text = feedFileText('Procedure', rows.flat());
  const file = desk.write(NAME, text);
  const held: number[] = [];
  let kept = 0;
  desk.db.function('look', () => {
    if (++kept % 10 === 0) held.push(heldBytes());
  });
  desk.db.exec('CREATE TEMP TRIGGER looking AFTER INSERT ON rejects BEGIN SELECT look(); END');
  const before = heldBytes();
  const outcome = await desk.ingest(file);
  expect(outcome.kind).toBe(good > 0 ? 'ingested' : 'quarantined');
  expect(held.length).toBeGreaterThanOrEqual(REJECTS / 10);
  // Three batches of 4 MiB are under way, and what is read ahead; all rejects would be 40 MiB.
  expect((Math.max(...held) - before) / MIB).toBeLessThan(25);
  const raws = desk.column('SELECT raw FROM rejects ORDER BY line');
  // Not the rows themselves: a difference would be printed, megabytes of it.
  expect(
    raws.join('\n') ===
      text
        .split('\n')
        .filter((line) => line.includes('never'))
        .join('\n'),
  ).toBe(true);
});
