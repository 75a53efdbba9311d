import type { ColumnType } from './column-type.ts';

/** Why a text is not an amount. */
type MoneyProblem = 'spelling' | 'decimals' | 'comma' | 'comma_not_allowed' | 'size';

const ZERO = 0x30;
const POINT = 0x2e;
const MINUS = 0x2d;

/** Up to so many digits before the point surely fit: cents then have at most 15 digits. */
const SAFE_DIGITS = 13;

/** `12.00`, `-12.00`, `+12.00`, `12.00-`, with `$` before the digits and before or after a leading sign. */
const SIGNED = /^([-+]?\$ ?|\$ ?[-+]?|[-+]?)([\d.,]+)(-?)$/;
/** `(12.00)`, `($12.00)`, `$(12.00)`: negative, as bookkeepers write it. */
const BRACKETED = /^\$? ?\(\$? ?([\d.,]+)\)$/;
const LEADING_ZEROS = /^0+/;
const THOUSANDS = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;
/** Digits of the largest safe integer: longer ones need not be turned into a number to be refused. */
const MOST_DIGITS = 16;

const CODES = { bad_money: 'not a recognised amount of at most two decimals, such as 1234.50' } as const;

/** An amount of dollars, kept as integer cents. */
export const money: ColumnType<keyof typeof CODES> = {
  storage: 'integer',
  mayBeKey: false,
  codes: CODES,
  taken: ['1234.5', '.50', '$1,234.56', '-12.00', '-$12.00', '(12.00)', '12.00-'],
  refused: ['12.345', '12.340', '1,23', '5.', '1e3', '€5.00'],
  parser({ thousandsSeparator }, refuse) {
    const problems = {
      spelling: refuse('bad_money', 'not a recognised amount; expected for example 1234.50'),
      decimals: refuse('bad_money', 'more than two decimals'),
      comma: refuse('bad_money', 'a comma that is not a thousands separator; expected for example 1,234.50'),
      comma_not_allowed: refuse('bad_money', 'a comma, which the feed does not allow; expected for example 1234.50'),
      size: refuse('bad_money', 'too large an amount to be kept exactly'),
    } satisfies Record<MoneyProblem, unknown>;
    return (text) => {
      const cents = parseCents(text, thousandsSeparator);
      return typeof cents === 'number' ? cents : problems[cents];
    };
  },
  recognises: (text, { thousandsSeparator }) => typeof parseCents(text, thousandsSeparator) === 'number',
};

/**
 * Reads an amount as integer cents: never rounded, never by way of a float.
 *
 * Taken: `1234.5`, `.50`, `$1,234.56`, `-12.00`, `-$12.00`, `(12.00)`, `12.00-`. Commas are taken only where they part
 * thousands, and only if the feed says so.
 *
 * @param text not empty, trimmed
 * @param thousands whether `1,234.56` is an amount
 * @returns cents, a safe integer, or why it is none
 */
function parseCents(text: string, thousands: boolean): number | MoneyProblem {
  // The common spelling, `-1234.50`, by hand: this runs for every amount of every row.
  const length = text.length;
  const negative = text.charCodeAt(0) === MINUS;
  let cents = 0;
  let index = negative ? 1 : 0;
  const start = index;
  for (; index < length; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) break;
    cents = cents * 10 + digit;
  }
  const digits = index - start;
  if (digits === 0 || digits > SAFE_DIGITS) return parseSlowly(text, thousands);
  if (index < length) {
    const tenths = text.charCodeAt(index + 1) - ZERO;
    const decimals = length - index - 1;
    if (text.charCodeAt(index) !== POINT || !(tenths >= 0 && tenths <= 9) || decimals > 2)
      return parseSlowly(text, thousands);
    cents = cents * 10 + tenths;
    if (decimals === 2) {
      const hundredths = text.charCodeAt(index + 2) - ZERO;
      if (hundredths < 0 || hundredths > 9) return parseSlowly(text, thousands);
      cents = cents * 10 + hundredths;
    } else {
      cents *= 10;
    }
  } else {
    cents *= 100;
  }
  // 0 - 0 is 0, where -0 would not be.
  return negative ? 0 - cents : cents;
}

function parseSlowly(text: string, thousands: boolean): number | MoneyProblem {
  const signed = SIGNED.exec(text);
  const amount = signed?.[2] ?? BRACKETED.exec(text)?.[1];
  if (amount === undefined) return 'spelling';
  const leading = signed?.[1] ?? '';
  const trailing = signed?.[3] ?? '';
  if (trailing !== '' && /[-+]/.test(leading)) return 'spelling';

  if (amount.includes(',') && !thousands) return 'comma_not_allowed';
  if (amount.includes(',') && !THOUSANDS.test(amount)) return 'comma';
  const [units = '', decimals, ...others] = amount.replaceAll(',', '').split('.', 3);
  // A second point, a point with nothing behind it (which may be an amount cut short), or no digit at all.
  if (others.length > 0 || decimals === '' || (units === '' && decimals === undefined)) return 'spelling';
  if (decimals !== undefined && decimals.length > 2) return 'decimals';
  const digits = units.replace(LEADING_ZEROS, '') + (decimals ?? '').padEnd(2, '0');
  const cents = digits.length > MOST_DIGITS ? Infinity : Number(digits);
  if (cents > Number.MAX_SAFE_INTEGER) return 'size';
  const negative = signed === null || trailing === '-' || leading.includes('-');
  return negative ? 0 - cents : cents;
}
