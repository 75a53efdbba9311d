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

/** What else may stand in a trailer, besides counts, sums, dates and the name of a file. Any other word may be a value of a row. */
const OTHER_WORDS: ReadonlySet<string> = new Set([
  ...['row', 'rows', 'record', 'records', 'line', 'lines', 'file', 'files', 'data', 'extract', 'report'],
  ...[
    'count',
    'total',
    'number',
    'of',
    'in',
    'the',
    'this',
    'at',
    'on',
    'date',
    'time',
    'trailer',
    'footer',
    'eof',
    'end',
  ],
  ...['written', 'exported', 'extracted', 'selected', 'affected', 'processed', 'returned', 'sent', 'fetched'],
  ...['generated', 'created', 'completed', 'am', 'pm', 'utc', 'gmt'],
]);

/** No trailer has a cell of so many characters; what is longer is not looked at. */
const MOST_CHARACTERS = 1000;
/** The words of which `LOOSER_WORDS` are made up. */
const MOST_WORDS = 3;

/**
 * Reads a line as a trailer, or null where it is none. Nothing may stand in it that could be the value of a row, or what is left of
 * one (P6): only known words, counts, sums, dates, and the name of a file.
 * @param full whether the line has as many fields as a row
 */
export function readTrailer(fields: readonly string[], full: boolean): Trailer | null {
  const cells = fields.map((field) => field.trim());
  const [first = ''] = cells;
  if (!MAY_BEGIN.test(first) || cells.some((cell) => cell.length > MOST_CHARACTERS)) return null;
  const words = wordsOf(first);
  if (cells.length === 1 && isToolFooter(words)) return readValues(words);
  for (let length = MOST_WORDS; length > 0; length--) {
    const name = headerKey(words.slice(0, length).join(''));
    if (!LOOSER_WORDS.has(name)) continue;
    if (full && !TRAILER_WORDS.has(name)) return null;
    return readValues([...words.slice(length), ...cells.slice(1).flatMap(wordsOf)]);
  }
  return null;
}

const BETWEEN_WORDS = /[\s=*#]+|(?<=\p{L}):/u;
/** Of which lines are drawn, and which stand between words. Any other mark may be a value, such as `?`. */
const MARKS = '-–—•*=#:.,;()<>[]"\'_';

/** The words and numbers of a cell, without marks before and behind them. */
function wordsOf(cell: string): string[] {
  const words = cell.replaceAll('(s)', 's').split(BETWEEN_WORDS);
  return words.map(withoutMarks).filter((word) => word !== '');
}

/** Not by a regular expression, which would look for the end of the marks again from each of them. */
function withoutMarks(word: string): string {
  let [from, to] = [0, word.length];
  while (from < to && MARKS.includes(word.charAt(from))) from++;
  while (from < to && MARKS.includes(word.charAt(to - 1))) to--;
  return word.slice(from, to);
}

/** `(1234 rows affected)`, `1234 row(s) selected.` and the like, as SQL tools write them. */
function isToolFooter([count = '', rows = '']: readonly string[]): boolean {
  return COUNT.test(count) && /^(?:rows?|records?)$/i.test(rows);
}

const COUNT = /^(?:\d+|\d{1,3}(?:,\d{3})+)$/;

const MONTH =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?';
/** A month in letters, which may be a name, too, but for the day beside it. */
const MONTH_NAME = new RegExp(`^(?:${MONTH})$`, 'i');
/** A day of the week, which may be a name, too, but for the month beside it. */
const WEEKDAY = /^(?:mon|tue|wed|thu|fri|sat|sun)$/i;
const DAY = /^(?:0?[1-9]|[12]\d|3[01])$/;
const YEAR = /^(?:19|20)\d\d$/;

/** Dates and times of creation stand in trailers too, and are no counts; nor are sums. */
const NO_COUNT = [
  /^(?:19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d(?:[T_-]?[0-2]\d[0-5]\d(?:[0-5]\d)?)?Z?$/i,
  /^\d{4}([-/.])\d{1,2}\1\d{1,2}(?:[T_-]\d{1,2}[:.]?\d{2}(?:[:.]?\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i,
  /^\d{1,2}([-/.])\d{1,2}\1(?:19|20)?\d\d$/,
  new RegExp(`^\\d{1,2}-(?:${MONTH})-(?:19|20)?\\d\\d$`, 'i'),
  /^\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/i,
  /^\$?(?:\d+|\d{1,3}(?:,\d{3})+)\.\d+$/,
  // The name of a file.
  /^[\w.\-/\\()[\]]+\.(?:txt|csv|tsv|psv|dat|gz|zip)$/i,
];

/** Reads what stands in a trailer behind the words it begins with; null: there is something else in it. */
function readValues(words: readonly string[]): Trailer | null {
  const numbers: number[] = [];
  const isMonth = (at: number): boolean => MONTH_NAME.test(words[at] ?? '');
  const isDay = (at: number): boolean => DAY.test(words[at] ?? '');
  const hasMonth = words.some((_, at) => isMonth(at));
  for (const [at, word] of words.entries()) {
    if (NO_COUNT.some((pattern) => pattern.test(word)) || OTHER_WORDS.has(word.toLowerCase())) continue;
    if (isMonth(at) && (isDay(at - 1) || isDay(at + 1))) continue;
    if (WEEKDAY.test(word) && (isMonth(at + 1) || isMonth(at + 2))) continue;
    if (!COUNT.test(word)) return null;
    const isOfDate = hasMonth && (YEAR.test(word) || (isDay(at) && (isMonth(at - 1) || isMonth(at + 1))));
    if (!isOfDate) numbers.push(Number(word.replaceAll(',', '')));
  }
  return { numbers };
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
