import { describe, expect, test } from 'vitest';
import { expectSchema } from '../../src/feed/expect-schema.ts';
import { expectedPeriods, periodOf } from '../../src/status/expected-periods.ts';

const CHICAGO = { zone: 'America/Chicago' };

/** Unit and deadline of what is expected from one time to another, and when it is overdue where that is later. */
function expected(given: object, from: string, to: string): string[] {
  const expectation = expectSchema.parse({ by: '06:00', ...given });
  return expectedPeriods(expectation, new Date(from), new Date(to)).map(({ period, dueAt, overdueAt }) => {
    const late = overdueAt > dueAt ? ` until ${overdueAt.toISOString().slice(0, 16)}` : '';
    return `${period} by ${dueAt.toISOString().slice(0, 16)}${late}`;
  });
}

describe('what is expected', () => {
  test('a file a day, by a time of the zone, also where clocks are changed', () => {
    expect(expected({ every: 'day', ...CHICAGO }, '2026-03-07T12:00Z', '2026-03-08T12:00Z')).toEqual([
      '2026-03-07 by 2026-03-07T12:00',
      '2026-03-08 by 2026-03-08T11:00',
    ]);
    expect(expected({ every: 'day', ...CHICAGO }, '2026-10-31T12:00Z', '2026-11-01T12:00Z')).toEqual([
      '2026-10-31 by 2026-10-31T11:00',
      '2026-11-01 by 2026-11-01T12:00',
    ]);
  });

  test('a time of day that clocks skip is an hour later, one that they show twice the first', () => {
    const day = (by: string, date: string): string[] =>
      expected({ every: 'day', by, ...CHICAGO }, `${date}T18:00Z`, `${date}T18:00Z`);
    expect(day('02:30', '2026-03-08')).toEqual(['2026-03-08 by 2026-03-08T08:30']);
    expect(day('01:30', '2026-11-01')).toEqual(['2026-11-01 by 2026-11-01T06:30']);
  });

  test('the data of a day may be due the day after, with some grace', () => {
    expect(
      expected(
        { every: 'day', days_later: 1, grace: '90min', zone: 'Asia/Kolkata' },
        '2026-02-28T12:00Z',
        '2026-02-28T12:00Z',
      ),
    ).toEqual(['2026-02-28 by 2026-03-01T00:30 until 2026-03-01T02:00']);
  });

  test('on excepted days nothing is expected, and no deadline falls on one', () => {
    const except = ['weekends', '2026-11-26'];
    expect(expected({ every: 'day', days_later: 1, except }, '2026-11-25T00:00Z', '2026-11-29T23:00Z')).toEqual([
      '2026-11-25 by 2026-11-27T06:00',
      '2026-11-27 by 2026-11-30T06:00',
    ]);
    expect(expected({ every: 'month', on: 28, except }, '2026-11-01T00:00Z', '2026-11-01T00:00Z')).toEqual([
      '2026-11 by 2026-11-30T06:00',
    ]);
  });

  test('a file a week, whose weeks are those of ISO 8601', () => {
    expect(expected({ every: 'week', on: 'friday' }, '2026-12-30T00:00Z', '2027-01-04T00:00Z')).toEqual([
      '2026-W53 by 2027-01-01T06:00',
      '2027-W01 by 2027-01-08T06:00',
    ]);
  });

  test('a file a month, on its last day where it has no such day', () => {
    expect(expected({ every: 'month', on: 30 }, '2027-01-31T00:00Z', '2027-03-01T00:00Z')).toEqual([
      '2027-01 by 2027-01-30T06:00',
      '2027-02 by 2027-02-28T06:00',
      '2027-03 by 2027-03-30T06:00',
    ]);
    expect(expected({ every: 'month', days_later: 5 }, '2027-01-31T00:00Z', '2027-01-31T00:00Z')).toEqual([
      '2027-01 by 2027-02-05T06:00',
    ]);
  });
});

describe('a file counts', () => {
  const count = (given: object, stamp: string): string =>
    periodOf(expectSchema.parse({ by: '06:00', ...given }), stamp);

  test('for the day, week or month in the zone that its stamp falls in', () => {
    expect(count({ every: 'day', ...CHICAGO }, '2026-08-02T04:30:00Z')).toBe('2026-08-01');
    expect(count({ every: 'day' }, '2026-08-02T04:30:00Z')).toBe('2026-08-02');
    expect(count({ every: 'week', ...CHICAGO }, '2026-08-03T04:30:00Z')).toBe('2026-W31');
    expect(count({ every: 'month', ...CHICAGO }, '2026-08-01T04:30:00Z')).toBe('2026-07');
  });

  test('for the day that is written, where the stamp has no time or is written in the zone', () => {
    expect(count({ every: 'day', ...CHICAGO }, '2026-08-02T00:00:00Z')).toBe('2026-08-02');
    expect(count({ every: 'day', stamps: 'zone', ...CHICAGO }, '2026-08-02T04:30:00Z')).toBe('2026-08-02');
  });
});
