import { isDay } from './calendar.ts';
import type { ColumnType } from './column-type.ts';

/** Why a text is not a date. */
type DateProblem = 'spelling' | 'year' | 'day' | 'slashed_day' | 'time';

/** A date as it is kept, `YYYY-MM-DD`, or what is wrong with it. */
type DateResult = string | { readonly problem: DateProblem };

const FAULTS = {
  spelling: { problem: 'spelling' },
  year: { problem: 'year' },
  day: { problem: 'day' },
  slashed_day: { problem: 'slashed_day' },
  time: { problem: 'time' },
} as const satisfies Record<DateProblem, DateResult>;

const ZERO = 0x30;
const HYPHEN = 0x2d;

/** The spellings, each with what may follow it: a time. */
const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](.*))?$/;
const COMPACT = /^(\d{4})(\d{2})(\d{2})(?:[T ]?(.+))?$/;
const YEAR_FIRST = /^(\d{4})\/(\d{1,2})\/(\d{1,2})(?:[T ](.*))?$/;
const SLASHED = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:[T ](.*))?$/;
const NAMED = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})(?:[T ](.*))?$/;
const SHORT_YEAR = /^(?:\d{1,2}\/\d{1,2}\/\d{2}|\d{1,2}-[A-Za-z]{3}-\d{2}|\d{2}-\d{2}-\d{2}|\d{6})(?:[T ].*)?$/;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `6:02`, `06:02:03.250 PM`, with `Z` or `+01:00` behind it; `060203` or `0602` after a compact date. */
const TIME = /^ *(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: ?([AP])M)?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?$/i;
const COMPACT_TIME = /^(\d{2})(\d{2})(\d{2})?(?:Z|[+-]\d{4})?$/;

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
      year: refuse('bad_date', 'a year of two digits'),
      day: refuse('bad_date', 'a day that does not exist'),
      slashed_day: refuse('bad_date', `a day that does not exist, read ${dateOrder} (date_order in the feed)`),
      time: refuse('bad_date', 'the time after the date does not exist or is in a spelling that is not taken'),
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
    if (year + month + day >= 0) return isDay(year, month, day) ? text : FAULTS.day;
  }
  return parseSlowly(text, dayFirst);
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

function parseSlowly(text: string, dayFirst: boolean): DateResult {
  let parts = ISO.exec(text) ?? COMPACT.exec(text) ?? YEAR_FIRST.exec(text);
  if (parts !== null) return check(parts[1], parts[2], parts[3], parts[4]);
  parts = SLASHED.exec(text);
  if (parts !== null) {
    const [, first, second, year, time] = parts;
    const date = dayFirst ? check(year, second, first, time) : check(year, first, second, time);
    // It may be right in the other order, which only the feed can say.
    return date === FAULTS.day ? FAULTS.slashed_day : date;
  }
  parts = NAMED.exec(text);
  if (parts !== null) {
    const month = MONTHS.indexOf(parts[2]?.toLowerCase() ?? '') + 1;
    return month === 0 ? FAULTS.spelling : check(parts[3], String(month), parts[1], parts[4]);
  }
  return SHORT_YEAR.test(text) ? FAULTS.year : FAULTS.spelling;
}

function check(year = '', month = '', day = '', time?: string): DateResult {
  if (!isDay(Number(year), Number(month), Number(day))) return FAULTS.day;
  if (time !== undefined && !isTime(time)) return FAULTS.time;
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
}

function isTime(text: string): boolean {
  const parts = TIME.exec(text) ?? COMPACT_TIME.exec(text);
  if (parts === null) return false;
  const [, hours, minutes, seconds = '0', half] = parts;
  const hour = Number(hours);
  const hourIsRight = half === undefined ? hour <= 23 : hour >= 1 && hour <= 12;
  return hourIsRight && Number(minutes) <= 59 && Number(seconds) <= 59;
}
