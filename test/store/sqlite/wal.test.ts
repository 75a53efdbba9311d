import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { emptyWal } from '../../../src/store/sqlite/wal.ts';
import { createBilling } from '../../helpers/billing.ts';
import { feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { openDesk } from '../../helpers/ingest.ts';
import { growWal, walSize, pinWal } from '../../helpers/wal.ts';

test('a large write-ahead log is emptied when there is nothing else to do; a reader pins it until it leaves', () => {
  const { database } = openDesk();
  const reader = pinWal(database);
  growWal(database, 'one');
  expect(emptyWal(database).pinned).toBe(true);
  expect(walSize(database)).toBeGreaterThan(16 * 1024 * 1024);
  reader.close();
  expect(emptyWal(database)).toEqual({ bytes: 0, pinned: false });
  expect(walSize(database)).toBe(0);
});

test('a small log is left alone', () => {
  const { database } = openDesk();
  const before = walSize(database);
  expect(emptyWal(database)).toEqual({ bytes: before, pinned: false });
});

test('a large file is committed without waiting for the log to be emptied, which follows with the next one', async () => {
  const desk = openDesk();
  const billing = createBilling(8);
  const deliver = async (stamp: string, rows: number): Promise<void> => {
    const text = feedFileText(
      'Procedure',
      Array.from({ length: rows }, () => ({ ...billing.procedure(), Description: 'x'.repeat(500) })),
    );
    await desk.ingest(desk.write(feedFileName('Procedure', stamp), text));
  };
  const size = (): number => statSync(desk.database.file).size;
  const before = size();
  await deliver('20260801_060000', 10_000);
  expect(size()).toBe(before);
  await deliver('20260802_060000', 1);
  expect(size()).toBeGreaterThan(before + 4 * 1024 * 1024);
});
