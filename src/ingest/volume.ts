import type { VolumeRule } from '../model/expectation.ts';

/** So many files before it say how many rows are usual. */
export const FILES_THAT_COUNT = 10;

/** From so many on they say anything. */
const FEWEST = 5;

/**
 * Whether a file's number of rows is out of line with the rule of its dataset.
 * @param before the rows of the files before it, at most the last ten
 * @returns null: it is not; else in words: `19 rows; the last 10 files had 60 to 70`
 */
export function volumeProblem(rule: VolumeRule, rows: number, before: readonly number[]): string | null {
  if (rule.min !== null && rows < rule.min) return `${rows} rows; at least ${rule.min} are expected`;
  if (rule.change === null || before.length < FEWEST) return null;
  const sorted = before.toSorted((a, b) => a - b);
  const usual = median(sorted);
  if (Math.abs(rows - usual) <= usual * rule.change) return null;
  const range = `${sorted[0] ?? 0} to ${sorted.at(-1) ?? 0}`;
  return `${rows} rows; the last ${before.length} files had ${range} (median ${usual})`;
}

/** Of numbers in ascending order, at least one. */
function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const [lower = 0, upper = lower] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return (lower + upper) / 2;
}
