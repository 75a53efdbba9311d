import type Database from 'better-sqlite3';
import type { Dataset } from '../feed/types.ts';
import { type Merger, type Origin, createMerger } from './merge.ts';
import { type MergeSql, VERDICT } from './merge-sql.ts';
import { setIndexesAside } from './indexes.ts';
import { CONSTRAINT_REASON } from './rejects.ts';
import { unlessRefused } from './savepoint.ts';
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
export const READY_SQL = 'CREATE TABLE IF NOT EXISTS temp.ready (seq INTEGER PRIMARY KEY, reject_id INTEGER NOT NULL)';

/**
 * Prepares the healing of one dataset. It starts from `temp.freed`: the rejects whose parents this commit brought (rule 6).
 * Datasets are to be healed parents first, so that what heals in one frees what waits for it in the next.
 */
export function createHealer(db: Database.Database, dataset: Dataset, sql: MergeSql, waiting: WaitingRows): Healer {
  const merger: Merger = createMerger(db, dataset, sql);
  const anyFreed = db.prepare<[], number>('SELECT EXISTS (SELECT 1 FROM temp.freed)').pluck();
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

  const refuse = db.prepare<[number, string, number]>(
    `UPDATE rejects SET state = 'rejected', code = 'constraint', column_name = NULL, reason = '${CONSTRAINT_REASON}', record = NULL,
       settled_by_file_id = ?, settled_at = ?
     WHERE reject_id = (SELECT reject_id FROM temp.ready WHERE seq = ?)`,
  );

  /** The rows of `temp.ready` after `from`, up to and including `to`. */
  interface Range {
    readonly from: number;
    readonly to: number;
  }

  const mergeRange = ({ from, to }: Range, origin: Origin): number => {
    merger.clear();
    stage.run(from, to);
    const merged = merger.run(origin);
    if (merged.orphans > 0) waiting.keepOn();
    settle.run(origin.fileId, origin.now);
    return merged.inserted + merged.updated + merged.unchanged;
  };

  /** Halves what the database refuses until it has the rows it refuses: they cost only themselves (P7). */
  const healRange = (range: Range, origin: Origin): { healed: number; refused: number } => {
    const healed = unlessRefused(db, ['foreign_key', 'other'], () => ({ rows: mergeRange(range, origin) }));
    if (healed !== null) return { healed: healed.rows, refused: 0 };
    const { from, to } = range;
    if (to - from === 1) return { healed: 0, refused: refuse.run(origin.fileId, origin.now, to).changes };
    const middle = Math.floor((from + to) / 2);
    const first = healRange({ from, to: middle }, origin);
    const second = healRange({ from: middle, to }, origin);
    return { healed: first.healed + second.healed, refused: first.refused + second.refused };
  };

  return {
    async run(origin, onChunk) {
      if (anyFreed.get() !== 1) return 0;
      let healed = 0;
      // Where the newest version of a key is refused, the next one of that key has its turn.
      for (let refused = 1; refused > 0;) {
        refused = 0;
        clearReady.run();
        const ready = findReady.run(dataset.name).changes;
        const rebuildIndexes = setIndexesAside(db, dataset.table, ready);
        for (let done = 0; done < ready; done += CHUNK_ROWS) {
          const chunk = healRange({ from: done, to: Math.min(done + CHUNK_ROWS, ready) }, origin);
          healed += chunk.healed;
          refused += chunk.refused;
          await onChunk();
        }
        rebuildIndexes();
      }
      merger.clear();
      return healed;
    },
  };
}
