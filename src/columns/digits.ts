/** A number as it was written: digits, maybe with a point. */
export interface Digits {
  readonly negative: boolean;
  /** Before the point, with neither commas nor zeros before the first other digit; empty: none. */
  readonly whole: string;
  /** Behind the point; undefined: there is none. */
  readonly fraction: string | undefined;
}

/** Why a text is not a number. */
export type DigitsProblem = 'spelling' | 'comma' | 'comma_not_allowed';

const NUMBER = /^([-+]?)([\d,]*)(?:\.(\d+))?$/;
const THOUSANDS = /^\d{1,3}(?:,\d{3})+$/;
const LEADING_ZEROS = /^0+/;

/**
 * Splits a number into its digits. A point with nothing behind it is refused: the number may be cut short.
 *
 * @param text not empty, trimmed
 * @param thousands whether commas may part the thousands
 */
export function readDigits(text: string, thousands: boolean): Digits | DigitsProblem {
  const parts = NUMBER.exec(text);
  if (parts === null) return 'spelling';
  const [, sign, written = '', fraction] = parts;
  if (written === '' && fraction === undefined) return 'spelling';
  const hasComma = written.includes(',');
  if (hasComma && !thousands) return 'comma_not_allowed';
  if (hasComma && !THOUSANDS.test(written)) return 'comma';
  const whole = (hasComma ? written.replaceAll(',', '') : written).replace(LEADING_ZEROS, '');
  return { negative: sign === '-', whole, fraction };
}
