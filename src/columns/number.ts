import type { ColumnType } from './column-type.ts';
import { type DigitsProblem, readDigits } from './digits.ts';

/** What may stand behind the digits: a power of ten. */
const EXPONENT = /e([-+]?\d+)$/i;
/** An exponent is looked for in so many characters at the end: none that is longer can be taken. */
const EXPONENT_CHARACTERS = 6;

const CODES = { bad_number: 'not a number such as 36.6 or 1.5e-3' } as const;

/**
 * A measured number, kept as the double (IEEE 754) that is nearest: up to 17 digits come back as they were. What has to be exact to
 * the last digit is a decimal.
 */
export const number: ColumnType<keyof typeof CODES> = {
  storage: 'number',
  mayBeKey: false,
  codes: CODES,
  taken: ['36.6', '-71.294503', '.5', '46', '1.5e-3', '1,234.5'],
  refused: ['5.', '36,6', '1e400', '1e-400', 'NaN', '36.6 C'],
  parser({ thousandsSeparator }, refuse) {
    const problems = {
      spelling: refuse('bad_number', 'not a number; expected for example 36.6 or 1.5e-3'),
      comma: refuse('bad_number', 'a comma that is not a thousands separator; expected for example 1,234.5'),
      comma_not_allowed: refuse('bad_number', 'a comma, which the feed does not allow; expected for example 1234.5'),
      size: refuse('bad_number', 'a number out of range; expected from 1e-307 to 1e308, or 0'),
    } satisfies Record<NumberProblem, unknown>;
    return (text) => {
      const value = parseNumber(text, thousandsSeparator);
      return typeof value === 'number' ? value : problems[value];
    };
  },
  recognises: (text, { thousandsSeparator }) => typeof parseNumber(text, thousandsSeparator) === 'number',
};

/** Why a text is not a number. */
type NumberProblem = DigitsProblem | 'size';

/** Below it doubles have fewer digits than elsewhere, and PostgreSQL refuses some. */
const SMALLEST = 2.2250738585072014e-308;
const NOT_ZERO = /[1-9]/;

function parseNumber(text: string, thousands: boolean): number | NumberProblem {
  const exponent = EXPONENT.exec(text.slice(-EXPONENT_CHARACTERS))?.[0] ?? '';
  const digits = readDigits(text.slice(0, text.length - exponent.length), thousands);
  if (typeof digits === 'string') return digits;
  const { whole, fraction = '' } = digits;
  const value = Number(`${whole === '' ? '0' : whole}.${fraction === '' ? '0' : fraction}${exponent}`);
  if (value > Number.MAX_VALUE) return 'size';
  if (value < SMALLEST && (NOT_ZERO.test(whole) || NOT_ZERO.test(fraction))) return 'size';
  return digits.negative ? 0 - value : value;
}
