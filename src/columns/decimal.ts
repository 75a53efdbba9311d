import type { ColumnType } from './column-type.ts';
import { type DigitsProblem, readDigits } from './digits.ts';

/** Digits in all, before and behind the point: what nearly every database and file format can hold. */
export const MOST_DECIMAL_DIGITS = 38;

/** Where a feed does not say it, which it must. */
const DEFAULT_SCALE = 2;

const CODES = {
  bad_decimal: 'not a number of at most as many decimals as the feed says (scale), such as 0.25',
} as const;

/**
 * An exact number with `scale` decimals, kept as a text that always has as many: `-0.50`. Never rounded, never by way of a float. A
 * text, since a whole number of units, as money is, would end at 15 digits, and would not say what its unit is.
 */
export const decimal: ColumnType<keyof typeof CODES> = {
  storage: 'decimal',
  mayBeKey: false,
  codes: CODES,
  parameters: ['scale'],
  needs: ['scale'],
  examplesWith: { scale: 3 },
  taken: ['0.125', '-.5', '+12', '1,234.5', '12345678901234567890.123'],
  refused: ['0.1250', '0.0625', '5.', '1e3', '1,23', '$5'],
  parser({ thousandsSeparator }, refuse, { scale = DEFAULT_SCALE }) {
    const example = (0.25).toFixed(scale);
    const problems = {
      spelling: refuse('bad_decimal', `not a number; expected for example ${example}`),
      comma: refuse('bad_decimal', 'a comma that is not a thousands separator; expected for example 1,234'),
      comma_not_allowed: refuse('bad_decimal', 'a comma, which the feed does not allow; expected for example 1234'),
      decimals: refuse(
        'bad_decimal',
        `more than ${scale} decimals (scale in the feed); expected for example ${example}`,
      ),
      size: refuse('bad_decimal', `more than ${MOST_DECIMAL_DIGITS - scale} digits before the point`),
    } satisfies Record<DecimalProblem, unknown>;
    return (text) => {
      const value = parseDecimal(text, thousandsSeparator, scale);
      return typeof value === 'string' ? value : problems[value.problem];
    };
  },
  recognises: (text, { thousandsSeparator }, { scale = DEFAULT_SCALE }) =>
    typeof parseDecimal(text, thousandsSeparator, scale) === 'string',
};

/** Why a text is not a decimal. */
type DecimalProblem = DigitsProblem | 'decimals' | 'size';

const NOT_ZERO = /[1-9]/;

function parseDecimal(text: string, thousands: boolean, scale: number): string | { problem: DecimalProblem } {
  const digits = readDigits(text, thousands);
  if (typeof digits === 'string') return { problem: digits };
  const { whole, fraction = '', negative } = digits;
  if (fraction.length > scale) return { problem: 'decimals' };
  if (whole.length > MOST_DECIMAL_DIGITS - scale) return { problem: 'size' };
  const units = whole === '' ? '0' : whole;
  const value = scale === 0 ? units : `${units}.${fraction.padEnd(scale, '0')}`;
  return negative && NOT_ZERO.test(value) ? `-${value}` : value;
}
