import { isDay } from './calendar.ts';

/** Why a text does not begin with a day that can be taken. */
export type DayProblem = 'spelling' | 'year' | 'day' | 'slashed_day';

/** A day as it was written, and what stands behind it. */
export interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** Behind the day and the space or `T`, not checked; undefined: nothing. */
  readonly time: string | undefined;
}

/** A time of day as it was written. */
export interface Time {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** Digits behind the seconds, maybe none. */
  readonly fraction: string;
  /** Minutes east of UTC; null: nothing is said of it. */
  readonly offset: number | null;
}

/** The spellings, each with what may follow it: a time. */
const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](.*))?$/;
const COMPACT = /^(\d{4})(\d{2})(\d{2})(?:[T ]?(.+))?$/;
const YEAR_FIRST = /^(\d{4})\/(\d{1,2})\/(\d{1,2})(?:[T ](.*))?$/;
const SLASHED = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:[T ](.*))?$/;
const NAMED = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})(?:[T ](.*))?$/;
const SHORT_YEAR = /^(?:\d{1,2}\/\d{1,2}\/\d{2}|\d{1,2}-[A-Za-z]{3}-\d{2}|\d{2}-\d{2}-\d{2}|\d{6})(?:[T ].*)?$/;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `6:02`, `06:02:03.250 PM`, with `Z` or `+01:00` behind it; `060203` or `0602` after a compact date. */
const TIME = /^ *(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?: ?([AP])M)?(?: ?(Z|[+-]\d{2}(?::?\d{2})?))?$/i;
const COMPACT_TIME = /^(\d{2})(\d{2})(\d{2})?(Z|[+-]\d{4})?$/i;

/**
 * Splits a text into its day and what stands behind it: `YYYY-MM-DD`, `YYYYMMDD`, `YYYY/M/D`, `MM/DD/YYYY`, `M/D/YYYY` (or day first),
 * `DD-MON-YYYY`.
 *
 * @param text not empty, trimmed
 * @param dayFirst the order in spellings with slashes that end in the year; behind a year the month always comes first
 */
export function readDay(text: string, dayFirst: boolean): Day | DayProblem {
  let parts = ISO.exec(text) ?? COMPACT.exec(text) ?? YEAR_FIRST.exec(text);
  if (parts !== null) return check(parts[1], parts[2], parts[3], parts[4]);
  parts = SLASHED.exec(text);
  if (parts !== null) {
    const [, first, second, year, time] = parts;
    const day = dayFirst ? check(year, second, first, time) : check(year, first, second, time);
    // It may be right in the other order, which only the feed can say.
    return day === 'day' ? 'slashed_day' : day;
  }
  parts = NAMED.exec(text);
  if (parts !== null) {
    const month = MONTHS.indexOf(parts[2]?.toLowerCase() ?? '') + 1;
    return month === 0 ? 'spelling' : check(parts[3], String(month), parts[1], parts[4]);
  }
  return SHORT_YEAR.test(text) ? 'year' : 'spelling';
}

function check(year = '', month = '', day = '', time?: string): Day | DayProblem {
  const found = { year: Number(year), month: Number(month), day: Number(day), time };
  return isDay(found.year, found.month, found.day) ? found : 'day';
}

/** Reads a time of day, or null where it does not exist or is written in another way. */
export function readTime(text: string): Time | null {
  const parts = TIME.exec(text);
  if (parts !== null) return timeOf(parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]);
  const [found, hours, minutes, seconds, offset] = COMPACT_TIME.exec(text) ?? [];
  return found === undefined ? null : timeOf(hours, minutes, seconds, '', undefined, offset);
}

function timeOf(hours = '', minutes = '', seconds = '0', fraction = '', half?: string, zone?: string): Time | null {
  const written = Number(hours);
  const hourIsRight = half === undefined ? written <= 23 : written >= 1 && written <= 12;
  const offset = zone === undefined ? null : offsetOf(zone);
  if (!hourIsRight || Number(minutes) > 59 || Number(seconds) > 59 || Number.isNaN(offset)) return null;
  const hour = half === undefined ? written : (written % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  return { hour, minute: Number(minutes), second: Number(seconds), fraction, offset };
}

/** The furthest that any place is from UTC is 14 hours; PostgreSQL takes less than 16. */
const MOST_OFFSET_HOURS = 15;

/** `Z`, `+01:00`, `-0530`, `+01` as minutes east of UTC; NaN: there is no such offset. */
function offsetOf(zone: string): number {
  if (/z/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', ''));
  if (hours > MOST_OFFSET_HOURS || minutes > 59) return NaN;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** A number with zeros before it. */
export function padded(number: number, digits: number): string {
  return String(number).padStart(digits, '0');
}
