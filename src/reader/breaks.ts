import { lineAt } from './lines.ts';
import type { RecordContext } from './records.ts';
import { splitRecord } from './split.ts';

/** The line ends that end a row where most rows end so. */
const ENDS = { lf: ['\n', '\r\n'], crlf: ['\r\n'], cr: ['\r'] } as const;

/** A row that has line breaks outside quotes. */
export interface BrokenRow {
  readonly next: number;
  readonly lines: number;
  readonly fields: readonly string[];
}

/**
 * Looks whether the row at `start`, whose line ends in another way than most lines of the file, goes on in the lines
 * below: an extract whose rows end in CRLF may have a bare LF in a text. That is so when the lines up to the next
 * usual line end make one whole row, and are not whole rows each. Otherwise a piece of a value could be loaded as
 * the value.
 */
export function findBrokenRow(
  context: RecordContext,
  start: number,
  usual: keyof typeof ENDS,
): BrokenRow | 'more' | null {
  const { text, syntax, count, newline, limits, last } = context;
  let at = start;
  let allWhole = true;
  for (let lines = 1; lines <= limits.quotedLines; lines++) {
    const line = lineAt(text, at, newline);
    const piece = text.slice(at, line.end);
    allWhole &&= piece.trim() === '' || isWhole(piece);
    const end = text.slice(line.end, line.next);
    const ends = ENDS[usual].some((usualEnd) => usualEnd === end);
    if (ends || line.next === text.length) {
      if (!ends && !last) return line.next - start > limits.quotedCharacters ? null : 'more';
      if (allWhole) return null;
      const { fields, fault } = splitRecord(text.slice(start, line.end), syntax);
      return lines > 1 && fault === 'none' && fields.length === count ? { next: line.next, lines, fields } : null;
    }
    at = line.next;
  }
  return null;

  function isWhole(piece: string): boolean {
    const split = splitRecord(piece, syntax);
    return split.fault === 'none' && split.fields.length === count;
  }
}
