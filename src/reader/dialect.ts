import type { FeedFormat } from '../model/feed.ts';
import type { Limits } from './limits.ts';
import { lineAt } from './lines.ts';
import { readRecord, type RecordContext } from './records.ts';
import type { Syntax } from './split.ts';
import type { Dialect, Newline } from './types.ts';

/** The first lines of a file, by which its dialect is found. */
export interface Sample {
  readonly text: string;
  /** The text is the whole file. */
  readonly last: boolean;
  /** Where the table may begin: behind the lines that are left out. */
  readonly from: number;
  /** The number of the line at `from`. */
  readonly line: number;
  /** Line ends that count. */
  readonly newline: Newline;
  readonly limits: Limits;
}

/** Delimiters that are looked for, the likeliest first. Longer ones must be named. */
const DELIMITERS = ['|', ',', '\t', ';', '^', '~'] as const;

/** So many rows of the sample are read to compare dialects. */
const TRIAL_ROWS = 200;

/** The delimiters that the file may have, the likeliest first. */
export function possibleDelimiters(sample: Sample, format: FeedFormat): readonly string[] {
  if (format.delimiter !== null) return [format.delimiter];
  const present = DELIMITERS.filter((delimiter) => sample.text.includes(delimiter, sample.from));
  // One that is absent stands for a table of one column, whatever its texts hold.
  const absent = DELIMITERS.find((delimiter) => !present.includes(delimiter));
  return absent === undefined ? present : [...present, absent];
}

/** The ways in which fields may be quoted with this delimiter, the usual one first. */
export function possibleSyntaxes(sample: Sample, format: FeedFormat, delimiter: string): Syntax[] {
  const syntaxes: Syntax[] = [];
  for (const quote of format.quote === null ? (['"', "'"] as const) : [format.quote]) {
    const used = quote === '"' || format.quote !== null || sample.text.includes(quote);
    const escapes = sample.text.includes(`\\${quote}`) ? (['double', 'backslash'] as const) : (['double'] as const);
    for (const escape of format.escape === null ? escapes : [format.escape]) {
      if (used) syntaxes.push({ delimiter, quote, escape, longestQuoted: sample.limits.quotedCharacters });
    }
  }
  return syntaxes;
}

/** How a syntax does on the rows of a sample. */
export interface Trial {
  /** Rows with the right number of fields. */
  readonly good: number;
  /** Rows of those in which a field begins with the quote. */
  readonly quoted: number;
  /** Quotes are at both ends of every value of some column. */
  readonly quotedColumn: boolean;
  /** How often each line end ends a row. */
  readonly ends: Readonly<Record<'lf' | 'crlf' | 'cr', number>>;
}

/** Reads the sample's rows from `start` on with a syntax. */
export function tryRows(sample: Sample, start: number, count: number, syntax: Syntax): Trial {
  const { text, newline } = sample;
  const context = sampleContext(sample, syntax, count);
  const ends = { lf: 0, crlf: 0, cr: 0 };
  let good = 0;
  let quoted = 0;
  let rows = 0;
  for (let at = start; at < text.length && rows < TRIAL_ROWS; rows++) {
    const record = readRecord(context, at, lineAt(text, at, newline));
    if (record.kind === 'more') break;
    if (record.kind === 'record') {
      if (record.fields.length === count) {
        good++;
        const raw = text.slice(at, record.end);
        if (raw.startsWith(syntax.quote) || raw.includes(syntax.delimiter + syntax.quote)) quoted++;
      }
      countEnd(ends, text.slice(record.end, record.next));
    }
    at = record.next;
  }
  return { good, quoted, quotedColumn: hasQuotedColumn(sample, start, count, syntax), ends };
}

/** The fields of the first records from `start` on, whatever their number; `count` is what a row has. */
export function sampleRecords(sample: Sample, start: number, count: number, syntax: Syntax): string[][] {
  const context = sampleContext(sample, syntax, count);
  const records: string[][] = [];
  for (let at = start; at < sample.text.length && records.length < TRIAL_ROWS;) {
    const record = readRecord(context, at, lineAt(sample.text, at, sample.newline));
    if (record.kind === 'more') break;
    records.push(record.fields);
    at = record.next;
  }
  return records;
}

/** The context for reading records of a sample; see `readRecord`. */
export function sampleContext(sample: Sample, syntax: Syntax, count: number | null): RecordContext {
  const { text, last, newline, limits } = sample;
  return { text, last, syntax, newline, count, limits };
}

function countEnd(ends: { lf: number; crlf: number; cr: number }, end: string): void {
  if (end === '\n') ends.lf++;
  else if (end === '\r\n') ends.crlf++;
  else if (end === '\r') ends.cr++;
}

/**
 * The better of two syntaxes with one delimiter: the one that splits more rows rightly. Another quote than the usual
 * one must be in use besides, or a faulty row would decide it; where both do as well, around all of some column.
 */
export function isBetterQuoting(challenger: Quoting, usual: Quoting): boolean {
  const better = challenger.trial.good > usual.trial.good;
  if (challenger.syntax.quote === usual.syntax.quote) return better;
  if (challenger.trial.good < usual.trial.good || challenger.trial.quoted <= usual.trial.quoted) return false;
  return better || (challenger.trial.quotedColumn && !usual.trial.quotedColumn);
}

interface Quoting {
  readonly syntax: Syntax;
  readonly trial: Trial;
}

function hasQuotedColumn(sample: Sample, start: number, count: number, { delimiter, quote }: Syntax): boolean {
  const columns: { values: number; quoted: number }[] = [];
  let at = start;
  for (let rows = 0; at < sample.text.length && rows < TRIAL_ROWS; rows++) {
    const line = lineAt(sample.text, at, sample.newline);
    for (const [index, field] of sample.text.slice(at, line.end).split(delimiter, count).entries()) {
      const column = (columns[index] ??= { values: 0, quoted: 0 });
      if (field !== '') column.values++;
      if (field.length > 1 && field.startsWith(quote) && field.endsWith(quote)) column.quoted++;
    }
    at = line.next;
  }
  return columns.some(({ values, quoted }) => values > 0 && values === quoted);
}

/** The line end of most rows: in a file that has several, one of another kind inside a row may be no end at all. */
export function usualEnd({ ends }: Trial): 'lf' | 'crlf' | 'cr' {
  if (ends.crlf > ends.lf && ends.crlf >= ends.cr) return 'crlf';
  return ends.cr > ends.lf ? 'cr' : 'lf';
}

/** The dialect as it is reported: a quote only where a field of the sample begins with it. */
export function describeDialect(
  sample: Sample,
  syntax: Syntax,
  trial: Trial,
): Pick<Dialect, 'delimiter' | 'quote' | 'escape' | 'newline'> {
  const { delimiter, quote, escape } = syntax;
  const { text, from } = sample;
  const quoted =
    text.startsWith(quote, from) || [delimiter, '\n', '\r'].some((before) => text.includes(before + quote, from));
  const kinds = Object.values(trial.ends).filter((rows) => rows > 0).length;
  const newline = kinds > 1 ? 'mixed' : usualEnd(trial);
  return {
    delimiter,
    quote: quoted ? quote : null,
    escape,
    newline: sample.newline === 'mixed' ? newline : sample.newline,
  };
}
