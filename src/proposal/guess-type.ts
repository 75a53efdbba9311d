import type { ColumnType, TypeParameters } from '../columns/column-type.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../columns/registry.ts';
import { ANY_FORMAT, type FeedFormat } from '../model/feed.ts';

/** What the values of a column seem to be. */
export interface TypeGuess {
  readonly type: ColumnTypeName;
  readonly parameters: TypeParameters;
  /** Why, for the person who reviews it; never a value (P8). */
  readonly why: string;
}

/** Values that are looked at. */
const MOST_VALUES = 5_000;
/** Of a type that the header suggests, so many values may be no such thing: files have faults. */
const SHARE_IF_NAMED = 0.8;
/** The same of a day or a time, which hardly anything else looks like. */
const SHARE_OF_TIMES = 0.95;
/** A code is no longer. */
const LONGEST_CODE = 20;
/** A number with more decimals was measured, or computed. */
const MOST_SCALE = 4;

const PHONE_NAME = /phone|mobile|fax|(?:^|_)(?:tel|cell)(?:_|$)/;
const ADDRESS_NAME = /address|(?:^|_)(?:addr|street)(?:_|$)/;
const ID_NAME = /(?:^|_)(?:id|ids|uuid|guid|key|mrn|ssn|npi|number|num|no)$/;
/** Numbers that count: they have an order. */
const COUNT_NAME = /(?:^|_)(?:line|row|item|seq|sequence|part|version|page)_(?:number|num|no)$/;
const CODE_NAME = /(?:^|_)(?:code|zip|zip_code|postcode|icd|icd10|cpt|loinc|state|status|gender|sex|type|unit)$/;
const TEXT_NAME = /(?:^|_)(?:name|description|comment|comments|note|notes|city|reason)$/;
const MONEY_NAME = /amount|charge|cost|price|paid|payment|balance|fee|total|copay|billed/;

/**
 * Guesses the type of a column.
 * @param name the column's, e.g. `birth_date`
 * @param values those that are not empty
 * @param format what the feed says of how values are written
 */
export function guessType(name: string, values: readonly string[], format: FeedFormat = ANY_FORMAT): TypeGuess {
  const sample = values.slice(0, MOST_VALUES);
  if (sample.length === 0) return guess('text', 'it is empty in all samples');
  const share = (type: ColumnTypeName, parameters: TypeParameters = {}) => shareOf(type, sample, format, parameters);
  const told = (type: ColumnTypeName, part: number, parameters: TypeParameters = {}): TypeGuess => {
    const misfits = sample.length - Math.round(part * sample.length);
    return guess(type, misfits === 0 ? 'all values are such' : `${misfits} of ${sample.length} values do not fit: their rows would be refused`, parameters); // prettier-ignore
  };

  if (PHONE_NAME.test(name)) {
    const part = share('phone');
    if (part >= SHARE_IF_NAMED) return told('phone', part);
  }
  if (ADDRESS_NAME.test(name) && share('address') === 1)
    return guess('address', 'for its name; text keeps it as it was sent');
  if (ID_NAME.test(name) && !COUNT_NAME.test(name) && share('id') >= SHARE_IF_NAMED && sample.every(isWord))
    return guess('id', 'for its name');
  if (TEXT_NAME.test(name)) return guess('text', 'for its name');
  const time = guessTime(sample, share, told);
  if (time !== null) return time;
  if (CODE_NAME.test(name) && sample.every(isWord)) return guess('code', 'for its name');
  const number = guessNumber(name, sample, share);
  if (number !== null) return number;
  if (sample.some((value) => /[a-z]/i.test(value)) && share('boolean') === 1)
    return guess('boolean', 'all values are yes or no');
  if (sample.every(isWord) && sample.some((value) => /\d/.test(value))) return guess('code', 'words with digits');
  return guess('text', 'nothing else fits');
}

function guess(type: ColumnTypeName, why: string, parameters: TypeParameters = {}): TypeGuess {
  return { type, parameters, why };
}

function guessTime(
  sample: readonly string[],
  share: (type: ColumnTypeName, parameters?: TypeParameters) => number,
  told: (type: ColumnTypeName, part: number, parameters?: TypeParameters) => TypeGuess,
): TypeGuess | null {
  // Eight digits alone may be any number.
  if (!sample.some((value) => /[-/:]/.test(value))) return null;
  const precision = Math.max(0, ...sample.map(decimalsOfSecond));
  const exact: TypeParameters = precision === 0 ? {} : { precision: Math.min(precision, 6) };
  const withOffset = share('timestamp', exact);
  if (withOffset >= SHARE_OF_TIMES) return told('timestamp', withOffset, exact);
  const local = { ...exact, zone: 'UTC' };
  const withZone = share('timestamp', local);
  if (withZone >= SHARE_OF_TIMES)
    return {
      ...told('timestamp', withZone, local),
      why: 'SAY THE ZONE: some values have no offset, and UTC is only assumed',
    };
  const days = share('date');
  return days >= SHARE_OF_TIMES ? told('date', days) : null;
}

/** Decimals behind the seconds of a time, without zeros at their end. Such zeros are not left out by the pattern, which would try each. */
function decimalsOfSecond(value: string): number {
  const [, digits = ''] = /:\d{2}[.,](\d+)/.exec(value) ?? [];
  let length = digits.length;
  while (digits[length - 1] === '0') length--;
  return length;
}

function guessNumber(
  name: string,
  sample: readonly string[],
  share: (type: ColumnTypeName) => number,
): TypeGuess | null {
  // A zero in front would be lost.
  if (sample.some((value) => /^0\d/.test(value))) return null;
  if (MONEY_NAME.test(name) && share('money') === 1) return guess('money', 'for its name; kept as whole cents');
  if (share('integer') === 1) return guess('integer', 'all values are whole numbers');
  if (share('number') < 1) return null;
  const scale = Math.max(...sample.map((value) => /\.(\d+)$/.exec(value)?.[1]?.length ?? 0));
  const isPlain = !sample.some((value) => /e/i.test(value));
  return isPlain && scale <= MOST_SCALE
    ? guess('decimal', `at most ${scale} decimals came`, { scale })
    : guess('number', 'numbers as they are measured');
}

/** The share of values that a type takes. */
function shareOf(
  type: ColumnTypeName,
  sample: readonly string[],
  format: FeedFormat,
  parameters: TypeParameters,
): number {
  const refused = { code: '', column: '', reason: '' };
  const parse = (COLUMN_TYPES[type] as ColumnType).parser(format, () => refused, parameters);
  return sample.filter((value) => typeof parse(value) !== 'object').length / sample.length;
}

function isWord(value: string): boolean {
  return value.length <= 2 * LONGEST_CODE && !/\s/.test(value) && (value.length <= LONGEST_CODE || /[\d-]/.test(value));
}
