import type Database from 'better-sqlite3';
import type { DatasetTotals, LedgerOverview, RowDay, RowSums, StampDay } from '../reader.ts';
import { NOTED } from '../noted-files.ts';

/** True for an entry that was loaded, also where a correction has replaced it since. */
const LOADED = "(state = 'ingested' OR (state = 'replaced' AND reason_code IS NULL))";

const SUMS = ['inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting']
  .map((outcome) => `coalesce(sum(rows_${outcome}), 0) AS ${outcome}`)
  .join(', ');

/**
 * What the ledger comes to, read in one snapshot.
 * @param since the first day that is told by itself, `YYYY-MM-DD`, UTC
 */
export function readOverview(db: Database.Database, since: string): LedgerOverview {
  return db.transaction(() => ({
    totals: readTotals(db),
    stamp_days: db
      .prepare<[string], StampDay>(
        `SELECT dataset, substr(stamp, 1, 10) AS day,
           count(*) FILTER (WHERE state = 'ingested') AS ingested,
           count(*) FILTER (WHERE state = 'ingested' AND late = 1) AS late,
           count(*) FILTER (WHERE (${NOTED.quarantined}) OR (revision = 0 AND state = 'quarantined')) AS quarantined,
           coalesce(sum(rows_read) FILTER (WHERE state = 'ingested'), 0) AS "rows",
           coalesce(sum(rows_rejected) FILTER (WHERE state = 'ingested'), 0) AS rejected,
           max(file_id) AS file_id
         FROM files f WHERE stamp >= ? AND dataset IS NOT NULL AND state IN ('ingested', 'quarantined')
         GROUP BY 1, 2 ORDER BY 1, 2`,
      )
      .all(since),
    row_days: db
      .prepare<[string], RowDay>(
        `SELECT substr(finished_at, 1, 10) AS day, ${SUMS} FROM files WHERE finished_at >= ? AND ${LOADED} GROUP BY 1 ORDER BY 1`,
      )
      .all(since),
  }))();
}

function readTotals(db: Database.Database): DatasetTotals[] {
  const sums = db
    .prepare<[], RowSums & { dataset: string; files: number; bytes: number }>(
      `SELECT dataset, count(*) AS files, sum(bytes) AS bytes, ${SUMS}
       FROM files WHERE dataset IS NOT NULL AND ${LOADED} GROUP BY dataset ORDER BY dataset`,
    )
    .all();
  const refused = db
    .prepare<[], { dataset: string; code: string; rows: number }>(
      `SELECT dataset, c.key AS code, sum(c.value) AS "rows" FROM files f, json_each(f.reject_counts) c
       WHERE reject_counts <> '{}' AND dataset IS NOT NULL AND ${LOADED} GROUP BY 1, 2 ORDER BY 1, 2`,
    )
    .all();
  return sums.map(({ dataset, files, bytes, ...rows }) => ({
    ...{ dataset, files, bytes, rows },
    refused: Object.fromEntries(refused.filter((one) => one.dataset === dataset).map((one) => [one.code, one.rows])),
  }));
}
