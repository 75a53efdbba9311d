import type { IngestOutcome } from './ingest.ts';

/** How many rows a file's commit refused for good: its own, and earlier ones for which it brought the parent. */
export function rejectedRows(outcome: IngestOutcome): number {
  return outcome.kind === 'ingested' ? outcome.counts.rejected + outcome.refusedWaiting : 0;
}

/** Whether a file, or a row with it, was refused: the commands then end with 3. */
export function isRefused(outcome: IngestOutcome): boolean {
  return outcome.kind === 'quarantined' || rejectedRows(outcome) > 0;
}
