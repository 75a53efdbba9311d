import type Database from 'better-sqlite3';
import { REJECT_CODES } from '../../model/codes.ts';
import { referencesOf } from '../../feed/references.ts';
import type { Dataset } from '../../model/feed.ts';
import type { Healed } from '../store.ts';
import { planIndexes } from './indexes.ts';
import { type MergeSql, anyOf, recorded } from './merge-sql.ts';
import { type Admitted, type Origin, createMerger } from './merge.ts';
import { type Range, halveRefused } from './savepoint.ts';
import { quoteName } from '../sql-names.ts';
import { type FreedRows, type OrphanRows, type ReadyRows, type RefusedKeys, SCRATCH, VERDICT } from './scratch.ts';
import { type WaitingRows, waitsFor } from './waiting.ts';

/** Rows healed at a time: bounds the memory of the temporary tables. */
const CHUNK_ROWS = 20_000;

/** Admits the waiting rows of one dataset that have nothing left to wait for. */
export interface Healer {
  /**
   * Heals what was freed and is ready; that may free others (rule 6). To be called for a dataset after those that it refers to, so
   * that what heals in one has freed what waits for it in the next.
   * @param onChunk called between chunks
   */
  run(origin: Origin, freed: FreedRows, onChunk: () => Promise<void>): Promise<Healed>;
}

/** Prepares the healing of one dataset. */
export function createHealer(db: Database.Database, dataset: Dataset, sql: MergeSql, waiting: WaitingRows): Healer {
  const merger = createMerger(db, dataset, sql);
  const choosing = prepareChoosing(db, dataset);
  const stage = prepareStaging(db, dataset, sql);
  const outcomes = prepareOutcomes(db, sql);

  const admitRange = (ready: ReadyRows, range: Range, origin: Origin): Admitted => {
    stage.fill(ready, range);
    return merger.admit(origin, false);
  };
  const resolve = (admitted: Admitted, freed: FreedRows, origin: Origin): number => {
    merger.resolveWaiting(origin, admitted, freed);
    if (admitted.orphans.count > 0) waiting.keepOn(admitted.orphans);
    outcomes.heal(origin, admitted.orphans);
    return admitted.inserted + admitted.updated + admitted.unchanged;
  };

  return {
    async run(origin, freed, onChunk) {
      const sum = { healed: 0, refused: 0 };
      if (!choosing.any(freed)) return sum;
      let ready = choosing.ofFreed(freed);
      while (ready.count > 0) {
        const chosen = ready;
        const refused = choosing.noneRefused();
        const indexes = planIndexes(db, dataset.table, chosen.count);
        for (const chunk of stage.chunks(chosen)) {
          halveRefused(
            db,
            chunk,
            (range) => admitRange(chosen, range, origin),
            (admitted) => (sum.healed += resolve(admitted, freed, origin)),
            (rejectId) => {
              choosing.addRefused(refused, rejectId);
              sum.refused += outcomes.refuse(origin, rejectId);
            },
          );
          await onChunk();
        }
        indexes.rebuild();
        // Where the newest version of a key is refused, the next one of that key has its turn.
        ready = choosing.nextOf(refused);
      }
      stage.clear();
      return sum;
    },
  };
}

/** Says which waiting rows are to heal: of the versions of a key that have nothing left to wait for, the newest (rule 4). */
interface Choosing {
  any(freed: FreedRows): boolean;
  ofFreed(freed: FreedRows): ReadyRows;
  /** Of the keys of which a row was refused. */
  nextOf(refused: RefusedKeys): ReadyRows;
  /** Begins anew. */
  noneRefused(): RefusedKeys;
  /** Adds the key of a row. */
  addRefused(refused: RefusedKeys, rejectId: number): void;
}

function prepareChoosing(db: Database.Database, dataset: Dataset): Choosing {
  const anyFreed = db.prepare<[], number>(`SELECT EXISTS (SELECT 1 FROM ${SCRATCH.freed})`).pluck();
  const ready = `NOT ${anyOf(referencesOf(dataset).map((column) => waitsFor('r', column)))}`;
  const findFreed = db.prepare<[string]>(
    `INSERT INTO ${SCRATCH.ready} (reject_id, contested)
     SELECT r.reject_id, EXISTS (
       SELECT 1 FROM rejects o
       WHERE o.state = 'waiting' AND o.dataset = r.dataset AND o.row_key = r.row_key AND o.reject_id <> r.reject_id)
     FROM ${SCRATCH.freed} d CROSS JOIN rejects r ON r.reject_id = d.reject_id
     WHERE r.dataset = ? AND r.state = 'waiting' AND ${ready}`,
  );
  const findNext = db.prepare<[string]>(
    `INSERT INTO ${SCRATCH.ready} (reject_id, contested)
     SELECT r.reject_id, 1 FROM ${SCRATCH.refused} k CROSS JOIN rejects r
       ON r.state = 'waiting' AND r.dataset = ? AND r.row_key = k.row_key
     WHERE ${ready}`,
  );
  const anyContested = db.prepare<[], number>(`SELECT EXISTS (SELECT 1 FROM ${SCRATCH.ready} WHERE contested)`).pluck();
  const keepNewest = db.prepare(
    `DELETE FROM ${SCRATCH.ready} WHERE contested AND reject_id NOT IN (
       SELECT reject_id FROM (
         SELECT y.reject_id, row_number() OVER (
           PARTITION BY r.row_key ORDER BY f.stamp DESC, f.name DESC, f.revision DESC, r.line DESC) AS place
         FROM ${SCRATCH.ready} y CROSS JOIN rejects r ON r.reject_id = y.reject_id CROSS JOIN files f ON f.file_id = r.file_id
         WHERE y.contested)
       WHERE place = 1)`,
  );
  const countReady = db.prepare<[], number>(`SELECT count(*) FROM ${SCRATCH.ready}`).pluck();
  const addRefused = db.prepare<[number]>(
    `INSERT OR IGNORE INTO ${SCRATCH.refused} (row_key) SELECT row_key FROM rejects WHERE reject_id = ?`,
  );
  const clearReady = db.prepare(`DELETE FROM ${SCRATCH.ready}`);
  const clearRefused = db.prepare(`DELETE FROM ${SCRATCH.refused}`);
  const choose = (find: Database.Statement<[string]>): ReadyRows => {
    clearReady.run();
    find.run(dataset.name);
    if (anyContested.get() === 1) keepNewest.run();
    return { table: SCRATCH.ready, count: countReady.get() ?? 0 };
  };
  return {
    any: () => anyFreed.get() === 1,
    ofFreed: () => choose(findFreed),
    nextOf: () => choose(findNext),
    noneRefused() {
      clearRefused.run();
      return { table: SCRATCH.refused };
    },
    addRefused: (_, rejectId) => void addRefused.run(rejectId),
  };
}

/** Stages ready rows. */
interface Staging {
  /** All of them, a chunk at a time. */
  chunks(ready: ReadyRows): Iterable<Range>;
  /** Stages those in a range of rejects, and no others. */
  fill(ready: ReadyRows, range: Range): void;
  clear(): void;
}

function prepareStaging(db: Database.Database, dataset: Dataset, sql: MergeSql): Staging {
  const lastReady = db.prepare<[], number>(`SELECT coalesce(max(reject_id), 0) FROM ${SCRATCH.ready}`).pluck();
  const endOfChunk = db
    .prepare<[number], number>(
      `SELECT reject_id FROM ${SCRATCH.ready} WHERE reject_id > ? ORDER BY reject_id LIMIT 1 OFFSET ${CHUNK_ROWS - 1}`,
    )
    .pluck();
  const columns = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const values = dataset.columns.map((column) => recorded('r', column)).join(', ');
  const fill = db.prepare<[number, number]>(
    `INSERT INTO ${sql.stage} (_seq, _file_id, _line, _stamp, ${columns})
     SELECT r.reject_id, r.file_id, r.line, f.stamp, ${values}
     FROM ${SCRATCH.ready} y CROSS JOIN rejects r ON r.reject_id = y.reject_id CROSS JOIN files f ON f.file_id = r.file_id
     WHERE y.reject_id > ? AND y.reject_id <= ?`,
  );
  const clear = db.prepare(`DELETE FROM ${sql.stage}`);
  return {
    *chunks() {
      const last = lastReady.get() ?? 0;
      for (let from = 0; from < last;) {
        const to = endOfChunk.get(from) ?? last;
        yield { from, to };
        from = to;
      }
    },
    fill(_, { from, to }) {
      clear.run();
      fill.run(from, to);
    },
    clear: () => void clear.run(),
  };
}

/** What becomes of waiting rows whose parents have come. */
interface Outcomes {
  /** The staged rows that are no orphans have healed, or are superseded by the table's. */
  heal(origin: Origin, orphans: OrphanRows): void;
  /** A row that a constraint refused is rejected; gives 1. */
  refuse(origin: Origin, rejectId: number): number;
}

function prepareOutcomes(db: Database.Database, sql: MergeSql): Outcomes {
  // OR FAIL: where this fails the whole file is rolled back, so nothing need be written down to undo the statement alone.
  const heal = db.prepare<[number, string]>(
    `UPDATE OR FAIL rejects SET
       state = CASE WHEN k.verdict = ${VERDICT.stale} THEN 'superseded' ELSE 'healed' END,
       healed_as = CASE WHEN k.verdict IS NULL THEN 'inserted' WHEN k.verdict = ${VERDICT.stale} THEN NULL
         WHEN k.verdict = ${VERDICT.unchanged} THEN 'unchanged' ELSE 'updated' END,
       raw = CASE WHEN k.verdict = ${VERDICT.stale} THEN rejects.raw END,
       record = NULL, settled_by_file_id = ?, settled_at = ?
     FROM ${sql.stage} s LEFT JOIN ${SCRATCH.known} k ON k.seq = s._seq
     WHERE rejects.reject_id = s._seq AND s._seq NOT IN (SELECT seq FROM ${SCRATCH.orphans})`,
  );
  const refuse = db.prepare<[number, string, number]>(
    `UPDATE rejects SET state = 'rejected', code = 'constraint', column_name = NULL, reason = '${REJECT_CODES.constraint}', record = NULL,
       settled_by_file_id = ?, settled_at = ?
     WHERE reject_id = ?`,
  );
  return {
    heal: (origin) => void heal.run(origin.fileId, origin.now),
    refuse: (origin, rejectId) => refuse.run(origin.fileId, origin.now, rejectId).changes,
  };
}
