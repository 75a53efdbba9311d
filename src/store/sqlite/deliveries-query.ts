import type Database from 'better-sqlite3';
import type { Feed } from '../../model/feed.ts';
import type { Deliveries, Delivery } from '../reader.ts';

type DeliveryRow = Omit<Delivery, 'warnings' | 'accepted'> & {
  readonly warnings: string | null;
  readonly accepted: string;
};

/** As `StoreReader.deliveries`. */
export function readDeliveries(db: Database.Database, feed: Feed, since: string): Deliveries {
  return db.transaction(() => ({ since: beginning(db), files: filesSince(db, feed, since) }))();
}

function beginning(db: Database.Database): string | null {
  const at = db.prepare<[], string | null>(
    `SELECT min(at) FROM (SELECT min(applied_at) AS at FROM schema_migrations
       UNION ALL SELECT min(stamp) FROM files WHERE revision > 0)`,
  );
  return at.pluck().get() ?? null;
}

function filesSince(db: Database.Database, feed: Feed, since: string): Delivery[] {
  const rows = db.prepare<[object], DeliveryRow>(
    `SELECT file_id, name, revision, dataset, stamp, state, reason_code, reason, sha256, rows_read, rows_rejected, warnings, finished_at,
       (SELECT min(l.finished_at) FROM files l WHERE l.name = f.name AND l.revision > 0
          AND (l.state = 'ingested' OR (l.state = 'replaced' AND l.reason_code IS NULL))) AS first_at,
       (SELECT json_group_array(code) FROM decisions d WHERE d.name = f.name AND d.sha256 = f.sha256) AS accepted
     FROM files f
     WHERE feed = :feed AND revision = (SELECT max(l.revision) FROM files l WHERE l.name = f.name)
       AND (state IN ('quarantined', 'unrecognised') OR stamp >= :since OR finished_at >= :since)
     ORDER BY file_id`,
  );
  return rows.all({ feed: feed.name, since }).map((row) => ({
    ...row,
    warnings: row.warnings === null ? null : (JSON.parse(row.warnings) as Delivery['warnings']),
    accepted: JSON.parse(row.accepted) as Delivery['accepted'],
  }));
}
