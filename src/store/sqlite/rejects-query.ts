import type Database from 'better-sqlite3';
import { referencesOf } from '../../feed/references.ts';
import type { Feed } from '../../model/feed.ts';
import type { ListPlace, RejectRow, Search } from '../reader.ts';
import { BEYOND, inPages, parametersOf } from './pages.ts';
import { waitsFor } from './waiting.ts';

/** Where the list begins. */
const FIRST: ListPlace = { file_id: BEYOND, line: 0, reject_id: 0 };

/** Rejects that someone may have to see to. */
const OPEN = "(r.state = 'waiting' OR (r.state = 'rejected' AND f.state <> 'replaced'))";

/**
 * Rows that were not loaded, newest file first, in line order within a file; read in pages.
 * @param withValues with `row_key` and `raw`; else they are null
 */
export function listRejects(
  db: Database.Database,
  feed: Feed,
  search: Search,
  withValues: boolean,
): Iterable<RejectRow> {
  const waits = feed.datasets.flatMap((dataset) =>
    referencesOf(dataset).map(
      (column) =>
        `SELECT '${column.references}' AS parent WHERE r.dataset = '${dataset.name}' AND ${waitsFor('r', column)}`,
    ),
  );
  const waitsForTables =
    waits.length === 0
      ? 'NULL'
      : `CASE r.state WHEN 'waiting' THEN (SELECT group_concat(parent) FROM (${unionOf(waits)})) END`;
  // CROSS JOIN: file by file, each in the order of its index, needs no sorting of all rows before the first is shown.
  const statement = db.prepare<[object], RejectRow>(
    `SELECT r.file_id, r.reject_id, f.name AS file, f.revision, r.dataset, r.line, r.byte_offset, r.code, r.column_name, r.reason,
       r.state, ${waitsForTables} AS waits_for,
       s.name AS settled_by, r.settled_at, f.finished_at, ${withValues ? 'r.row_key, r.raw' : 'NULL AS row_key, NULL AS raw'}
     FROM files f CROSS JOIN rejects r ON r.file_id = f.file_id LEFT JOIN files s ON s.file_id = r.settled_by_file_id
     WHERE f.file_id <= :file AND r.line >= CASE f.file_id WHEN :file THEN :line ELSE 0 END
       AND (f.file_id < :file OR r.line > :line OR r.reject_id > :reject)
       AND (:states IS NULL OR r.state IN (SELECT value FROM json_each(:states))
         OR ('open' IN (SELECT value FROM json_each(:states)) AND ${OPEN}))
       AND (:codes IS NULL OR r.code IN (SELECT value FROM json_each(:codes)))
       AND (:name IS NULL OR instr(f.name, :name) > 0) AND (:since IS NULL OR f.finished_at >= :since)
     ORDER BY f.file_id DESC, r.line, r.reject_id LIMIT :most`,
  );
  return inPages({
    read: (after, most) => {
      const { file_id: file, line, reject_id: reject } = after ?? search.after ?? FIRST;
      return statement.iterate({ ...parametersOf(search), file, line, reject, most });
    },
    sizeOf: (row) => row.raw?.length ?? 0,
    most: search.limit,
  });
}

/** The union of queries that give `parent`, without doubles. Nested by halves: SQLite takes at most 500 in one. */
function unionOf(selects: readonly string[]): string {
  if (selects.length <= 500) return selects.join(' UNION ');
  const middle = Math.ceil(selects.length / 2);
  return [selects.slice(0, middle), selects.slice(middle)]
    .map((some) => `SELECT parent FROM (${unionOf(some)})`)
    .join(' UNION ');
}
