import { numberText } from './number-text.ts';

/** One line of CSV (RFC 4180): commas, doubled quotes, a line end of CRLF. */
export function csvLine(fields: readonly string[]): string {
  // A line of nothing would be no row at all.
  if (fields.length === 1 && fields[0] === '') return '""\r\n';
  return `${fields.map(quoted).join(',')}\r\n`;
}

/** A list as CSV, line by line: the fields' names, then an item a line; NULL is empty. */
export async function* csvText(
  fields: readonly string[],
  items: AsyncIterable<Readonly<Record<string, string | number | null>>>,
): AsyncGenerator<string, void> {
  yield csvLine(fields);
  for await (const item of items) yield csvLine(fields.map((field) => textOf(item[field] ?? '')));
}

function textOf(value: string | number): string {
  return typeof value === 'string' ? value : numberText(value);
}

/**
 * Quotes are doubled in pieces of so many characters, by `split`: `replaceAll` takes 40 bytes for each match of the whole text, and five
 * times as long.
 */
const PIECE = 4 * 1024;

function quoted(field: string): string {
  if (!/[",\r\n]/.test(field)) return field;
  const pieces = Array.from({ length: Math.ceil(field.length / PIECE) }, (_, at) =>
    field
      .slice(at * PIECE, (at + 1) * PIECE)
      .split('"')
      .join('""'),
  );
  return `"${pieces.join('')}"`;
}
