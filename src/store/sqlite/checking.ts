import { type CheckFile, feedChecks } from '../../feed/sql-files.ts';
import type { CheckResult } from '../../model/check.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { checksOn, requireSound } from '../check-sql.ts';
import type { OpenIncoming } from '../incoming.ts';
import { problemOnIncoming } from './check-queries.ts';
import { type CheckProcess, createCheckProcess } from './check-process.ts';

/** The checks of a feed, and what runs them. */
export interface Checking {
  readonly process: CheckProcess;
  readonly checks: readonly CheckFile[];
}

/** What the checks of one file see of it. */
export type IncomingRows = Omit<OpenIncoming, 'close'>;

const UNCHECKED: IncomingRows = { add: () => Promise.resolve(), check: () => Promise.resolve([]) };

/** Begins a file. Of a dataset without checks on its rows nothing is done. */
export function beginIncoming(checking: Checking, dataset: Dataset): IncomingRows {
  const checks = checksOn(checking.checks, dataset, 'incoming');
  if (checks.length === 0) return UNCHECKED;
  checking.process.begin(dataset);
  return {
    async add(sets) {
      for (const { count, rows } of sets) if (count > 0) await checking.process.add(rows);
    },
    check: (stop) => runAll(checking, checks, null, stop),
  };
}

/** As `openIncoming` of the door. */
export function openSqliteIncoming(feed: Feed, dataset: Dataset): OpenIncoming {
  const checking = { process: createCheckProcess(), checks: feedChecks(feed, 'sqlite') };
  requireSound(checksOn(checking.checks, dataset, 'incoming').flatMap(problemOnIncoming));
  return { ...beginIncoming(checking, dataset), close: () => checking.process.close() };
}

/** As `Store.checkTables`: in another process, which sees what is committed. */
export function checkTables(
  checking: Checking,
  file: string,
  dataset: Dataset,
  stop: AbortSignal,
): Promise<readonly CheckResult[]> {
  return runAll(checking, checksOn(checking.checks, dataset, 'tables'), file, stop);
}

async function runAll(
  { process }: Checking,
  checks: readonly CheckFile[],
  database: string | null,
  stop: AbortSignal,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) results.push(await process.run(check, database, stop));
  return results;
}
