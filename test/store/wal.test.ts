import { expect, test } from 'vitest';
import { emptyWal } from '../../src/store/wal.ts';
import { openDesk } from '../helpers/ingest.ts';
import { growLog, logSize, pinLog } from '../helpers/log.ts';

test('a large write-ahead log is emptied when there is nothing else to do; a reader pins it until it leaves', () => {
  const { store } = openDesk();
  const reader = pinLog(store);
  growLog(store, 'one');
  expect(emptyWal(store).pinned).toBe(true);
  expect(logSize(store)).toBeGreaterThan(16 * 1024 * 1024);
  reader.close();
  expect(emptyWal(store)).toEqual({ bytes: 0, pinned: false });
  expect(logSize(store)).toBe(0);
});

test('a small log is left alone', () => {
  const { store } = openDesk();
  const before = logSize(store);
  expect(emptyWal(store)).toEqual({ bytes: before, pinned: false });
});
