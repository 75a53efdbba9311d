import pg from 'pg';
import type { ClientBase } from 'pg';
import { type CheckFile, feedChecks } from '../../feed/sql-files.ts';
import { type CheckResult, failedWith, FIRST_FINDINGS, interruptedAfter } from '../../model/check.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { checksOn, INCOMING } from '../check-sql.ts';
import { quoteName } from '../sql-names.ts';
import type { StagingTables } from './scratch.ts';
import type { Session } from './session.ts';

/** The checks of a feed, and what cancels one. */
export interface Checking extends Pick<Stopping, 'cancel'> {
  readonly checks: readonly CheckFile[];
}

/**
 * The checks of a feed.
 * @param beside by which what checks do is cancelled; null: a rehearsal, which has one connection
 */
export function checkingOn(feed: Feed, beside: Session | null): Checking {
  const cancel = (session: Session) => (pid: number) =>
    session.note('cancel check', [['SELECT pg_cancel_backend($1)', [pid]]]);
  return { checks: feedChecks(feed, 'postgres'), cancel: beside === null ? null : cancel(beside) };
}

/** SQL that shows a dataset's staged rows to its checks, and hides all else from them that is not named with its schema. */
export function showIncoming(dataset: Dataset, stage: Pick<StagingTables, 'incoming'>): string {
  const columns = dataset.columns.map(({ name }) => quoteName(name)).join(', ');
  return `CREATE TEMPORARY VIEW ${INCOMING.table} AS SELECT _seq AS ${INCOMING.line}, ${columns} FROM ${stage.incoming};
    SET LOCAL search_path TO pg_temp`;
}

/** Runs checks on the staged rows of a file, inside the transaction that is open; all that they do is undone. */
export async function checkIncoming(
  client: ClientBase,
  dataset: Dataset,
  stage: StagingTables,
  checks: readonly CheckFile[],
  stopping: Stopping,
): Promise<readonly CheckResult[]> {
  if (checks.length === 0) return [];
  await client.query(`ANALYZE ${stage.incoming}`);
  return await undone(client, async () => {
    await client.query(showIncoming(dataset, stage));
    return await runAll(client, checks, stopping);
  });
}

/** As `Store.checkTables`. */
export async function checkTables(
  session: Session,
  { checks, cancel }: Checking,
  dataset: Dataset,
  stop: AbortSignal,
): Promise<readonly CheckResult[]> {
  const own = checksOn(checks, dataset, 'tables');
  if (own.length === 0) return [];
  return await session.transaction('check tables', 'snapshot', (client) => runAll(client, own, { stop, cancel }));
}

/** How checks are told to stop. */
export interface Stopping {
  readonly stop: AbortSignal;
  /** Cancels what a process of the server does, by another connection; null: there is none. */
  readonly cancel: ((pid: number) => Promise<unknown>) | null;
}

/** Runs checks, one after the other, inside the transaction that is open. */
async function runAll(
  client: ClientBase,
  checks: readonly CheckFile[],
  { stop, cancel }: Stopping,
): Promise<readonly CheckResult[]> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid ?? 0;
  // What cannot be cancelled ends by its time limit.
  const interrupt = (): void => void cancel?.(pid).catch(() => undefined);
  stop.addEventListener('abort', interrupt);
  const results: CheckResult[] = [];
  try {
    for (const file of checks) {
      if (stop.aborted) break;
      results.push(await run(client, file, stop));
    }
  } finally {
    stop.removeEventListener('abort', interrupt);
  }
  return results;
}

async function run(client: ClientBase, { check, sql }: CheckFile, stop: AbortSignal): Promise<CheckResult> {
  const begun = performance.now();
  try {
    return await undone(client, async () => {
      await client.query(`SET LOCAL transaction_read_only TO on; SET LOCAL statement_timeout TO ${check.timeLimitMs}`);
      await client.query({ text: declare(sql), ...ONE_STATEMENT });
      const first = await client.query<Record<string, unknown>>(`FETCH ${FIRST_FINDINGS} FROM findings`);
      const lines = first.rows.flatMap((row) => Number(row[INCOMING.line] ?? NaN)).filter(Number.isSafeInteger);
      const found = first.rows.length;
      const left = Math.max(1, Math.ceil(check.timeLimitMs - (performance.now() - begun)));
      await client.query(`SET LOCAL statement_timeout TO ${left}`);
      const more = found < FIRST_FINDINGS ? null : await client.query('MOVE FORWARD ALL IN findings');
      return { kind: 'ended', check, rows: found + (more?.rowCount ?? 0), lines };
    });
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
    const isOurs = stop.aborted || performance.now() - begun >= check.timeLimitMs - 1;
    if (code === '57014' && isOurs) return { kind: 'failed', check, problem: interruptedAfter(check) };
    // The code alone: a message may hold a value.
    if (OF_THE_QUERY.test(code)) return { kind: 'failed', check, problem: failedWith(code) };
    throw error;
  }
}

/**
 * What the query itself brings about: a division by zero, a table that is gone, more room for sorting than the server has. What ails
 * the connection or the server is told by what is done next.
 */
const OF_THE_QUERY = /^(?:0A|2[1256]|3[489]|42|44|53[124]|54|HY|P0)/;

/** By the extended protocol, which refuses a text of several statements; the types of `pg` do not know it. */
export const ONE_STATEMENT = { queryMode: 'extended' };

/** A query as a cursor, which only one that reads can be. It begins in the second line. */
export function declare(sql: string): string {
  return `DECLARE findings NO SCROLL CURSOR FOR\n${sql}`;
}

/** Runs `work` in the transaction that is open, and undoes it. */
export async function undone<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('SAVEPOINT checking');
  try {
    return await work();
  } finally {
    // Where the connection is gone, so is the transaction; what ended it says more.
    await client.query('ROLLBACK TO SAVEPOINT checking; RELEASE SAVEPOINT checking').catch(() => undefined);
  }
}
