import { isBlank } from './split.ts';
import type { HeaderWatch } from './layout.ts';
import { lineAt } from './lines.ts';
import { readRecord, type RecordContext } from './records.ts';
import { readTrailer } from './trailer.ts';

/** More trailers below each other than this are rows. */
const MOST_TRAILERS = 5;
/** Behind so many blank characters nothing is looked for. */
const MOST_BLANK = 64 * 1024;

/**
 * Whether the table ends before a place in the text, as it does below a trailer: nothing follows but blank lines and a few trailers,
 * or a header is next (files put together).
 * @param at where a line begins
 * @param startLine its number
 * @returns null where that cannot be told from the text there is
 */
export function endsBefore(
  context: RecordContext,
  headers: HeaderWatch,
  at: number,
  startLine: number,
): boolean | null {
  const { text, last, newline } = context;
  let trailers = 0;
  let from = at;
  let line = startLine;
  while (from < text.length && from - at < MOST_BLANK) {
    const first = lineAt(text, from, newline);
    const read = readRecord(context, from, first);
    if (read.kind === 'more') return null;
    if (read.kind === 'refused') return false;
    const { fields, next, lines } = read;
    // It may go on behind the text.
    if (next === text.length && !last) return null;
    if (!isBlank(fields)) {
      if (headers.read(fields, line) !== null) return true;
      if (readTrailer(fields, fields.length === context.count) === null || trailers === MOST_TRAILERS) return false;
      trailers++;
    }
    from = next;
    line += lines;
  }
  return last || from < text.length ? true : null;
}

/**
 * Whether the first line at a place in the text that is not blank is a row of so many fields.
 * @param at where a line begins
 * @returns null where that cannot be told from the text there is
 */
export function isRowBelow(context: RecordContext, at: number, count: number): boolean | null {
  const { text, last, newline } = context;
  for (let from = at; from < text.length && from - at < MOST_BLANK;) {
    const read = readRecord({ ...context, count }, from, lineAt(text, from, newline));
    if (read.kind === 'more' || (read.next === text.length && !last)) return null;
    if (!isBlank(read.fields)) return read.kind === 'record' && read.fields.length === count;
    from = read.next;
  }
  return last || text.length - at >= MOST_BLANK ? false : null;
}
