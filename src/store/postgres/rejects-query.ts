import type { ClientBase } from 'pg';
import { referencesOf } from '../../feed/references.ts';
import type { Feed } from '../../model/feed.ts';
import type { RejectRow, Search } from '../reader.ts';
import { literal } from './literal.ts';
import { BEYOND, searchValues } from './pages.ts';
import { waitsFor } from './waiting.ts';

/** Rejects that someone may have to see to. */
const OPEN = "(r.state = 'waiting' OR (r.state = 'rejected' AND f.state <> 'replaced'))";

/**
 * A page of the rows that were not loaded, newest file first, in line order within a file.
 * @param withValues with `row_key` and `raw`; else they are null
 */
export async function readRejects(
  client: ClientBase,
  feed: Feed,
  search: Search,
  withValues: boolean,
  after: RejectRow | null,
  most: number,
): Promise<readonly RejectRow[]> {
  const {
    file_id: file,
    line,
    reject_id: reject,
  } = after ?? search.after ?? { file_id: BEYOND, line: 0, reject_id: 0 };
  const { rows } = await client.query<Omit<RejectRow, 'raw'> & { raw: Buffer | null }>(rejectsSql(feed, withValues), [
    ...searchValues(search),
    ...[file, line, reject, most],
  ]);
  return rows.map((row) => ({ ...row, raw: row.raw === null ? null : asSent(row.raw) }));
}

function rejectsSql(feed: Feed, withValues: boolean): string {
  const waits = feed.datasets.flatMap((dataset) =>
    referencesOf(dataset).map(
      (column) =>
        `SELECT ${literal(column.references)} AS parent WHERE r.dataset = ${literal(dataset.name)} AND ${waitsFor('r', column)}`,
    ),
  );
  const waitsForTables =
    waits.length === 0
      ? 'NULL'
      : `CASE r.state WHEN 'waiting' THEN
          (SELECT string_agg(parent, ',' ORDER BY parent COLLATE "C") FROM (${waits.join(' UNION ')}) w) END`;
  // File by file, each in the order of its index: no sorting of all rows before the first is shown.
  return `
    SELECT r.file_id, r.reject_id, f.name AS file, f.revision, r.dataset, r.line, r.byte_offset, r.code, r.column_name, r.reason,
      r.state, ${waitsForTables} AS waits_for, s.name AS settled_by, r.settled_at, f.finished_at,
      ${withValues ? 'r.row_key, r.raw' : 'NULL AS row_key, NULL AS raw'}
    FROM (
      SELECT r.*, f.name, f.revision, f.finished_at
      FROM (SELECT * FROM files WHERE file_id <= $5 ORDER BY file_id DESC) f
      CROSS JOIN LATERAL (
        SELECT * FROM rejects r WHERE r.file_id = f.file_id AND r.line >= CASE f.file_id WHEN $5 THEN $6 ELSE 0 END
          AND (f.file_id < $5 OR r.line > $6 OR r.reject_id > $7)
          AND ($1::text[] IS NULL OR r.state = ANY ($1) OR ('open' = ANY ($1) AND ${OPEN}))
          AND ($2::text[] IS NULL OR r.code = ANY ($2))
          AND ($3::text IS NULL OR position($3 IN f.name) > 0) AND ($4::text IS NULL OR f.finished_at >= $4)
        ORDER BY r.line, r.reject_id LIMIT $8) r
      ORDER BY f.file_id DESC, r.line, r.reject_id LIMIT $8) r
    CROSS JOIN LATERAL (SELECT r.name, r.revision, r.finished_at) f
    LEFT JOIN files s ON s.file_id = r.settled_by_file_id
    ORDER BY r.file_id DESC, r.line, r.reject_id`;
}

/** What was sent as text is text again; what was no text stays bytes. */
function asSent(raw: Buffer): string | Uint8Array {
  const text = raw.toString('utf8');
  return raw.equals(Buffer.from(text)) ? text : raw;
}
