import { TZDate } from '@date-fns/tz';
import type { Expectation } from '../model/expectation.ts';

/** One delivery that is expected. */
export interface ExpectedPeriod {
  /** The calendar unit: `2026-11-20`, `2026-W47` (ISO 8601) or `2026-11`. */
  readonly period: string;
  readonly dueAt: Date;
  /** From then on a missing file is told. */
  readonly overdueAt: Date;
}

/** A day of the calendar, as the number of days since 1970-01-01: free of time zones. */
type Day = number;

const DAY_MS = 86_400_000;

/**
 * The calendar unit that a file counts for by its stamp.
 * @param stamp `YYYY-MM-DDThh:mm:ssZ`. One at midnight is taken for a day without a time: it counts for that day in every zone
 */
export function periodOf(expectation: Expectation, stamp: string): string {
  const written = Math.floor(Date.parse(stamp) / DAY_MS);
  const isDay = expectation.stamps === 'zone' || stamp.endsWith('T00:00:00Z');
  return nameOf(expectation, firstDay(expectation, isDay ? written : dayIn(expectation.zone, new Date(stamp))));
}

/**
 * The deliveries that are expected for the units from the one that holds `from` to the one that holds `to`, in order; units without
 * one (a day on which nothing is delivered) are left out.
 */
export function expectedPeriods(expectation: Expectation, from: Date, to: Date): ExpectedPeriod[] {
  const last = dayIn(expectation.zone, to);
  const periods: ExpectedPeriod[] = [];
  for (let day = firstDay(expectation, dayIn(expectation.zone, from)); day <= last; day = nextUnit(expectation, day)) {
    if (expectation.every === 'day' && isExcepted(expectation, day)) continue;
    const dueAt = deadline(expectation, day);
    const overdueAt = new Date(dueAt.getTime() + expectation.graceMs);
    periods.push({ period: nameOf(expectation, day), dueAt, overdueAt });
  }
  return periods;
}

/** A time of day that clocks skip is taken an hour later; one that they show twice is the first. */
function deadline(expectation: Expectation, first: Day): Date {
  const { on, daysLater, by, zone } = expectation;
  const end = Math.min(first + on - 1, nextUnit(expectation, first) - 1);
  let day = end + daysLater;
  // Dates are few: a stretch without a delivery is over some day.
  while (isExcepted(expectation, day)) day += 1;
  const { year, month, date } = partsOf(day);
  return new Date(new TZDate(year, month, date, by.hours, by.minutes, zone).getTime());
}

function isExcepted({ except }: Expectation, day: Day): boolean {
  return (except.weekends && weekday(day) > 5) || except.dates.includes(isoDay(day));
}

function firstDay({ every }: Expectation, day: Day): Day {
  if (every === 'day') return day;
  if (every === 'week') return day - weekday(day) + 1;
  return day - partsOf(day).date + 1;
}

function nextUnit({ every }: Expectation, first: Day): Day {
  if (every !== 'month') return first + (every === 'day' ? 1 : 7);
  const { year, month } = partsOf(first);
  return Date.UTC(year, month + 1, 1) / DAY_MS;
}

function nameOf({ every }: Expectation, first: Day): string {
  if (every === 'day') return isoDay(first);
  if (every === 'month') return isoDay(first).slice(0, 7);
  // A week is of the year that holds its Thursday.
  const { year } = partsOf(first + 3);
  const week = Math.floor((first + 3 - Date.UTC(year, 0, 1) / DAY_MS) / 7) + 1;
  return `${year}-W${String(week).padStart(2, '0')}`;
}

/** 1: Monday … 7: Sunday. Day 0 was a Thursday. */
function weekday(day: Day): number {
  return ((((day + 3) % 7) + 7) % 7) + 1;
}

function isoDay(day: Day): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** `month` counts from 0, as in `Date`. */
function partsOf(day: Day): { year: number; month: number; date: number } {
  const date = new Date(day * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth(), date: date.getUTCDate() };
}

function dayIn(zone: string, instant: Date): Day {
  const local = new TZDate(instant.getTime(), zone);
  return Date.UTC(local.getFullYear(), local.getMonth(), local.getDate()) / DAY_MS;
}
