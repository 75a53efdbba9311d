import { NO_PARAMETERS } from '../columns/column-type.ts';
import { COLUMN_TYPES } from '../columns/registry.ts';
import type { Column, Dataset, FeedFormat } from '../model/feed.ts';
import { mayHoldRow, type HeaderMatch } from './header.ts';

/** The records in the sample below a header. */
export interface RowsBelow {
  /** Those of them that have as many fields as the header has cells. */
  readonly asWide: readonly (readonly string[])[];
  /** All of them. */
  readonly count: number;
  /** Nothing follows them. */
  readonly last: boolean;
}

/** What is longer is hardly a name. */
const NAME_CHARACTERS = 80;
/** A name has hardly more digits than `ICD10` or `Address2`. */
const NAME_DIGITS = 3;

/**
 * Whether a row, or the beginning of one, stands behind the header in its line, for want of a line end between them. No row is then
 * as wide as the header, or most that are read as two rows each: line ends were lost throughout the file.
 */
export function isJoined(match: HeaderMatch, dataset: Dataset, format: FeedFormat, rows: RowsBelow): boolean {
  if (rows.asWide.length === 0) return rows.count > 0 || (rows.last && mayHoldRow(match));
  if (!mayHoldRow(match)) return false;
  return steps(match).some((step) => {
    const score = secondRowScore(match, dataset, format, rows, step);
    // Names of columns look like no row; the first row may have a faulty value.
    if (score(match.cells) < 0) return false;
    return rows.asWide.filter((row) => score(row) > 0).length * 2 >= rows.asWide.length;
  });
}

/**
 * The cells that no column takes, as they may be shown: by name where the header is believed as a whole, else by place,
 * since they may be values of a row (P8).
 */
export function showExtra(match: HeaderMatch, rows: RowsBelow): string[] {
  const believed = rows.asWide.length > 0 && rows.asWide.length * 2 >= rows.count;
  const isName = (index: number): boolean =>
    !looksLikeValue(
      (match.cells[index] ?? '').trim(),
      rows.asWide.map((row) => (row[index] ?? '').trim()),
    );
  return believed && match.extraAt.every(isName) ? [...match.extra] : match.extraAt.map((index) => `cell ${index + 1}`);
}

/** What names of columns hardly hold: values do, such as `Smith, John`, `SMITH^JOHN` and addresses. */
const SIGNS_OF_VALUES = /[@^;,]/;

/** Whether a header's cell may be a value: a person's name, an address, a number, a date, a phone number, or like what stands below it. */
function looksLikeValue(cell: string, below: readonly string[]): boolean {
  if (cell.length > NAME_CHARACTERS || SIGNS_OF_VALUES.test(cell) || below.includes(cell)) return true;
  const digits = cell.replace(/\P{Nd}/gu, '').length;
  if (digits === 0) return false;
  return digits > NAME_DIGITS || !/\p{L}/u.test(cell) || below.some((value) => areAlike(value, cell));
}

/**
 * How far apart two rows in one line may begin: where a delimiter took the place of each line end, so many times in the line;
 * where the line ends were dropped, the last field of a row and the first of the next one are one.
 */
function steps(match: HeaderMatch): number[] {
  const width = match.cells.length;
  const last = Math.max(...match.fieldOf.map((index) => index ?? 0));
  const candidates = Array.from({ length: width - 2 * last - 1 }, (_, at) => last + 1 + at);
  return candidates.filter((step) => width % step === 0 || isFused(width, step));
}

function isFused(width: number, step: number): boolean {
  return (width - 1) % step === 0;
}

/**
 * How much a line's fields from `step` on look like a row of their own: each date and amount where one should be, and a key like the
 * others, count one; any other text in their place, and each required value that is missing, minus one.
 */
function secondRowScore(
  { cells, fieldOf }: HeaderMatch,
  dataset: Dataset,
  format: FeedFormat,
  rows: RowsBelow,
  step: number,
): (fields: readonly string[]) => number {
  const nulls = new Set(format.nulls.map((word) => word.toLowerCase()));
  const keys = rows.asWide.map((row) => (row[fieldOf[0] ?? 0] ?? '').trim());
  const shapes = new Set(keys.flatMap(shapesOf));
  const columns = dataset.columns.flatMap((column, index) => {
    const field = fieldOf[index] ?? null;
    return field === null ? [] : [{ column, at: step + field }];
  });
  const fits = (column: Column, text: string): boolean | null => {
    if (text === '' || nulls.has(text.toLowerCase())) return column.required ? false : null;
    const { recognises } = COLUMN_TYPES[column.type];
    if (recognises !== null) return recognises(text, format, column.parameters ?? NO_PARAMETERS);
    if (column !== dataset.key || isFused(cells.length, step)) return null;
    return shapesOf(text).some((shape) => shapes.has(shape));
  };
  return (fields) => {
    let score = 0;
    for (const { column, at } of columns) {
      const fit = fits(column, (fields[at] ?? '').trim());
      if (fit !== null) score += fit ? 1 : -1;
    }
    return score;
  };
}

/** Whether two values are written alike: the same but for the digits, or of one length with letters and digits in the same places. */
function areAlike(one: string, other: string): boolean {
  const shapes = shapesOf(other);
  return shapesOf(one).some((shape) => shapes.includes(shape));
}

/** How a value is written. Only a longer one is told by its length. */
function shapesOf(value: string): string[] {
  const text = value.slice(0, NAME_CHARACTERS);
  const shapes = [text.replace(/\p{Nd}+/gu, '9')];
  if (text.length >= 8) shapes.push(`=${text.replace(/[\p{L}\p{N}]/gu, 'x')}`);
  return shapes;
}
