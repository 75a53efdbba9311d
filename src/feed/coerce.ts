import type { RejectCode } from '../codes.ts';
import { composed } from './composed.ts';
import { parseDate, type DateFault } from './date.ts';
import { parseCents, type MoneyFault } from './money.ts';
import type { Column, Dataset, FeedFormat, Value } from './types.ts';

/** Why a row is refused: the first column, in the feed's order, whose field cannot be taken. */
export interface RowFault {
  readonly code: RejectCode;
  /** The column's name in the table. */
  readonly column: string;
  /** One sentence, without the value. */
  readonly reason: string;
}

/**
 * Turns a row's fields into the values that are bound.
 *
 * @param fields the row as it was split
 * @param into takes one value for each column of the dataset, in its order; of no use when a fault is given
 * @returns null for a good row
 */
export type Coercer = (fields: readonly string[], into: Value[]) => RowFault | null;

/** Takes one trimmed field that is not NULL. Faults are made beforehand: a bad file must not cost more than a good one. */
type Parse = (text: string) => Value | RowFault;

const MISSING = '';

/**
 * Makes the coercer for the files of one header. Fields are trimmed; an empty one and the feed's words for NULL are NULL.
 *
 * - text: put into Unicode's composed form (NFC); control characters other than line breaks are `bad_text`.
 * - id, code: kept letter by letter; any control character is `bad_text`, `1.23E+11` is `damaged_id`.
 * - money: integer cents, see money.ts; date: `YYYY-MM-DD`, see date.ts.
 *
 * @param fieldOf for each column the index of its field, or null where the file has none
 */
export function createCoercer(dataset: Dataset, format: FeedFormat, fieldOf: readonly (number | null)[]): Coercer {
  const isNull = nullTest(format.nulls);
  const parsers = dataset.columns.map((column) => parserFor(column, format));
  const missing = dataset.columns.map((column) =>
    column.required ? fault(column, 'missing_value', 'a required value is empty') : null,
  );
  // -1 finds no field: the value is then missing.
  const sources = dataset.columns.map((_, index) => fieldOf[index] ?? -1);

  return (fields, into) => {
    for (let index = 0; index < parsers.length; index++) {
      const text = trimmed(fields[sources[index] ?? -1] ?? MISSING);
      if (text === MISSING || isNull(text)) {
        const why = missing[index];
        if (why != null) return why;
        into[index] = null;
        continue;
      }
      const parse = parsers[index];
      const value = parse === undefined ? null : parse(text);
      if (typeof value === 'object' && value !== null) return value;
      into[index] = value;
    }
    return null;
  };
}

function fault(column: Column, code: RejectCode, reason: string): RowFault {
  return { code, column: column.name, reason: `${column.header}: ${reason}` };
}

/** Most fields need no trimming; looking at both ends first saves the call. */
function trimmed(text: string): string {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  return first > 0x20 && first < 0x7f && last > 0x20 && last < 0x7f ? text : text.trim();
}

function nullTest(words: readonly string[]): (text: string) => boolean {
  const folded = new Set(words.map((word) => word.toLowerCase()));
  const lengths = new Set(words.map((word) => word.length));
  const shortest = Math.min(...lengths);
  const longest = Math.max(...lengths);
  return (text) =>
    text.length >= shortest && text.length <= longest && lengths.has(text.length) && folded.has(text.toLowerCase());
}

function parserFor(column: Column, format: FeedFormat): Parse {
  switch (column.type) {
    case 'text':
      return textParser(column);
    case 'id':
    case 'code':
      return identifierParser(column);
    case 'money':
      return moneyParser(column, format);
    case 'date':
      return dateParser(column, format);
  }
}

/** Anything but printable ASCII: only then is there more to look at. */
const UNUSUAL = /[^\x20-\x7e]/;
/** C0, DEL and C1. */
const CONTROL = /\p{Cc}/u;
/** The same without the line breaks, which a quoted field may hold. */
const CONTROL_IN_LINE = /[^\P{Cc}\r\n]/u;
/** What a spreadsheet makes of a long number. The sign is always there; `12E34` may be an identifier of its own. */
const DAMAGED = /^\d(?:[.,]\d+)?E\+\d{1,3}$/i;

function textParser(column: Column): Parse {
  const bad = fault(column, 'bad_text', 'a control character in the text');
  return (text) => {
    if (!UNUSUAL.test(text)) return text;
    return CONTROL_IN_LINE.test(text) ? bad : composed(text);
  };
}

function identifierParser(column: Column): Parse {
  const bad = fault(column, 'bad_text', `a control character in the ${column.type === 'id' ? 'identifier' : 'code'}`);
  const damaged = fault(column, 'damaged_id', 'a spreadsheet has turned it into a number with an exponent');
  return (text) => {
    if (UNUSUAL.test(text) && CONTROL.test(text)) return bad;
    return text.includes('+') && DAMAGED.test(text) ? damaged : text;
  };
}

function moneyParser(column: Column, format: FeedFormat): Parse {
  const faults: Record<MoneyFault, RowFault> = {
    spelling: fault(column, 'bad_money', 'not an amount in a spelling that is taken'),
    decimals: fault(column, 'bad_money', 'more than two decimals'),
    comma: fault(column, 'bad_money', 'a comma that does not part thousands, or that the feed does not allow'),
    size: fault(column, 'bad_money', 'too large an amount to be kept exactly'),
  };
  return (text) => {
    const cents = parseCents(text, format.thousandsSeparator);
    return typeof cents === 'number' ? cents : faults[cents];
  };
}

function dateParser(column: Column, format: FeedFormat): Parse {
  const faults: Record<DateFault, RowFault> = {
    spelling: fault(column, 'bad_date', 'not a date in a spelling that is taken'),
    year: fault(column, 'bad_date', 'a year of two digits'),
    day: fault(column, 'bad_date', 'a day that does not exist'),
    slashed_day: fault(
      column,
      'bad_date',
      `a day that does not exist, read ${format.dateOrder} (date_order in the feed)`,
    ),
    time: fault(column, 'bad_date', 'the time after the date does not exist or is in a spelling that is not taken'),
  };
  const dayFirst = format.dateOrder === 'day-first';
  return (text) => {
    const date = parseDate(text, dayFirst);
    return typeof date === 'string' ? date : faults[date.fault];
  };
}
