import type { AcceptableCode } from '../model/codes.ts';
import type { CheckResult } from '../model/check.ts';
import type { Dataset } from '../model/feed.ts';
import { FileRefused } from '../model/errors.ts';
import { joinWarnings, linesText, type Warnings } from '../model/warnings.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import type { Store } from '../store/store.ts';

/** While checks run, the file is said to be in hand so often, in ms: who hears nothing takes the process for hung. */
const SIGN_MS = 5_000;

/** Waits for checks, and says meanwhile that they are run. */
export async function whileChecking<T>(work: Promise<T>, sign: () => void): Promise<T> {
  sign();
  const timer = setInterval(sign, SIGN_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** What decides whether a file is held that a check would hold. */
export interface Grounds {
  /** Whether someone has accepted the content in spite of this. */
  readonly isAccepted: (code: AcceptableCode) => Promise<boolean>;
  /** What is in the archive was let in: the database that a decision stands in may be lost. */
  readonly isKept: boolean;
}

/**
 * Holds a file for what the checks on its rows have found, unless someone has accepted it, or warns of it. One that could not be run
 * to its end holds it as well: nobody knows what it would have found.
 * @returns the warnings
 * @throws FileRefused
 */
export async function judgeChecks(results: readonly CheckResult[], grounds: Grounds): Promise<Warnings> {
  const doubtful = results.filter(isDoubtful);
  let told = doubtful;
  for (const code of ['check', 'check_failed'] as const) {
    const holding = doubtful.filter((result) => result.check.severity === 'quarantine' && codeOf(result) === code);
    if (holding.length === 0) continue;
    if (await grounds.isAccepted(code)) told = told.filter((result) => !holding.includes(result));
    else if (!grounds.isKept) throw new FileRefused(code, holding.map(resultText).join('; '));
  }
  return warningsOf(told);
}

/** Whether a dataset has checks on the tables. */
export function hasTableChecks({ checks }: Dataset): boolean {
  return checks.some(({ on }) => on === 'tables');
}

/** What a file is warned of until the checks on the tables have been run. */
export const CHECKS_DUE: Warnings = { check_due: { count: 1, lines: [], note: 'the checks on the tables' } };

/**
 * Runs the checks on the tables that are due for a file, and keeps what they have found with its warnings. Where they are stopped, or
 * the database fails, they stay due: the file is in.
 * @param warnings of the file, but for what is due
 * @returns its warnings now
 */
export async function checkTables(
  store: Store,
  file: { readonly fileId: number; readonly dataset: Dataset; readonly warnings: Warnings },
  stop: AbortSignal,
): Promise<Warnings> {
  const { fileId, dataset, warnings } = file;
  try {
    const results = await store.checkTables(dataset, stop);
    if (stop.aborted) return warnings;
    const joined = joinWarnings(warnings, warningsOf(results.filter(isDoubtful)));
    await store.setWarnings(fileId, joined);
    return joined;
  } catch (error) {
    if (error instanceof DatabaseFault && !error.isFinal) return warnings;
    throw error;
  }
}

/** Runs the checks on the tables that a process before has not come to. */
export async function runDueChecks(store: Store, stop: AbortSignal): Promise<void> {
  if (!store.feed.datasets.some(hasTableChecks)) return;
  for (const { fileId, dataset: name, warnings } of await store.filesWarnedOf('check_due')) {
    const dataset = store.feed.datasets.find((one) => one.name === name);
    const others = Object.fromEntries(Object.entries(warnings).filter(([code]) => code !== 'check_due'));
    if (dataset !== undefined) await checkTables(store, { fileId, dataset, warnings: others }, stop);
  }
}

/** Whether a check has found something, or could not be run to its end. */
export function isDoubtful(result: CheckResult): boolean {
  return result.kind === 'failed' || result.rows > 0;
}

function codeOf({ kind }: CheckResult): 'check' | 'check_failed' {
  return kind === 'failed' ? 'check_failed' : 'check';
}

function warningsOf(results: readonly CheckResult[]): Warnings {
  return results
    .map((result): Warnings => {
      const found = result.kind === 'failed' ? { count: 1, lines: [] } : { count: result.rows, lines: result.lines };
      return { [codeOf(result)]: { ...found, note: resultText(result) } };
    })
    .reduce(joinWarnings, {});
}

/** What came of a check, in words: `late_bills: 3 rows, lines 4, 7, 9`. */
export function resultText(result: CheckResult): string {
  const { name } = result.check;
  if (result.kind === 'failed') return `${name}: ${result.problem}`;
  const { rows: count, lines } = result;
  return `${name}: ${lines.length === 0 ? `${count} ${count === 1 ? 'row' : 'rows'}` : linesText({ count, lines })}`;
}
