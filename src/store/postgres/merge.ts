import type { ClientBase, QueryResult } from 'pg';
import type { Dataset } from '../../model/feed.ts';
import type { LookedUpSingly } from './lookups.ts';
import { decisiveColumns, type MergeSql } from './merge-sql.ts';
import { RowsLeftOut } from './refusal.ts';
import type { StagingTables, Verdict } from './scratch.ts';
import { inOneGo } from './session.ts';

/** The file whose commit this is; of rows that heal, it is not the file they came in. */
export interface Origin {
  readonly fileId: number;
  /** `YYYY-MM-DDThh:mm:ssZ` */
  readonly stamp: string;
  /** ISO 8601, UTC. */
  readonly now: string;
}

/** What the rows of one dataset are merged with. */
export interface Merging {
  readonly client: ClientBase;
  readonly dataset: Dataset;
  readonly stage: StagingTables;
  readonly singly: LookedUpSingly;
  readonly sql: MergeSql;
  readonly origin: Origin;
  /** How many rows were last put into `stage.merging`. */
  mergingRows: number;
}

/** For fewer rows a new file of the server's for the stage costs more than it brings, and so do statistics. */
const FEW_ROWS = 1_000;

/** How many rows there were of each verdict. */
export type Verdicts = Readonly<Record<Verdict, number>>;

/**
 * Stages rows and puts those that are to be admitted into the table. They stay staged, with their verdicts, for what follows from them.
 * To be undone where the database refuses one of them.
 * @param stageRows fills the stage, which is empty, by `stageFresh` or `stageHealing`
 */
export async function admit(merging: Merging, stageRows: () => Promise<QueryResult>): Promise<Verdicts> {
  const { client, dataset, stage, sql } = merging;
  await client.query(`${merging.mergingRows < FEW_ROWS ? 'DELETE FROM' : 'TRUNCATE'} ${stage.merging}`);
  merging.mergingRows = (await stageRows()).rowCount ?? 0;
  if (merging.mergingRows >= FEW_ROWS)
    await client.query(`ANALYZE ${stage.merging} (_verdict, ${decisiveColumns(dataset)})`);
  const verdicts = await countVerdicts(merging);
  const changed = verdicts.updated + verdicts.unchanged;
  const statements = [...(verdicts.new > 0 ? [sql.insert] : []), ...(changed > 0 ? [sql.update] : [])];
  if (statements.length > 0) {
    const results = await inOneGo(client, statements);
    const admitted = results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
    if (admitted !== verdicts.new + changed) throw new RowsLeftOut();
  }
  return verdicts;
}

async function countVerdicts({ client, sql }: Merging): Promise<Verdicts> {
  const { rows } = await client.query<{ verdict: Verdict; rows: string }>(sql.countVerdicts);
  const none: Verdicts = { new: 0, updated: 0, unchanged: 0, stale: 0, orphan: 0, unfit: 0 };
  return { ...none, ...Object.fromEntries(rows.map((row) => [row.verdict, Number(row.rows)])) };
}

/** Resolves what waits on account of the rows just admitted: supersedes older versions of them, and frees the rows that waited for them. */
export async function resolveWaiting({ client, dataset, sql, origin }: Merging): Promise<void> {
  if (sql.supersede !== null) await client.query(sql.supersede, [origin.fileId, origin.now, dataset.name]);
  await client.query(sql.free, [dataset.table]);
}
