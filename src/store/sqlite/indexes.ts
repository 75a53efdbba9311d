import type Database from 'better-sqlite3';
import { prepareOnce } from './prepare-once.ts';
import { quoteName } from '../sql-names.ts';

/** Below this many rows keeping the indexes up costs less than a second. */
const WORTH_ROWS = 100_000;

/** Memory for sorting an index that is built anew, in KiB; the rest goes through temporary files. */
const SORT_KIB = 16_384;

/** Fewer rows than this do not gain by being sorted. */
const SORT_ROWS = 1_000;

/** What becomes of the secondary indexes of a table while rows go into it. */
export interface IndexPlan {
  /** They are kept up in a large table: each row would touch a page of its own, unless rows come in the order of the index. */
  readonly scattered: boolean;
  /** Builds the indexes again that were set aside; one statement that cannot be interrupted, about a second for each million rows. */
  rebuild(): void;
}

/**
 * Drops the secondary indexes of a table inside the running transaction, where so many rows are to come that building them anew
 * is quicker than keeping them up row by row: when the rows outweigh those that are there.
 * @param rows how many rows are expected
 */
export function planIndexes(db: Database.Database, table: string, rows: number): IndexPlan {
  const highest = `SELECT coalesce(max(rowid), 0) FROM ${quoteName(table)}`;
  const present = prepareOnce<[], number>(db, highest).pluck().get() ?? 0;
  // Asked so that a number that is none (a file without rows has no rows a byte) leaves the indexes alone.
  const outweigh = rows >= WORTH_ROWS && rows >= present;
  const maySort = rows >= SORT_ROWS && present >= WORTH_ROWS;
  if (!outweigh && !maySort) return { scattered: false, rebuild: () => undefined };
  // A unique index is a rule that rows must keep, not only a way to find them. So may be one on an expression, which can fail on a row:
  // where it stands in the index (cid -2), in the condition of a partial one or in a generated column.
  const indexes = prepareOnce<[string, string], { name: string; sql: string }>(
    db,
    `SELECT i.name, s.sql FROM pragma_index_list(?) i JOIN main.sqlite_schema s ON s.type = 'index' AND s.name = i.name
     WHERE s.tbl_name = ? AND s.sql IS NOT NULL AND i."unique" = 0 AND i.partial = 0 AND NOT EXISTS (
       SELECT 1 FROM pragma_index_info(i.name) x LEFT JOIN pragma_table_xinfo(s.tbl_name) t ON t.cid = x.cid
       WHERE t.cid IS NULL OR t.hidden <> 0)`,
  ).all(table, table);
  if (!outweigh) return { scattered: indexes.length > 0, rebuild: () => undefined };
  for (const index of indexes) db.exec(`DROP INDEX ${quoteName(index.name)}`);
  const rebuild = (): void => {
    // SQLite sorts in as much memory as its page cache may have, and the cache is full already: less is no slower.
    const cache = Number(db.pragma('cache_size', { simple: true }));
    db.pragma(`cache_size = -${SORT_KIB}`);
    try {
      for (const index of indexes) db.exec(index.sql);
    } finally {
      db.pragma(`cache_size = ${cache}`);
    }
  };
  return { scattered: false, rebuild };
}
