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

/** Quotes are doubled in pieces of so many characters: a field of millions of them would take a hundred times its size at once. */
const PIECE = 64 * 1024;

function quoted(field: string): string {
  if (!/[",\r\n]/.test(field)) return field;
  let text = '"';
  for (let from = 0; from < field.length; from += PIECE) {
    text += field.slice(from, from + PIECE).replaceAll('"', '""');
  }
  return `${text}"`;
}
