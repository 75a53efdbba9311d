import { lineAt } from './lines.ts';
import { isWhole, type RecordContext } from './records.ts';
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
 * Looks whether a row whose line ends in another way than most lines of the file goes on in the lines below: an extract
 * whose rows end in CRLF may have a bare LF in a text. That is so when the lines up to the next usual line end make one
 * whole row, and are not whole rows each. Otherwise a piece of a value could be loaded as the value.
 * `more`: that cannot be told from the text there is.
 * @param line the number of the line at `start`
 */
export type FindBrokenRow = (start: number, line: number) => BrokenRow | 'more' | null;

/**
 * The lines up to a usual line end, as far as they were looked at: kept, since each of them may ask for it.
 * It goes on at `next`.
 */
interface Stretch {
  readonly start: number;
  readonly line: number;
  lines: number;
  /** Where the text of its last line ends. */
  end: number;
  next: number;
  state: 'open' | 'ended' | 'out_of_text';
  /** From here on all its lines are whole rows, or blank. */
  wholeFrom: number;
}

/** Looks for broken rows in the lines of a text, which are asked about in their order. */
export function createBrokenRowFinder(context: RecordContext, usual: keyof typeof ENDS): FindBrokenRow {
  const { text, syntax, newline, limits, last } = context;
  const count = context.count ?? 0;
  const usualEnds: readonly string[] = ENDS[usual];
  let known: Stretch | null = null;

  function begin(start: number, line: number): Stretch {
    return { start, line, lines: 0, end: start, next: start, state: 'open', wholeFrom: start };
  }

  /** Looks at one line more. */
  function extend(stretch: Stretch): void {
    const { end, next } = lineAt(text, stretch.next, newline);
    const piece = text.slice(stretch.next, end);
    if (piece.trim() !== '' && !isWhole(piece, syntax, count)) stretch.wholeFrom = next;
    stretch.lines++;
    stretch.end = end;
    stretch.next = next;
    if (usualEnds.includes(text.slice(end, next)) || (last && next === text.length)) stretch.state = 'ended';
    else if (next === text.length) stretch.state = 'out_of_text';
  }

  return (start, line) => {
    const stretch: Stretch = known !== null && start >= known.start && start < known.next ? known : begin(start, line);
    known = stretch;
    const before = line - stretch.line;
    while (stretch.state === 'open' && stretch.lines - before < limits.quotedLines) extend(stretch);
    const lines = stretch.lines - before;
    if (stretch.state === 'open') return null;
    if (stretch.state === 'out_of_text') return stretch.next - start > limits.quotedCharacters ? null : 'more';
    if (lines === 1 || stretch.wholeFrom <= start) return null;
    const { fields, problem } = splitRecord(text.slice(start, stretch.end), syntax, count);
    return problem === 'none' && fields.length === count ? { next: stretch.next, lines, fields } : null;
  };
}
