import type { Warnings } from '../model/warnings.ts';
import type { LastRow } from './parse.ts';

/**
 * Warns of a file that may have been cut off in the last field of its last row, which then is a whole row all the same.
 * @param othersEnd whether a line end follows the last row in most of the dataset's files
 */
export async function warnOfCut(lastRow: LastRow | null, othersEnd: () => Promise<boolean>): Promise<Warnings> {
  // A row that is refused as cut off tells it by itself.
  if (lastRow === null || lastRow.ended || lastRow.refused === 'cut_off' || !(await othersEnd())) return {};
  return { cut_off: { count: 1, lines: [lastRow.line] } };
}
