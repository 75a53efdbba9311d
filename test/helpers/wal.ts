import type { Database } from 'better-sqlite3';
import { statSync } from 'node:fs';
import type { OpenDatabase } from '../../src/store/sqlite/open.ts';
import { openForReading } from '../../src/store/sqlite/open.ts';

/** Grows the write-ahead log by about 20 MB. */
export function growWal({ db }: OpenDatabase, table: string): void {
  db.exec(`CREATE TABLE ${table} (x); WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200)
    INSERT INTO ${table} SELECT randomblob(100000) FROM c`);
}

/** The size of the write-ahead log, in bytes. */
export function walSize({ file }: OpenDatabase): number {
  return statSync(`${file}-wal`).size;
}

/** Begins to read, so that what is committed from now on stays in the write-ahead log until the reader is closed. */
export function pinWal({ file }: OpenDatabase): Database {
  const reader = openForReading(file);
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM files').get();
  return reader;
}
