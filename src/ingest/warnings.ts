import type { WarningCode } from '../codes.ts';
import type { LastRow } from './parse.ts';

/** What is doubtful about a file: for each code how often, and the first lines. Kept as JSON in `files.warnings`. */
export type Warnings = Readonly<Partial<Record<WarningCode, Warning>>>;

export interface Warning {
  readonly count: number;
  /** The first few. */
  readonly lines: readonly number[];
}

/**
 * Warns of a file that may have been cut off in the last field of its last row, which then is a whole row all the same.
 * @param othersEnd whether a line end follows the last row in most of the dataset's files
 */
export function warnOfCut(lastRow: LastRow | null, othersEnd: () => boolean): Warnings {
  // A row that is refused as cut off tells it by itself.
  if (lastRow === null || lastRow.ended || lastRow.refused === 'cut_off' || !othersEnd()) return {};
  return { cut_off: { count: 1, lines: [lastRow.line] } };
}

/** The warnings as a list. */
export function listWarnings(warnings: Warnings): readonly (Warning & { readonly code: WarningCode })[] {
  return Object.entries(warnings).map(([code, warning]) => ({ code: code as WarningCode, ...warning }));
}
