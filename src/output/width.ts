import type { Output } from '../system/io.ts';

/** Letters and signs that take two columns of a terminal (https://www.unicode.org/reports/tr11/), roughly: by their scripts. */
const WIDE = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Extended_Pictographic}\u{3000}-\u{303f}\u{ff01}-\u{ff60}]/u; // prettier-ignore
/** Marks on the letter before them, and joiners: they take none. */
const NO_WIDTH = /[\p{M}\u200b-\u200d]/u;
const NOT_ASCII = /[^\x20-\x7e]/;

/** How many columns of a terminal a printable text takes. */
export function widthOf(text: string): number {
  if (!NOT_ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

function columnsOf(character: string): number {
  if (!NOT_ASCII.test(character)) return 1;
  return NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** A printable text in lines of so many columns at most, broken at spaces; a word is broken only where it is longer than a line. */
export function* wrap(text: string, columns: number): Generator<string, void> {
  let from = 0;
  while (from < text.length) {
    const end = lineEnd(text, from, columns);
    const space = end === text.length || text[end] === ' ' ? -1 : text.slice(from, end).lastIndexOf(' ');
    const to = space > 0 ? from + space : end;
    yield text.slice(from, to).trimEnd();
    from = to;
    while (text[from] === ' ') from++;
  }
}

/** Where a line of so many columns ends that begins at `from`: one character on at least. */
function lineEnd(text: string, from: number, columns: number): number {
  let width = 0;
  let end = from;
  while (end < text.length) {
    const character = String.fromCodePoint(text.codePointAt(end) ?? 0);
    width += columnsOf(character);
    if (width > columns && end > from) break;
    end += character.length;
  }
  return end;
}

/** Prose has this room at least beside what it hangs on. */
const NARROWEST = 20;

/** A printable text behind a head, in lines of so many columns; those after the first stand under the text's beginning. */
export function hang(head: string, text: string, columns: number): string {
  const indent = widthOf(head);
  return head + [...wrap(text, Math.max(columns - indent, NARROWEST))].join(`\n${' '.repeat(indent)}`);
}

/**
 * A printable line as it is written to an output: on a terminal in as many as it needs, broken at spaces; what goes on of a line that is indented
 * stands deeper than it. Elsewhere one.
 */
export function fitted({ isTTY, columns }: Pick<Output, 'isTTY' | 'columns'>, line: string): string {
  if (!isTTY) return line;
  const indent = /^ */.exec(line)?.[0] ?? '';
  const below = indent === '' ? '' : indent + indent;
  return indent + [...wrap(line.slice(indent.length), columns - below.length)].join(`\n${below}`);
}
