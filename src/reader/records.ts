import type { RejectCode } from '../model/codes.ts';
import { SPARE_FIELDS, type Limits } from './limits.ts';
import { countLines, lineAt, type Line } from './lines.ts';
import { findClose, splitRecord, type Syntax } from './split.ts';
import type { Newline } from './types.ts';

/** The text in which records are read, and the rules for reading them. */
export interface RecordContext {
  readonly text: string;
  /** Nothing follows the text. */
  readonly last: boolean;
  readonly syntax: Syntax;
  readonly newline: Newline;
  /** How many fields a record has; null while that is not known (a header). */
  readonly count: number | null;
  readonly limits: Limits;
}

/**
 * - `record`: well formed, though perhaps with another number of fields if it is one line.
 * - `refused`: only its first line is given up; reading goes on at `next`.
 * - `more`: whether a quoted field closes cannot be told from the text there is.
 */
export type RecordRead =
  | {
      readonly kind: 'record';
      readonly next: number;
      readonly end: number;
      readonly lines: number;
      readonly fields: string[];
    }
  | {
      readonly kind: 'refused';
      readonly next: number;
      readonly code: RejectCode;
      readonly reason: string;
      readonly fields: string[];
    }
  | { readonly kind: 'more' };

/** A record with several multi-line fields may have so many times the lines that one field may have, … */
const MULTILINE_FIELDS = 10;
/** … and so many of them: where it is given up, as many are read again from its second line on. */
const MOST_MULTILINE_FIELDS = 100;

/**
 * Reads the record whose first physical line is `text[start, first.end)`.
 *
 * A stray quote must cost its own row and no other. So a quoted field that runs over the line is taken only while
 * it closes within the limits, none of the lines in it is a whole record by itself, and the record it makes has the
 * right number of fields; otherwise the first line alone is refused.
 */
export function readRecord(context: RecordContext, start: number, first: Line): RecordRead {
  const { text, syntax, count, limits } = context;
  const most = count === null ? Infinity : count + SPARE_FIELDS;
  const fields: string[] = [];
  let line = first;
  let lines = 1;
  let from = 0;
  for (let opened = 0; ; opened++) {
    const split = splitRecord(text.slice(start, line.end), syntax, most, fields, from);
    if (split.problem === 'after') {
      return lines === 1 ? refuse('bad_quote', 'text after the closing quote of a field', first, fields) : giveUp();
    }
    if (split.problem === 'none') {
      if (lines > 1 && count !== null && fields.length !== count) return giveUp();
      return { kind: 'record', next: line.next, end: line.end, lines, fields };
    }
    if ((count !== null && fields.length > count) || opened === MOST_MULTILINE_FIELDS) return giveUp();
    const close = closingLine(context, start + split.openAt, line, fields.length - 1);
    if (close === 'more') return { kind: 'more' };
    if (close === null) return giveUp();
    lines += close.lines;
    if (lines > limits.quotedLines * MULTILINE_FIELDS) return giveUp();
    line = close.line;
    from = split.openAt;
    fields.pop();
  }

  function giveUp(): RecordRead {
    const alone = lines === 1 ? fields : splitRecord(text.slice(start, first.end), syntax, most).fields;
    return refuse('unterminated_quote', 'a quoted field does not close as part of a whole row', first, alone);
  }
}

function refuse(code: RejectCode, reason: string, first: Line, fields: string[]): RecordRead {
  return { kind: 'refused', next: first.next, code, reason, fields };
}

/** The line on which the field opened at `openAt` closes and how many lines it is further on; null: given up. */
function closingLine(
  { text, last, syntax, newline, count, limits }: RecordContext,
  openAt: number,
  openLine: Line,
  column: number,
): { line: Line; lines: number } | 'more' | null {
  const close = findClose(text, openAt + 1, syntax);
  if (close === -1) {
    const tooLong =
      text.length - openAt - 1 > syntax.longestQuoted ||
      countLines(text, openLine.next, text.length, newline) >= limits.quotedLines;
    return last || tooLong ? null : 'more';
  }
  let from = openLine.next;
  for (let lines = 1; lines < limits.quotedLines; lines++) {
    const line = lineAt(text, from, newline);
    const closes = close < line.next;
    const telling =
      count !== null && count > 1 && !(closes && !isTelling(text.slice(from, close + 1), column, syntax, count));
    if (telling && isWhole(text.slice(from, line.end), syntax, count)) return null;
    if (closes) return { line, lines };
    from = line.next;
  }
  return null;
}

/**
 * Whether the line on which a field closes could be a row by itself, in which the closing quote is only text.
 * @param head the line up to and with that quote
 */
function isTelling(head: string, column: number, syntax: Syntax, count: number): boolean {
  // Behind the first field the rest of the line has the number of fields of a row anyway.
  return column > 0 && splitRecord(head, syntax, count).problem === 'none';
}

/** Whether a line is a record of so many fields. */
export function isWhole(line: string, syntax: Syntax, count: number): boolean {
  const split = splitRecord(line, syntax, count);
  return split.problem === 'none' && split.fields.length === count;
}
