import { rejectedRows, type CountedOutcome } from './ingest.ts';
import type { RowCounts } from './ledger.ts';

/** What files that were taken have come to. */
export interface Totals {
  files: number;
  ingested: number;
  quarantined: number;
  unchanged: number;
  /** Rows of earlier files that were admitted. */
  healed: number;
  readonly rows: Record<keyof RowCounts, number>;
  /** Rows refused for good: of these files, and of earlier ones for which they brought the parent. */
  rejectedRows: number;
}

/** Those of no file. */
export function emptyTotals(): Totals {
  const rows = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
  return { files: 0, ingested: 0, quarantined: 0, unchanged: 0, healed: 0, rows, rejectedRows: 0 };
}

/** What is to be read again, and what another daemon has taken, does not count. */
function isCounted(
  outcome: CountedOutcome,
): outcome is Exclude<CountedOutcome, { kind: 'changed' | 'given_up' | 'claimed' | 'taken' }> {
  return !['changed', 'given_up', 'claimed', 'taken'].includes(outcome.kind);
}

/** Adds what became of one file; one that is to be read again does not count. */
export function addToTotals(totals: Totals, outcome: CountedOutcome): void {
  if (!isCounted(outcome)) return;
  totals.files += 1;
  totals[outcome.kind] += 1;
  if (outcome.kind !== 'ingested') return;
  totals.healed += outcome.healed;
  totals.rejectedRows += rejectedRows(outcome);
  for (const key of ['read', 'inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting'] as const) {
    totals.rows[key] += outcome.counts[key];
  }
}
