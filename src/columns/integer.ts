import type { ColumnType } from './column-type.ts';
import { type DigitsProblem, readDigits } from './digits.ts';

/** Digits of the largest safe integer: longer ones need not be turned into a number to be refused. */
const MOST_DIGITS = 16;

const CODES = { bad_integer: 'not a whole number such as 46' } as const;

/** A whole number that every reader can hold exactly: up to 9,007,199,254,740,991 (2⁵³ − 1) on either side of zero. */
export const integer: ColumnType<keyof typeof CODES> = {
  storage: 'integer',
  mayBeKey: false,
  codes: CODES,
  taken: ['46', '-3', '+7', '007', '1,234'],
  refused: ['46.0', '1e3', '1,23', '9007199254740992', 'ten'],
  parser({ thousandsSeparator }, refuse) {
    const problems = {
      spelling: refuse('bad_integer', 'not a whole number; expected for example 46'),
      point: refuse('bad_integer', 'a number with a decimal point; expected a whole one, for example 46'),
      comma: refuse('bad_integer', 'a comma that is not a thousands separator; expected for example 1,234'),
      comma_not_allowed: refuse('bad_integer', 'a comma, which the feed does not allow; expected for example 1234'),
      size: refuse('bad_integer', 'too large a number to be kept exactly; expected at most 9007199254740991'),
    } satisfies Record<IntegerProblem, unknown>;
    return (text) => {
      const value = parseInteger(text, thousandsSeparator);
      return typeof value === 'number' ? value : problems[value];
    };
  },
  recognises: (text, { thousandsSeparator }) => typeof parseInteger(text, thousandsSeparator) === 'number',
};

/** Why a text is not a whole number. */
type IntegerProblem = DigitsProblem | 'point' | 'size';

function parseInteger(text: string, thousands: boolean): number | IntegerProblem {
  const digits = readDigits(text, thousands);
  if (typeof digits === 'string') return digits;
  if (digits.fraction !== undefined) return 'point';
  const value = digits.whole.length > MOST_DIGITS ? Infinity : Number(digits.whole);
  if (value > Number.MAX_SAFE_INTEGER) return 'size';
  // 0 - 0 is 0, where -0 would not be.
  return digits.negative ? 0 - value : value;
}
