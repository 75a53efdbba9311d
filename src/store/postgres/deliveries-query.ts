import type { ClientBase } from 'pg';
import type { Feed } from '../../model/feed.ts';
import type { Deliveries, Delivery } from '../reader.ts';

/** As `StoreReader.deliveries`, in the snapshot that the caller has taken. */
export async function readDeliveries(client: ClientBase, feed: Feed, since: string): Promise<Deliveries> {
  const { rows: beginnings } = await client.query<{ at: string | null }>(
    `SELECT min(at) AS at FROM (SELECT min(applied_at) AS at FROM schema_migrations
       UNION ALL SELECT min(stamp) FROM files WHERE revision > 0) beginnings`,
  );
  const { rows: files } = await client.query<Delivery>(
    `SELECT file_id, name, revision, dataset, stamp, state, reason_code, reason, sha256, rows_read, rows_rejected, warnings, finished_at,
       (SELECT min(l.finished_at) FROM files l WHERE l.name = f.name AND l.revision > 0
          AND (l.state = 'ingested' OR (l.state = 'replaced' AND l.reason_code IS NULL))) AS first_at,
       ARRAY(SELECT d.code FROM decisions d WHERE d.name = f.name AND d.sha256 = f.sha256 ORDER BY d.code) AS accepted
     FROM files f
     WHERE feed = $1 AND revision = (SELECT max(l.revision) FROM files l WHERE l.name = f.name)
       AND (state IN ('quarantined', 'unrecognised') OR stamp >= $2 OR finished_at >= $2)
     ORDER BY file_id`,
    [feed.name, since],
  );
  return { since: beginnings[0]?.at ?? null, files };
}
