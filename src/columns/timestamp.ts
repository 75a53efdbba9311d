import { isDay } from './calendar.ts';
import type { ColumnType, TypeParameters } from './column-type.ts';
import { type DayProblem, padded, readDay, readTime, type Time } from './day-and-time.ts';
import { type LocalTimes, localTimesOf } from './time-zone.ts';

/** Digits behind the seconds that a column can keep: PostgreSQL has no more. */
export const MOST_PRECISION = 6;

const CODES = {
  bad_timestamp:
    'not a recognised date with a time and an offset such as 2026-08-01T06:02:03Z, or one that does not exist',
} as const;

/**
 * A moment, kept in UTC as `YYYY-MM-DDThh:mm:ssZ`. A time without an offset is taken where the feed names its `zone`; one that the
 * zone's clocks skip, or show twice, is refused: which hour was meant, only the sender knows.
 */
export const timestamp: ColumnType<keyof typeof CODES> = {
  storage: 'timestamp',
  mayBeKey: false,
  codes: CODES,
  parameters: ['zone', 'precision'],
  examplesWith: { zone: 'America/Chicago' },
  taken: [
    '2026-08-01T06:02:03Z',
    '2026-08-01 06:02:03+00:00',
    '2026-08-01T06:02-0500',
    '2026-08-01T06:02:03.000Z',
    '2026-08-01 06:02:03',
    '8/1/2026 6:02 PM',
    '01-AUG-2026 06:02',
    '20260801060203',
  ],
  refused: [
    '2026-08-01',
    '2026-02-30T06:02:03Z',
    '2026-08-01T25:00:00Z',
    '2026-08-01T06:02:03.250Z',
    '2026-03-08 02:30:00',
    '2026-11-01 01:30:00',
  ],
  parser({ dateOrder }, refuse, parameters) {
    const { zone, precision = 0 } = parameters;
    const example = 'expected for example 2026-08-01T06:02:03Z';
    const problems = {
      spelling: refuse('bad_timestamp', `not a recognised date and time; ${example}`),
      year: refuse('bad_timestamp', `a year of two digits; ${example}`),
      day: refuse('bad_timestamp', `a day that does not exist; ${example}`),
      slashed_day: refuse('bad_timestamp', `a day that does not exist, read ${dateOrder} (date_order in the feed)`),
      no_time: refuse('bad_timestamp', `a day without a time; ${example}`),
      time: refuse('bad_timestamp', `not a recognised time; ${example}`),
      fraction: refuse('bad_timestamp', `more digits of a second than ${precision} (precision in the feed, at most 6)`),
      offset: refuse('bad_timestamp', `no offset, and the feed names no zone; ${example}`),
      gap: refuse('bad_timestamp', `a time that clocks in ${zone ?? 'UTC'} skipped; ${example}`),
      twice: refuse('bad_timestamp', `a time that clocks in ${zone ?? 'UTC'} showed twice; ${example}`),
      range: refuse('bad_timestamp', 'not within the years 1 to 9999 of UTC'),
    } satisfies Record<TimestampProblem, unknown>;
    const parse = createParser(dateOrder === 'day-first', parameters);
    return (text) => {
      const moment = parse(text);
      return typeof moment === 'string' ? moment : problems[moment.problem];
    };
  },
  recognises: (text, { dateOrder }, parameters) =>
    typeof createParser(dateOrder === 'day-first', parameters)(text) === 'string',
};

/** Why a text is not a moment. */
type TimestampProblem =
  DayProblem | Exclude<ReturnType<LocalTimes['toUtc']>, number> | 'no_time' | 'time' | 'fraction' | 'offset' | 'range';

const MINUTE = 60_000;
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59Z');

function createParser(
  dayFirst: boolean,
  { zone, precision = 0 }: TypeParameters,
): (text: string) => string | { problem: TimestampProblem } {
  return (text) => {
    if (precision === 0 && isInStandardForm(text)) return text;
    const day = readDay(text, dayFirst);
    if (typeof day === 'string') return { problem: day };
    if (day.time === undefined) return { problem: 'no_time' };
    const time = readTime(day.time);
    if (time === null) return { problem: 'time' };
    const fraction = fitted(time.fraction, precision);
    if (fraction === null) return { problem: 'fraction' };
    const local = wallTime(day, time);
    let utc: ReturnType<LocalTimes['toUtc']>;
    if (time.offset !== null) utc = local - time.offset * MINUTE;
    else if (zone === undefined) return { problem: 'offset' };
    else utc = localTimesOf(zone).toUtc(local);
    if (typeof utc !== 'number') return { problem: utc };
    if (utc < FIRST || utc > LAST) return { problem: 'range' };
    return `${spell(utc)}${fraction === '' ? '' : `.${fraction}`}Z`;
  };
}

const STANDARD = /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;

/** Whether a text is kept as it is: most are, and need no more work. */
function isInStandardForm(text: string): boolean {
  const [found, year, month, day] = STANDARD.exec(text) ?? [];
  return found !== undefined && isDay(Number(year), Number(month), Number(day));
}

/** The digits of a second as they are kept, or null where that would lose some. */
function fitted(fraction: string, precision: number): string | null {
  let end = fraction.length;
  while (end > precision && fraction[end - 1] === '0') end--;
  return end > precision ? null : fraction.slice(0, end).padEnd(precision, '0');
}

/** The time on the wall, in whole seconds, as if it were UTC, in ms. */
function wallTime({ year, month, day }: { year: number; month: number; day: number }, time: Time): number {
  const date = new Date(0);
  // Date.UTC takes the years 0 to 99 for those of the 20th century.
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(time.hour, time.minute, time.second);
}

/** `YYYY-MM-DDThh:mm:ss`. */
function spell(utc: number): string {
  const at = new Date(utc);
  const day = `${padded(at.getUTCFullYear(), 4)}-${padded(at.getUTCMonth() + 1, 2)}-${padded(at.getUTCDate(), 2)}`;
  return `${day}T${padded(at.getUTCHours(), 2)}:${padded(at.getUTCMinutes(), 2)}:${padded(at.getUTCSeconds(), 2)}`;
}
