import { rejectedRows } from '../model/ingest.ts';
import type { IngestOutcome } from '../model/ingest.ts';

/** What a run has come to. */
export interface RunTotals {
  files: number;
  rows: number;
  /** In what a drain gives as its totals: with the names that are held or are no regular file. */
  quarantined: number;
  rejectedRows: number;
  /** Files that cannot be read just now. */
  unreadable: number;
  /** Empty files and uploads under way that are not old enough to be reported. */
  coming: number;
}

/** Those of a run that has taken nothing yet. */
export function emptyTotals(): RunTotals {
  return { files: 0, rows: 0, quarantined: 0, rejectedRows: 0, unreadable: 0, coming: 0 };
}

/** Adds what became of one file. */
export function addToTotals(totals: RunTotals, outcome: IngestOutcome): void {
  totals.files += 1;
  if (outcome.kind === 'quarantined') totals.quarantined += 1;
  if (outcome.kind !== 'ingested') return;
  totals.rows += outcome.counts.read;
  totals.rejectedRows += rejectedRows(outcome);
}
