import fc from 'fast-check';
import type { Encoding } from '../../src/model/feed.ts';

/** How a table is written to bytes in tests. */
export interface Writing {
  readonly delimiter: string;
  readonly quote: '"' | "'";
  readonly escape: 'double' | 'backslash';
  readonly newline: 'lf' | 'crlf' | 'cr';
  readonly encoding: Encoding;
  readonly bom: boolean;
  readonly quoteAll: boolean;
  readonly lastNewline: boolean;
}

export const NEWLINES = { lf: '\n', crlf: '\r\n', cr: '\r' } as const;

export const writings: fc.Arbitrary<Writing> = fc
  .record({
    delimiter: fc.constantFrom('|', ',', '\t', ';', '^', '~'),
    quote: fc.constantFrom('"', "'"),
    escape: fc.constantFrom('double', 'backslash'),
    newline: fc.constantFrom('lf', 'crlf', 'cr'),
    encoding: fc.constantFrom<Encoding>('utf-8', 'utf-16le', 'utf-16be', 'windows-1252'),
    bom: fc.boolean(),
    quoteAll: fc.boolean(),
    lastNewline: fc.boolean(),
  })
  // UTF-16 is known by its mark only, and Windows-1252 has none.
  .map((writing) => ({
    ...writing,
    bom: writing.encoding.startsWith('utf-16') || (writing.encoding === 'utf-8' && writing.bom),
  }));

/** One record as text: fields are quoted where they must be, or all of them. */
export function writeRecord(fields: readonly string[], writing: Writing): string {
  const { delimiter, quote, escape, quoteAll } = writing;
  const special = new RegExp(`[${quote}\\r\\n]`);
  const written = fields.map((field) => {
    if (!quoteAll && !special.test(field) && !field.includes(delimiter)) return field;
    const escaped =
      escape === 'double'
        ? field.replaceAll(quote, quote + quote)
        : field.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`);
    return quote + escaped + quote;
  });
  return written.join(delimiter);
}

/** A whole table as text. */
export function writeTable(records: readonly (readonly string[])[], writing: Writing): string {
  const newline = NEWLINES[writing.newline];
  const text = records.map((record) => writeRecord(record, writing)).join(newline);
  return writing.lastNewline ? text + newline : text;
}

/** Text as bytes in the writing's encoding. */
export function encode(text: string, { encoding, bom }: Pick<Writing, 'encoding' | 'bom'>): Buffer {
  const marked = bom ? `\ufeff${text}` : text;
  if (encoding === 'utf-8') return Buffer.from(marked, 'utf8');
  if (encoding === 'utf-16le') return Buffer.from(marked, 'utf16le');
  if (encoding === 'utf-16be') return Buffer.from(marked, 'utf16le').swap16();
  // Of Windows-1252 the tests use what it shares with Latin-1.
  return Buffer.from(marked, 'latin1');
}

/** What cells are made of, all delimiters and quotes among it. */
const LETTERS = ['a', 'B', '7', ' ', 'é', '\\', '"', "'", '|', ',', ';', '^', '~', '\t'];
const BREAKS = ['\n', '\r\n', '\r'];

/**
 * Cells of any text. One with a line break holds no delimiter: a line that is a row by itself is taken for one, on
 * purpose, so such a table is not well formed for the reader.
 */
export const cells: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom(...LETTERS), maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom('a', 'é', ' ', '"', "'", '\\', ...BREAKS), { maxLength: 6 })
      .map((parts) => parts.join('')),
  },
);

/** Records of three to six fields, of which the first is a plain key: none is blank, a header or a trailer. */
export const tables: fc.Arbitrary<string[][]> = fc
  .integer({ min: 3, max: 6 })
  .chain((count) =>
    fc
      .array(fc.array(cells, { minLength: count - 1, maxLength: count - 1 }), { maxLength: 12 })
      .map((rows) => [
        Array.from({ length: count }, (_, index) => `Column${String.fromCharCode(65 + index)}`),
        ...rows.map((row, index) => [`K${index}`, ...row]),
      ]),
  );
