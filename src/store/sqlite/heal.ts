import type Database from 'better-sqlite3';
import { REJECT_CODES } from '../../model/codes.ts';
import { referencesOf } from '../../feed/references.ts';
import type { Dataset } from '../../model/feed.ts';
import type { Healed } from '../store.ts';
import { planIndexes } from './indexes.ts';
import { type MergeSql, VERDICT, anyOf, recorded } from './merge-sql.ts';
import { type Merged, type Merger, type Origin, createMerger } from './merge.ts';
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

/**
 * Prepares the healing of one dataset. It starts from `temp._freed`: the rejects whose parents this commit brought (rule 6).
 * Datasets are to be healed parents first, so that what heals in one frees what waits for it in the next.
 */
export function createHealer(db: Database.Database, dataset: Dataset, sql: MergeSql, waiting: WaitingRows): Healer {
  const clear = db.prepare(`DELETE FROM ${sql.stage}`);
  const merger: Merger = createMerger(db, dataset, sql);
  const anyFreed = db.prepare<[], number>('SELECT EXISTS (SELECT 1 FROM temp._freed)').pluck();
  const ready = `NOT ${anyOf(referencesOf(dataset).map((column) => waitsFor('r', column)))}`;
  const findReady = db.prepare<[string]>(
    `INSERT INTO temp._ready (reject_id, contested)
     SELECT r.reject_id, EXISTS (
       SELECT 1 FROM rejects o
       WHERE o.state = 'waiting' AND o.dataset = r.dataset AND o.row_key = r.row_key AND o.reject_id <> r.reject_id)
     FROM temp._freed d CROSS JOIN rejects r ON r.reject_id = d.reject_id
     WHERE r.dataset = ? AND r.state = 'waiting' AND ${ready}`,
  );
  const findNext = db.prepare<[string]>(
    `INSERT INTO temp._ready (reject_id, contested)
     SELECT r.reject_id, 1 FROM temp._refused k CROSS JOIN rejects r
       ON r.state = 'waiting' AND r.dataset = ? AND r.row_key = k.row_key
     WHERE ${ready}`,
  );
  const anyContested = db.prepare<[], number>('SELECT EXISTS (SELECT 1 FROM temp._ready WHERE contested)').pluck();
  const keepNewest = db.prepare(
    `DELETE FROM temp._ready WHERE contested AND reject_id NOT IN (
       SELECT reject_id FROM (
         SELECT y.reject_id, row_number() OVER (
           PARTITION BY r.row_key ORDER BY f.stamp DESC, f.name DESC, f.revision DESC, r.line DESC) AS place
         FROM temp._ready y CROSS JOIN rejects r ON r.reject_id = y.reject_id CROSS JOIN files f ON f.file_id = r.file_id
         WHERE y.contested)
       WHERE place = 1)`,
  );
  const countReady = db.prepare<[], number>('SELECT count(*) FROM temp._ready').pluck();
  const lastReady = db.prepare<[], number>('SELECT coalesce(max(reject_id), 0) FROM temp._ready').pluck();
  const endOfChunk = db
    .prepare<[number], number>(
      `SELECT reject_id FROM temp._ready WHERE reject_id > ? ORDER BY reject_id LIMIT 1 OFFSET ${CHUNK_ROWS - 1}`,
    )
    .pluck();
  const columns = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const values = dataset.columns.map((column) => recorded('r', column)).join(', ');
  const stage = db.prepare<[number, number]>(
    `INSERT INTO ${sql.stage} (_seq, _file_id, _line, _stamp, ${columns})
     SELECT r.reject_id, r.file_id, r.line, f.stamp, ${values}
     FROM temp._ready y CROSS JOIN rejects r ON r.reject_id = y.reject_id CROSS JOIN files f ON f.file_id = r.file_id
     WHERE y.reject_id > ? AND y.reject_id <= ?`,
  );
  // OR FAIL: where this fails the whole file is rolled back, so nothing need be written down to undo the statement alone.
  const settle = db.prepare<[number, string]>(
    `UPDATE OR FAIL rejects SET
       state = CASE WHEN k.verdict = ${VERDICT.stale} THEN 'superseded' ELSE 'healed' END,
       healed_as = CASE WHEN k.verdict IS NULL THEN 'inserted' WHEN k.verdict = ${VERDICT.stale} THEN NULL
         WHEN k.verdict = ${VERDICT.unchanged} THEN 'unchanged' ELSE 'updated' END,
       raw = CASE WHEN k.verdict = ${VERDICT.stale} THEN rejects.raw END,
       record = NULL, settled_by_file_id = ?, settled_at = ?
     FROM ${sql.stage} s LEFT JOIN temp._known k ON k.seq = s._seq
     WHERE rejects.reject_id = s._seq AND s._seq NOT IN (SELECT seq FROM temp._orphans)`,
  );
  const refuse = db.prepare<[number, string, number]>(
    `UPDATE rejects SET state = 'rejected', code = 'constraint', column_name = NULL, reason = '${REJECT_CODES.constraint}', record = NULL,
       settled_by_file_id = ?, settled_at = ?
     WHERE reject_id = ?`,
  );

  const noteRefused = db.prepare<[number]>(
    'INSERT OR IGNORE INTO temp._refused (row_key) SELECT row_key FROM rejects WHERE reject_id = ?',
  );
  const clearReady = db.prepare('DELETE FROM temp._ready');
  const clearRefused = db.prepare('DELETE FROM temp._refused');

  /** Of the versions of a key that have nothing left to wait for, the newest (rule 4). */
  const chooseReady = (afterRefusals: boolean): number => {
    clearReady.run();
    (afterRefusals ? findNext : findReady).run(dataset.name);
    clearRefused.run();
    if (anyContested.get() === 1) keepNewest.run();
    return countReady.get() ?? 0;
  };
  const admitRange = ({ from, to }: Range, origin: Origin): Merged => {
    clear.run();
    stage.run(from, to);
    return merger.admit(origin, false);
  };
  const settleRange = (merged: Merged, origin: Origin): number => {
    merger.settle(origin);
    if (merged.orphans > 0) waiting.keepOn();
    settle.run(origin.fileId, origin.now);
    return merged.inserted + merged.updated + merged.unchanged;
  };

  return {
    async run(origin, onChunk) {
      if (anyFreed.get() !== 1) return { healed: 0, refused: 0 };
      let healed = 0;
      let refused = 0;
      // Where the newest version of a key is refused, the next one of that key has its turn.
      for (let more = chooseReady(false); more > 0; more = chooseReady(true)) {
        const last = lastReady.get() ?? 0;
        const indexes = planIndexes(db, dataset.table, more);
        for (let done = 0; done < last;) {
          const to = endOfChunk.get(done) ?? last;
          halveRefused(
            db,
            { from: done, to },
            (range) => admitRange(range, origin),
            (merged) => (healed += settleRange(merged, origin)),
            (rejectId) => {
              noteRefused.run(rejectId);
              refused += refuse.run(origin.fileId, origin.now, rejectId).changes;
            },
          );
          done = to;
          await onChunk();
        }
        indexes.rebuild();
      }
      clear.run();
      return { healed, refused };
    },
  };
}
