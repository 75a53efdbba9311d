import type Database from 'better-sqlite3';
import { referencesOf } from '../feed/references.ts';
import type { Dataset } from '../feed/types.ts';
import { type Merger, type Origin, createMerger } from './merge.ts';
import { type MergeSql, VERDICT, recorded } from './merge-sql.ts';
import { planIndexes } from './indexes.ts';
import { CONSTRAINT_REASON } from './rejects.ts';
import { type Range, halveRefused } from './savepoint.ts';
import { quoteName } from './schema.ts';
import { type WaitingRows, waitsFor } from './waiting.ts';

/** Rows healed at a time: bounds the memory of the temporary tables. */
const CHUNK_ROWS = 20_000;

/** Admits the waiting rows of one dataset that have nothing left to wait for. */
export interface Healer {
  /** @param onChunk called between chunks */
  run(origin: Origin, onChunk: () => Promise<void>): Promise<Healed>;
}

/** What became of waiting rows. */
export interface Healed {
  readonly healed: number;
  /** Rows that a constraint refused when their parent came. */
  readonly refused: number;
}

/**
 * Prepares the healing of one dataset. It starts from `temp.freed`: the rejects whose parents this commit brought (rule 6).
 * Datasets are to be healed parents first, so that what heals in one frees what waits for it in the next.
 */
export function createHealer(db: Database.Database, dataset: Dataset, sql: MergeSql, waiting: WaitingRows): Healer {
  const clear = db.prepare(`DELETE FROM ${sql.stage}`);
  const merger: Merger = createMerger(db, dataset, sql);
  const countFreed = db.prepare<[], number>('SELECT count(*) FROM temp.freed').pluck();
  const lastFreed = db.prepare<[], number>('SELECT coalesce(max(reject_id), 0) FROM temp.freed').pluck();
  const endOfChunk = db
    .prepare<[number], number>(
      `SELECT reject_id FROM temp.freed WHERE reject_id > ? ORDER BY reject_id LIMIT 1 OFFSET ${CHUNK_ROWS - 1}`,
    )
    .pluck();
  const columns = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const values = dataset.columns.map((column) => recorded('r', column)).join(', ');
  const ready = (alias: string) =>
    ['1', ...referencesOf(dataset).map((column) => `NOT ${waitsFor(alias, column)}`)].join(' AND ');
  // Of the versions of a key that are ready, the newest (rule 4).
  const stage = db.prepare<[number, number, string]>(
    `INSERT INTO ${sql.stage} (seq, file_id, line, stamp, ${columns})
     SELECT r.reject_id, r.file_id, r.line, f.stamp, ${values}
     FROM temp.freed d CROSS JOIN rejects r ON r.reject_id = d.reject_id CROSS JOIN files f ON f.file_id = r.file_id
     WHERE d.reject_id > ? AND d.reject_id <= ? AND r.dataset = ? AND r.state = 'waiting' AND ${ready('r')}
       AND NOT EXISTS (
         SELECT 1 FROM rejects n CROSS JOIN files nf ON nf.file_id = n.file_id
         WHERE n.state = 'waiting' AND n.dataset = r.dataset AND n.row_key = r.row_key AND n.reject_id <> r.reject_id
           AND (nf.stamp, nf.name, nf.revision, n.line) > (f.stamp, f.name, f.revision, r.line) AND ${ready('n')})`,
  );
  const settle = db.prepare<[number, string]>(
    `UPDATE rejects SET
       state = CASE WHEN k.verdict = ${VERDICT.stale} THEN 'superseded' ELSE 'healed' END,
       healed_as = CASE k.verdict WHEN ${VERDICT.stale} THEN NULL WHEN ${VERDICT.unchanged} THEN 'unchanged'
         WHEN ${VERDICT.updated} THEN 'updated' ELSE 'inserted' END,
       raw = CASE WHEN k.verdict = ${VERDICT.stale} THEN raw END,
       record = NULL, settled_by_file_id = ?, settled_at = ?
     FROM ${sql.stage} s LEFT JOIN temp.known k ON k.seq = s.seq
     WHERE rejects.reject_id = s.seq AND s.seq NOT IN (SELECT seq FROM temp.orphans)`,
  );
  const refuse = db.prepare<[number, string, number]>(
    `UPDATE rejects SET state = 'rejected', code = 'constraint', column_name = NULL, reason = '${CONSTRAINT_REASON}', record = NULL,
       settled_by_file_id = ?, settled_at = ?
     WHERE reject_id = ?`,
  );

  const mergeRange = ({ from, to }: Range, origin: Origin): number => {
    clear.run();
    if (stage.run(from, to, dataset.name).changes === 0) return 0;
    const merged = merger.run(origin);
    if (merged.orphans > 0) waiting.keepOn();
    settle.run(origin.fileId, origin.now);
    return merged.inserted + merged.updated + merged.unchanged;
  };

  return {
    async run(origin, onChunk) {
      const last = lastFreed.get() ?? 0;
      if (last === 0) return { healed: 0, refused: 0 };
      const indexes = planIndexes(db, dataset.table, countFreed.get() ?? 0);
      let healed = 0;
      let refused = 0;
      // Where the newest version of a key is refused, the next one of that key has its turn.
      for (let before = -1; refused > before;) {
        before = refused;
        for (let done = 0; done < last;) {
          const to = endOfChunk.get(done) ?? last;
          halveRefused(
            db,
            { from: done, to },
            (range) => (healed += mergeRange(range, origin)),
            (rejectId) => (refused += refuse.run(origin.fileId, origin.now, rejectId).changes),
          );
          done = to;
          await onChunk();
        }
      }
      indexes.rebuild();
      clear.run();
      return { healed, refused };
    },
  };
}
