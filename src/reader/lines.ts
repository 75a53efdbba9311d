import type { Newline } from './types.ts';

/** A physical line: `[start, end)` is its text, `next` where the following line begins. */
export interface Line {
  readonly end: number;
  readonly next: number;
}

/** What ends a line. `mixed` takes all three; a carriage return and line feed together are one end. */
const ENDS: Record<Newline, RegExp> = {
  lf: /\n/g,
  crlf: /\r\n/g,
  cr: /\r/g,
  mixed: /\r\n|\n|\r/g,
};

/** The physical line that begins at `from`. The last line of a text may lack its end. */
export function lineAt(text: string, from: number, newline: Newline): Line {
  const pattern = ENDS[newline];
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  if (match === null) return { end: text.length, next: text.length };
  return { end: match.index, next: match.index + match[0].length };
}

/** How many lines `text[start, end)` holds; a last one without its end counts. */
export function countLines(text: string, start: number, end: number, newline: Newline): number {
  const pattern = ENDS[newline];
  let lines = 0;
  let at = start;
  while (at < end) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    lines++;
    if (match === null) break;
    at = match.index + match[0].length;
  }
  return lines;
}
