import type { RejectCode } from '../model/codes.ts';
import type { ParsedReject } from './parse.ts';
import type { RejectSummary } from '../model/ingest.ts';

/** Line numbers kept for each reject code, for the log. */
const FIRST_LINES = 5;

/** Rejects that a quarantined file keeps (rule 7). */
const KEPT_REJECTS = 100;

/** A longer key is only in the raw text: rows, and so keys, may have 8 MiB each. */
const KEY_CHARACTERS = 1000;

/**
 * Counts what was refused of a file, by code, with the first lines of each, and where the first rejects stand. Holds little. What is
 * first is so by line, in whichever order it is told: what the database refuses is known only when its rows are merged.
 */
export interface RejectTally {
  add(code: RejectCode, line: number): void;
  addRejected(row: ParsedReject): void;
  /** Rows counted by `addRejected`. */
  rejected(): number;
  /** The first rejected rows, for the ledger of a file that is quarantined; their raw texts are still in the file. */
  firstRejected(): readonly ParsedReject[];
  /** The codes by their first lines. */
  summaries(): readonly RejectSummary[];
  /** Rows by code, in the same order. */
  counts(): Readonly<Record<string, number>>;
}

/** A tally with nothing in it. */
export function createRejectTally(): RejectTally {
  const codes = new Map<RejectCode, { rows: number; firstLines: number[] }>();
  const first: ParsedReject[] = [];
  let rejected = 0;
  const add = (code: RejectCode, line: number) => {
    let entry = codes.get(code);
    if (entry === undefined) codes.set(code, (entry = { rows: 0, firstLines: [] }));
    entry.rows++;
    keepFirst(entry.firstLines, FIRST_LINES, line, (one) => one);
  };
  const byLine = () => [...codes].toSorted(([, a], [, b]) => (a.firstLines[0] ?? 0) - (b.firstLines[0] ?? 0));
  return {
    add,
    addRejected(row) {
      add(row.code, row.line);
      rejected++;
      const key = (row.key?.length ?? 0) > KEY_CHARACTERS ? null : row.key;
      keepFirst(first, KEPT_REJECTS, { ...row, key }, (one) => one.line);
    },
    rejected: () => rejected,
    firstRejected: () => first,
    summaries: () => byLine().map(([code, entry]) => ({ code, ...entry })),
    counts: () => Object.fromEntries(byLine().map(([code, entry]) => [code, entry.rows])),
  };
}

/** Adds to the `most` that stand first by line, which are in that order. */
function keepFirst<T>(first: T[], most: number, one: T, lineOf: (one: T) => number): void {
  let at = first.length;
  for (let before = first[at - 1]; before !== undefined && lineOf(before) > lineOf(one); before = first[at - 1]) at--;
  if (at >= most) return;
  first.splice(at, 0, one);
  if (first.length > most) first.pop();
}
