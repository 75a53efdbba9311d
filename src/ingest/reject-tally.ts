import type { RejectCode } from '../codes.ts';
import type { RejectedRow } from '../store/rejects.ts';
import type { RejectSummary } from './types.ts';

/** Line numbers kept for each reject code, for the log. */
const FIRST_LINES = 5;

/** Rejects that a quarantined file keeps (rule 7). */
const KEPT_REJECTS = 100;

/** Counts what was refused of a file, by code, with the first lines of each and the first rejects whole. */
export interface RejectTally {
  add(code: RejectCode, line: number): void;
  addRejected(row: RejectedRow): void;
  /** Rows counted by `addRejected`. */
  rejected(): number;
  /** The first rejected rows, for the ledger of a file that is quarantined. */
  firstRejected(): readonly RejectedRow[];
  summaries(): readonly RejectSummary[];
  /** Rows by code. */
  counts(): Readonly<Record<string, number>>;
}

/** A tally with nothing in it. */
export function createRejectTally(): RejectTally {
  const codes = new Map<RejectCode, { rows: number; firstLines: number[] }>();
  const first: RejectedRow[] = [];
  let rejected = 0;
  const add = (code: RejectCode, line: number) => {
    let entry = codes.get(code);
    if (entry === undefined) codes.set(code, (entry = { rows: 0, firstLines: [] }));
    entry.rows++;
    if (entry.firstLines.length < FIRST_LINES) entry.firstLines.push(line);
  };
  return {
    add,
    addRejected(row) {
      add(row.code, row.line);
      rejected++;
      if (first.length < KEPT_REJECTS) first.push(row);
    },
    rejected: () => rejected,
    firstRejected: () => first,
    summaries: () => [...codes].map(([code, entry]) => ({ code, ...entry })),
    counts: () => Object.fromEntries([...codes].map(([code, entry]) => [code, entry.rows])),
  };
}
