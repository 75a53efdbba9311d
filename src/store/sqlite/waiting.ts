import type Database from 'better-sqlite3';
import { type Reference, referencesOf } from '../../feed/references.ts';
import type { Column, Dataset, Feed } from '../../model/feed.ts';
import { parentMissing, recorded } from './merge-sql.ts';
import type { Origin } from './merge.ts';
import { rowKeyOf } from './row-key.ts';
import { quoteName } from '../sql-names.ts';
import { type OrphanRows, SCRATCH, stageName } from './scratch.ts';

/** Keeps the staged rows that lack a parent. */
export interface WaitingRows {
  /** Rows of the file in hand become rejects that wait, each with its typed values and its missing parents. Gives their lines. */
  keep(origin: Origin, orphans: OrphanRows): readonly number[];
  /** Waiting rows that turned out to lack a parent after all go on waiting for it. */
  keepOn(orphans: OrphanRows): void;
}

/** SQL that is true where the waiting row `alias` of rejects waits for the parent that a column of it names. */
export function waitsFor(alias: string, column: Reference): string {
  return `EXISTS (SELECT 1 FROM waiting_on w WHERE w.parent_table = '${column.references}'
    AND w.parent_key = ${recorded(alias, column)} AND w.reject_id = ${alias}.reject_id)`;
}

/** A function of SQLite's takes 1000 arguments: two for each column, and one that it adds to. */
const COLUMNS_AT_ONCE = 499;

/** SQL for the record (JSON) of the staged row `s`: its values by column. */
function recordOf(columns: readonly Column[]): string {
  const path = (column: Column) => `'$.${column.name}', s.${quoteName(column.name)}`;
  let record = `'{}'`;
  for (let from = 0; from < columns.length; from += COLUMNS_AT_ONCE) {
    const some = columns.slice(from, from + COLUMNS_AT_ONCE);
    record = `json_insert(${record}, ${some.map(path).join(', ')})`;
  }
  return record;
}

/**
 * Prepares the keeping of one dataset's orphans.
 * The functions `row_offset(line)` and `raw_row(line)` must be registered: where a row of the file in hand begins, and the row as sent.
 */
export function createWaitingRows(db: Database.Database, feed: Feed, dataset: Dataset): WaitingRows {
  const references = referencesOf(dataset);
  if (references.length === 0) return { keep: () => [], keepOn: () => undefined };

  const fresh = stageName('fresh', dataset);
  const healing = stageName('healing', dataset);
  const firstMissing = references
    .map((column) => `WHEN ${parentMissing(feed, column)} THEN '${column.name}'`)
    .join(' ');
  const lines = db.prepare<[], number>(`SELECT seq FROM ${SCRATCH.orphans} ORDER BY seq`).pluck();
  const lastReject = db.prepare<[], number>('SELECT coalesce(max(reject_id), 0) FROM rejects').pluck();
  const reject = db.prepare<[Record<string, unknown>]>(
    `INSERT INTO rejects (file_id, dataset, line, byte_offset, row_key, code, column_name, reason, raw, record, state)
     SELECT @file_id, @dataset, s._seq, row_offset(s._seq), ${rowKeyOf(dataset, 's')}, 'missing_parent',
       CASE ${firstMissing} END, 'the row it refers to is not there yet', raw_row(s._seq), ${recordOf(dataset.columns)}, 'waiting'
     FROM ${SCRATCH.orphans} o CROSS JOIN ${fresh} s ON s._seq = o.seq ORDER BY s._seq`,
  );
  const waitFor = references.map((column) => {
    const value = `s.${quoteName(column.name)}`;
    return {
      fresh: db.prepare<[number]>(
        `INSERT OR IGNORE INTO waiting_on (parent_table, parent_key, reject_id)
         SELECT '${column.references}', ${value}, r.reject_id FROM rejects r CROSS JOIN ${fresh} s ON s._seq = r.line
         WHERE r.reject_id > ? AND ${parentMissing(feed, column)} ORDER BY 2, 3`,
      ),
      healing: db.prepare(
        `INSERT OR IGNORE INTO waiting_on (parent_table, parent_key, reject_id)
         SELECT '${column.references}', ${value}, s._seq FROM ${SCRATCH.orphans} o CROSS JOIN ${healing} s ON s._seq = o.seq
         WHERE ${parentMissing(feed, column)}`,
      ),
    };
  });
  return {
    keep(origin) {
      const before = lastReject.get() ?? 0;
      reject.run({ file_id: origin.fileId, dataset: dataset.name });
      for (const statement of waitFor) statement.fresh.run(before);
      return lines.all();
    },
    keepOn() {
      for (const statement of waitFor) statement.healing.run();
    },
  };
}
