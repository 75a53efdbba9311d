import type { ClientBase } from 'pg';
import { REJECT_CODES } from '../../model/codes.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';
import type { Healed } from '../store.ts';
import { literal } from './literal.ts';
import { AS_PLANNED } from './lookups.ts';
import { mergeSql } from './merge-sql.ts';
import { type Merging, type Origin, type Verdicts, admit, resolveWaiting } from './merge.ts';
import { type Range, halveRefused } from './savepoint.ts';
import { SCRATCH, stagingTables, storageType } from './scratch.ts';
import { waitingRows, waitsForNothing } from './waiting.ts';

/** Rows healed at a time: the transaction may be given up between two. */
const CHUNK_ROWS = 20_000;

/**
 * Admits the waiting rows that have nothing left to wait for, starting from those that this commit freed (rule 6), and then those that
 * waited for these in turn: parents' datasets come before their children's.
 * @param dataset that of the file in hand
 * @param onChunk called between chunks
 */
export async function healAll(
  client: ClientBase,
  feed: Feed,
  dataset: Dataset,
  origin: Origin,
  onChunk: () => Promise<void>,
): Promise<Healed> {
  const sum = { healed: 0, refused: 0 };
  for (const child of feed.datasets.slice(feed.datasets.indexOf(dataset) + 1)) {
    if (!(await anyFreed(client, child))) continue;
    const { healed, refused } = await healDataset(client, feed, child, origin, onChunk);
    sum.healed += healed;
    sum.refused += refused;
  }
  return sum;
}

async function anyFreed(client: ClientBase, dataset: Dataset): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT 1 FROM ${SCRATCH.freed} JOIN rejects r USING (reject_id) WHERE r.dataset = $1 AND r.state = 'waiting' LIMIT 1`,
    [dataset.name],
  );
  return rowCount === 1;
}

async function healDataset(
  client: ClientBase,
  feed: Feed,
  dataset: Dataset,
  origin: Origin,
  onChunk: () => Promise<void>,
): Promise<Healed> {
  const stage = stagingTables(feed, dataset);
  await client.query(`${stage.createIncoming}; ${stage.createMerging}`);
  const sql = mergeSql(feed, dataset, stage, AS_PLANNED);
  const merging: Merging = { client, dataset, stage, singly: AS_PLANNED, sql, origin, mergingRows: 0 };
  const waiting = waitingRows(feed, dataset, stage, AS_PLANNED);
  let healed = 0;
  let refused: number[] = [];

  const admitRange = ({ from, to }: Range) => admit(merging, () => client.query(sql.stageHealing, [from, to]));
  const accept = async (verdicts: Verdicts): Promise<void> => {
    await resolveWaiting(merging);
    if (verdicts.orphan > 0) await waiting.keepOn(client);
    await resolveHealed(merging);
    healed += verdicts.new + verdicts.updated + verdicts.unchanged;
  };
  const refuse = async (rejectId: number): Promise<void> => {
    await refuseWaiting(merging, rejectId);
    refused.push(rejectId);
  };
  await stageReady(merging, FREED);
  let refusedInAll = 0;
  for (;;) {
    for await (const range of chunks(merging)) {
      await halveRefused(client, range, admitRange, accept, refuse);
      await onChunk();
    }
    if (refused.length === 0) return { healed, refused: refusedInAll };
    refusedInAll += refused.length;
    // Where the newest version of a key was refused, the next one of that key has its turn.
    await client.query(`TRUNCATE ${stage.incoming}`);
    await stageReady(merging, NEXT_OF_REFUSED, [refused]);
    refused = [];
  }
}

/** SQL for the rows that this commit freed. */
const FREED = `SELECT reject_id FROM ${SCRATCH.freed}`;

/** SQL for the rows that wait with the key of a row that was just refused. $2: which rejects these are. */
const NEXT_OF_REFUSED = `SELECT w.reject_id FROM rejects refused JOIN rejects w USING (dataset, row_key)
  WHERE refused.reject_id = ANY ($2::bigint[]) AND w.state = 'waiting'`;

/**
 * Stages the rows that are to heal: of the versions of a key that have nothing left to wait for, the newest (rule 4).
 * @param candidates SQL for the rejects to choose from
 */
async function stageReady(
  { client, dataset, stage }: Merging,
  candidates: string,
  parameters: readonly unknown[] = [],
): Promise<void> {
  const names = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const values = dataset.columns
    .map((column) => `(r.record ->> ${literal(column.name)})::${storageType(column)}`)
    .join(', ');
  await client.query(
    `INSERT INTO ${stage.incoming} (_seq, ${names})
     SELECT DISTINCT ON (r.row_key) r.reject_id, ${values}
     FROM rejects r JOIN files f ON f.file_id = r.file_id
     WHERE r.reject_id IN (${candidates}) AND r.dataset = $1 AND r.state = 'waiting' AND ${waitsForNothing('r', dataset)}
     ORDER BY r.row_key, f.stamp DESC, f.name DESC, f.revision DESC, r.line DESC`,
    [dataset.name, ...parameters],
  );
}

/** The staged rejects, a chunk at a time. */
async function* chunks({ client, stage }: Merging): AsyncIterable<Range> {
  const endOfChunk = `SELECT max(_seq) AS last
    FROM (SELECT _seq FROM ${stage.incoming} WHERE _seq > $1 ORDER BY _seq LIMIT ${CHUNK_ROWS}) chunk`;
  for (let from = 0; ;) {
    const { rows } = await client.query<{ last: string | null }>(endOfChunk, [from]);
    const last = rows[0]?.last ?? null;
    if (last === null) return;
    const to = Number(last);
    yield { from, to };
    from = to;
  }
}

/** Resolves the rejects of the rows just merged. */
async function resolveHealed({ client, stage, origin }: Merging): Promise<void> {
  await client.query(
    `UPDATE rejects r SET
       state = CASE s._verdict WHEN 'stale' THEN 'superseded' ELSE 'healed' END,
       healed_as = CASE s._verdict WHEN 'stale' THEN NULL WHEN 'new' THEN 'inserted' ELSE s._verdict END,
       raw = CASE s._verdict WHEN 'stale' THEN r.raw END,
       record = NULL, settled_by_file_id = $1, settled_at = $2
     FROM ${stage.merging} s WHERE r.reject_id = s._seq AND s._verdict <> 'orphan'`,
    [origin.fileId, origin.now],
  );
}

/** A row that a constraint refused when its parent came waits no more. */
async function refuseWaiting({ client, origin }: Merging, rejectId: number): Promise<void> {
  await client.query(
    `UPDATE rejects SET state = 'rejected', code = 'constraint', column_name = NULL, reason = $4, record = NULL,
       settled_by_file_id = $1, settled_at = $2
     WHERE reject_id = $3`,
    [origin.fileId, origin.now, rejectId, REJECT_CODES.constraint],
  );
}
