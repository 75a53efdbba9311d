import type Database from 'better-sqlite3';
import type { Dataset } from '../feed/types.ts';
import { type Merger, type Origin, createMerger } from './merge.ts';
import { type MergeSql, VERDICT } from './merge-sql.ts';
import { quoteName } from './schema.ts';
import type { WaitingRows } from './waiting.ts';

/** Rows healed at a time: bounds the memory of the temporary tables. */
const CHUNK_ROWS = 20_000;

/** Admits the waiting rows of one dataset that have nothing left to wait for. */
export interface Healer {
  /** Gives how many rows healed; `onChunk` is called between chunks. */
  run(origin: Origin, onChunk: () => Promise<void>): Promise<number>;
}

/** The reject ids that may be ready, one for each key: the newest version (rule 4). */
export const READY_SQL = 'CREATE TABLE temp.ready (seq INTEGER PRIMARY KEY, reject_id INTEGER NOT NULL)';

/**
 * Prepares the healing of one dataset. It starts from `temp.freed`: the rejects whose parents this commit brought (rule 6).
 * Datasets are to be healed parents first, so that what heals in one frees what waits for it in the next.
 */
export function createHealer(db: Database.Database, dataset: Dataset, sql: MergeSql, waiting: WaitingRows): Healer {
  const merger: Merger = createMerger(db, dataset, sql);
  const clearReady = db.prepare('DELETE FROM temp.ready');
  const findReady = db.prepare<[string]>(
    `INSERT INTO temp.ready (reject_id)
     SELECT reject_id FROM (
       SELECT r.reject_id, row_number() OVER (
         PARTITION BY r.row_key ORDER BY f.stamp DESC, f.name DESC, f.revision DESC, r.line DESC) AS place
       FROM temp.freed d CROSS JOIN rejects r ON r.reject_id = d.reject_id CROSS JOIN files f ON f.file_id = r.file_id
       WHERE r.dataset = ? AND r.state = 'waiting'
         AND NOT EXISTS (SELECT 1 FROM waiting_on w WHERE w.reject_id = r.reject_id))
     WHERE place = 1`,
  );
  const columns = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const values = dataset.columns.map((column) => `r.record ->> '$.${column.name}'`).join(', ');
  const stage = db.prepare<[number, number]>(
    `INSERT INTO ${sql.stage} (seq, reject_id, file_id, line, stamp, ${columns})
     SELECT y.seq, r.reject_id, r.file_id, r.line, f.stamp, ${values}
     FROM temp.ready y CROSS JOIN rejects r ON r.reject_id = y.reject_id CROSS JOIN files f ON f.file_id = r.file_id
     WHERE y.seq > ? AND y.seq <= ?`,
  );
  const settle = db.prepare<[number, string]>(
    `UPDATE rejects SET
       state = CASE WHEN k.verdict = ${VERDICT.stale} THEN 'superseded' ELSE 'healed' END,
       healed_as = CASE k.verdict WHEN ${VERDICT.stale} THEN NULL WHEN ${VERDICT.unchanged} THEN 'unchanged'
         WHEN ${VERDICT.updated} THEN 'updated' ELSE 'inserted' END,
       raw = CASE WHEN k.verdict = ${VERDICT.stale} THEN raw END,
       record = NULL, settled_by_file_id = ?, settled_at = ?
     FROM ${sql.stage} s LEFT JOIN temp.known k ON k.seq = s.seq
     WHERE rejects.reject_id = s.reject_id AND s.seq NOT IN (SELECT seq FROM temp.orphans)`,
  );

  return {
    async run(origin, onChunk) {
      clearReady.run();
      const ready = findReady.run(dataset.name).changes;
      let healed = 0;
      for (let done = 0; done < ready; done += CHUNK_ROWS) {
        merger.clear();
        stage.run(done, done + CHUNK_ROWS);
        const merged = merger.run(origin);
        if (merged.orphans > 0) waiting.keepOn();
        settle.run(origin.settler, origin.now);
        healed += merged.inserted + merged.updated + merged.unchanged;
        await onChunk();
      }
      if (ready > 0) merger.clear();
      return healed;
    },
  };
}
