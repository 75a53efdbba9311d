import { expect, test } from 'vitest';
import { emptyWal } from '../../../src/store/sqlite/wal.ts';
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
