import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { emptyLog } from '../../src/store/checkpoint.ts';
import { openForReading } from '../../src/store/open.ts';
import { openDesk } from '../helpers/ingest.ts';

/** Grows the write-ahead log by about 20 MB. */
function fill(store: { db: { exec(sql: string): unknown } }, table: string): void {
  store.db
    .exec(`CREATE TABLE ${table} (x); WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200)
    INSERT INTO ${table} SELECT randomblob(100000) FROM c`);
}

test('a large write-ahead log is emptied when there is nothing else to do; a reader pins it until it leaves', () => {
  const { store } = openDesk();
  const logSize = () => statSync(`${store.file}-wal`).size;
  const reader = openForReading(store.file);
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM files').get();
  fill(store, 'one');
  expect(emptyLog(store).pinned).toBe(true);
  expect(logSize()).toBeGreaterThan(16 * 1024 * 1024);
  reader.exec('COMMIT');
  reader.close();
  expect(emptyLog(store)).toEqual({ bytes: 0, pinned: false });
  expect(logSize()).toBe(0);
});

test('a small log is left alone', () => {
  const { store } = openDesk();
  const before = statSync(`${store.file}-wal`).size;
  expect(emptyLog(store)).toEqual({ bytes: before, pinned: false });
});
