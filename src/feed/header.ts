import { composed } from '../columns/composed.ts';

/** Of a cell so many characters count: no name is as long, and a line that is no header may have cells of megabytes. */
const MOST_CHARACTERS = 1000;

/**
 * What a header cell is compared by: its letters and digits in lower case, so that `Payer Name`, `payer_name` and
 * `PAYERNAME` are one. Empty for a cell without any.
 */
export function headerKey(cell: string): string {
  return composed(cell.trim().slice(0, MOST_CHARACTERS))
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}
