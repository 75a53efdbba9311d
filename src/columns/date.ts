import { isDay } from './calendar.ts';
import type { ColumnType } from './column-type.ts';
import { type DayProblem, padded, readDay, readTime } from './day-and-time.ts';

/** Why a text is not a date. */
type DateProblem = DayProblem | 'time';

/** A date as it is kept, `YYYY-MM-DD`, or what is wrong with it. */
type DateResult = string | { readonly problem: DateProblem };

const ZERO = 0x30;
const HYPHEN = 0x2d;

const CODES = {
  bad_date: 'not a recognised date such as 2026-08-01 or 08/01/2026, or a day that does not exist',
} as const;

/** A day, kept as `YYYY-MM-DD`; a time of day behind it is checked and dropped. */
export const date: ColumnType<keyof typeof CODES> = {
  storage: 'date',
  mayBeKey: false,
  codes: CODES,
  taken: [
    '2026-08-01',
    '20260801',
    '08/01/2026',
    '8/1/2026',
    '2026/08/01',
    '2026/8/1',
    '01-AUG-2026',
    '2026-08-01T06:02:03Z',
    '8/1/2026 6:02 PM',
    '20260801060203',
  ],
  refused: ['2026-02-30', '13/01/2026', '08/01/26', '01-AUG-26', '2026-8-1', '2026-08-01 25:00'],
  parser({ dateOrder }, refuse) {
    const problems = {
      spelling: refuse('bad_date', 'not a recognised date; expected for example 2026-08-01 or 08/01/2026'),
      year: refuse('bad_date', 'a year of two digits; expected for example 2026-08-01'),
      day: refuse('bad_date', 'a day that does not exist'),
      slashed_day: refuse('bad_date', `a day that does not exist, read ${dateOrder} (date_order in the feed)`),
      time: refuse('bad_date', 'not a recognised time after the date; expected for example 2026-08-01 06:02:03'),
    } satisfies Record<DateProblem, unknown>;
    const dayFirst = dateOrder === 'day-first';
    return (text) => {
      const day = parseDate(text, dayFirst);
      return typeof day === 'string' ? day : problems[day.problem];
    };
  },
  recognises: (text, { dateOrder }) => typeof parseDate(text, dateOrder === 'day-first') === 'string',
};

/**
 * Reads a date: `YYYY-MM-DD`, `YYYYMMDD`, `YYYY/M/D`, `MM/DD/YYYY`, `M/D/YYYY` (or day first, as the feed says), `DD-MON-YYYY`.
 * A time of day after it is checked and dropped, and so is a zone: the date stays the one that was written.
 *
 * @param text not empty, trimmed
 * @param dayFirst the order in spellings with slashes that end in the year; behind a year the month always comes first
 * @returns the date as `YYYY-MM-DD` (the same string where it came so), or why it is none
 */
function parseDate(text: string, dayFirst: boolean): DateResult {
  // The common spelling by hand: this runs for every date of every row.
  if (text.length === 10 && text.charCodeAt(4) === HYPHEN && text.charCodeAt(7) === HYPHEN) {
    const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
    const month = twoDigits(text, 5);
    const day = twoDigits(text, 8);
    // NaN where there was anything but a digit.
    if (year + month + day >= 0) return isDay(year, month, day) ? text : { problem: 'day' };
  }
  return parseSlowly(text, dayFirst);
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

function parseSlowly(text: string, dayFirst: boolean): DateResult {
  const day = readDay(text, dayFirst);
  if (typeof day === 'string') return { problem: day };
  if (day.time !== undefined && readTime(day.time) === null) return { problem: 'time' };
  return `${padded(day.year, 4)}-${padded(day.month, 2)}-${padded(day.day, 2)}`;
}
