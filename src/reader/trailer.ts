import { FileRefused } from '../model/errors.ts';
import { headerKey } from '../feed/header.ts';

/** What a line at the end of a table says: the whole numbers in it, of which one may be the count of rows. */
export interface Trailer {
  readonly numbers: readonly number[];
}

/** First words of a trailer that are hardly ever anything else: the line may even have a row's number of fields. */
const TRAILER_WORDS: ReadonlySet<string> = new Set(['trailer', 'trl', 'tlr', 'footer', 'ftr', 'eof', 'endoffile']);

/** What those begin with, in small letters. */
export const TRAILER_INITIALS = [...new Set([...TRAILER_WORDS].map((word) => word.charAt(0)))].join('');

/** First words of a trailer that has another number of fields than a row. */
const LOOSER_WORDS: ReadonlySet<string> = new Set([
  ...TRAILER_WORDS,
  ...['end', 'endofdata', 'endofextract', 'endofreport', 'endoflist'],
  ...['count', 'rows', 'records', 'rowcount', 'recordcount', 'totalrows', 'totalrecords', 'totalcount'],
  ...['numberofrows', 'numberofrecords', 'noofrows', 'noofrecords'],
]);

/** What a trailer may begin with: the initial of a word, a count, or what is no letter. */
const MAY_BEGIN = new RegExp(
  `^(?:[${[...new Set([...LOOSER_WORDS].map((word) => word.charAt(0)))].join('')}]|[^a-z])`,
  'i',
);

/** `(1234 rows affected)`, `1234 rows selected.` and the like, as SQL tools write them. */
const TOOL_FOOTER = /^\(?(\d[\d,]*) (?:rows?|records?|row\(s\)|record\(s\))(?: [a-z]+)?\)?\.?$/i;

/**
 * Reads a line as a trailer, or null where it is none.
 * @param full whether the line has as many fields as a row
 */
export function readTrailer(fields: readonly string[], full: boolean): Trailer | null {
  const first = (fields[0] ?? '').trim();
  if (!MAY_BEGIN.test(first)) return null;
  const footer = fields.length === 1 ? TOOL_FOOTER.exec(first) : null;
  if (footer !== null) return { numbers: wholeNumbers([footer[1] ?? '']) };
  const end = endOfWords(first);
  if (end === null) return null;
  const name = headerKey(first.slice(0, end));
  const isSure = TRAILER_WORDS.has(name);
  if (!isSure && (full || !LOOSER_WORDS.has(name))) return null;
  const values = [first.slice(end), ...fields.slice(1)].map((value) => value.trimEnd().replace(LEADING_MARKS, ''));
  // What has several fields may be a row, or what is left of one, unless there is nothing but the word, counts, sums and dates.
  const several = full || (!isSure && fields.length > 1);
  if (several && values.some((value) => !COUNT_SUM_OR_DATE.test(value))) return null;
  return { numbers: wholeNumbers(values) };
}

const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
/** Looked for one at a time: a loop over \p{L} takes V8 memory for each letter, and gives up on a line of millions. */
const NO_WORD = /[^\p{L}_ ]/gu;
/** What stands behind the words of a trailer, besides its end. */
const BEHIND_WORDS = ' :=*#';
const LEADING_MARKS = /^[\s:=#-]+/;
const COUNT_SUM_OR_DATE = /^[\d.,:/ TZ-]*$/;

/**
 * Where the words that a text begins with end, or null where it begins with none. What is no letter may stand before them, and one
 * to which a digit or the like is joined is none of them.
 */
function endOfWords(text: string): number | null {
  const begin = Math.max(0, text.search(LETTER_OR_DIGIT));
  NO_WORD.lastIndex = begin;
  const end = NO_WORD.exec(text)?.index ?? text.length;
  if (end === begin) return null;
  if (end === text.length || text[end - 1] === ' ' || BEHIND_WORDS.includes(text.charAt(end))) return end;
  const space = text.lastIndexOf(' ', end);
  return space < begin ? null : space + 1;
}

/** Dates and times of creation stand in trailers too, and are no counts. */
const DATE = /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-3]\d)(?:[0-2]\d[0-5]\d(?:[0-5]\d)?)?$/;

const WHOLE_NUMBER = /^(?:\d+|\d{1,3}(?:,\d{3})+)$/;

function wholeNumbers(values: readonly string[]): number[] {
  return values
    .filter((value) => WHOLE_NUMBER.test(value) && !DATE.test(value))
    .map((value) => Number(value.replaceAll(',', '')));
}

/** How many rows there are above a trailer. A row that was not split well may have been counted as several. */
export interface RowsAbove {
  readonly most: number;
  readonly least: number;
}

/**
 * Holds the count that a trailer states, if any, against the rows above it: those since the last header or trailer
 * (files put together), or all of them.
 * @throws FileRefused `trailer_count`
 */
export function checkTrailer(trailer: Trailer, line: number, since: RowsAbove, all: RowsAbove): void {
  if (trailer.numbers.length === 0) return;
  const fits = (rows: RowsAbove): boolean => trailer.numbers.some((n) => n >= rows.least && n <= rows.most);
  if (fits(since) || fits(all)) return;
  // The number itself is not told: the line may be what is left of a row, and the number an identifier in it (P8).
  throw new FileRefused(
    'trailer_count',
    `the trailer in line ${line} states another number of rows than the ${all.most} that the file has: it was probably cut off`,
  );
}
