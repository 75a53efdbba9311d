import type { ClientBase } from 'pg';
import type { DatasetTotals, LedgerOverview, RowDay, RowSums, StampDay } from '../reader.ts';
import { NOTED } from '../noted-files.ts';

/** True for an entry that was loaded, also where a correction has replaced it since. */
const LOADED = "(state = 'ingested' OR (state = 'replaced' AND reason_code IS NULL))";

const SUMS = ['inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting']
  .map((outcome) => `coalesce(sum(rows_${outcome}), 0)::bigint AS ${outcome}`)
  .join(', ');

/**
 * What the ledger comes to, read in the snapshot that the caller has taken.
 * @param since the first day that is told by itself, `YYYY-MM-DD`, UTC
 */
export async function readOverview(client: ClientBase, since: string): Promise<LedgerOverview> {
  const { rows: stampDays } = await client.query<StampDay>(
    `SELECT dataset, substr(stamp, 1, 10) AS day,
       count(*) FILTER (WHERE state = 'ingested') AS ingested,
       count(*) FILTER (WHERE state = 'ingested' AND late = 1) AS late,
       count(*) FILTER (WHERE (${NOTED.quarantined}) OR (revision = 0 AND state = 'quarantined')) AS quarantined,
       coalesce(sum(rows_read) FILTER (WHERE state = 'ingested'), 0)::bigint AS rows,
       coalesce(sum(rows_rejected) FILTER (WHERE state = 'ingested'), 0)::bigint AS rejected,
       max(file_id) AS file_id
     FROM files f WHERE stamp >= $1 AND dataset IS NOT NULL AND state IN ('ingested', 'quarantined')
     GROUP BY 1, 2 ORDER BY 1, 2`,
    [since],
  );
  const { rows: rowDays } = await client.query<RowDay>(
    `SELECT substr(finished_at, 1, 10) AS day, ${SUMS} FROM files WHERE finished_at >= $1 AND ${LOADED} GROUP BY 1 ORDER BY 1`,
    [since],
  );
  return { totals: await readTotals(client), stamp_days: stampDays, row_days: rowDays };
}

async function readTotals(client: ClientBase): Promise<readonly DatasetTotals[]> {
  const { rows: sums } = await client.query<RowSums & { dataset: string; files: number; bytes: number }>(
    `SELECT dataset, count(*) AS files, sum(bytes)::bigint AS bytes, ${SUMS}
     FROM files WHERE dataset IS NOT NULL AND ${LOADED} GROUP BY dataset ORDER BY dataset`,
  );
  const { rows: refused } = await client.query<{ dataset: string; code: string; rows: number }>(
    `SELECT dataset, c.key AS code, sum(c.value::bigint)::bigint AS rows FROM files f, json_each_text(f.reject_counts) c
     WHERE dataset IS NOT NULL AND ${LOADED} GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  return sums.map(({ dataset, files, bytes, ...rows }) => ({
    ...{ dataset, files, bytes, rows },
    refused: Object.fromEntries(refused.filter((one) => one.dataset === dataset).map((one) => [one.code, one.rows])),
  }));
}
