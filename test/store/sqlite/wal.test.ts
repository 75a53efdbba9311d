import { expect, test } from 'vitest';
import { emptyWal } from '../../../src/store/sqlite/wal.ts';
import { openDesk } from '../../helpers/ingest.ts';
import { growWal, walSize, pinWal } from '../../helpers/wal.ts';

test('a large write-ahead log is emptied when there is nothing else to do; a reader pins it until it leaves', () => {
  const { store } = openDesk();
  const reader = pinWal(store);
  growWal(store, 'one');
  expect(emptyWal(store).pinned).toBe(true);
  expect(walSize(store)).toBeGreaterThan(16 * 1024 * 1024);
  reader.close();
  expect(emptyWal(store)).toEqual({ bytes: 0, pinned: false });
  expect(walSize(store)).toBe(0);
});

test('a small log is left alone', () => {
  const { store } = openDesk();
  const before = walSize(store);
  expect(emptyWal(store)).toEqual({ bytes: before, pinned: false });
});
