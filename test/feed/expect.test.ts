import { expect, test } from 'vitest';
import { LandfallError } from '../../src/model/errors.ts';
import { feedWith } from '../helpers/expecting.ts';

function problemOf(line: string): string {
  try {
    feedWith({ Visit: [line] });
  } catch (error) {
    if (error instanceof LandfallError) return error.message;
  }
  return 'no problem';
}

test('a dataset says when its files are expected, and how many rows they may have', () => {
  const { feed } = feedWith({
    Visit: [
      "expect: { every: week, on: friday, by: '06:30', zone: America/Chicago, grace: 2h, days_later: 1, except: [weekends, 2026-12-25] }",
      'rows: { min: 10, change: 60%, severity: quarantine }',
    ],
    Transaction: ["expect: { every: month, by: '06:00' }"],
  });
  const [procedure, visit, transaction] = feed.datasets;
  expect(visit?.expect).toEqual({
    ...{ every: 'week', on: 5, by: { hours: 6, minutes: 30 }, zone: 'America/Chicago', stamps: 'utc' },
    ...{ graceMs: 7_200_000, daysLater: 1, except: { weekends: true, dates: ['2026-12-25'] } },
  });
  expect(visit?.rows).toEqual({ min: 10, change: 0.6, severity: 'quarantine' });
  expect(transaction?.expect).toMatchObject({ every: 'month', on: 31, zone: 'UTC', graceMs: 0 });
  expect([procedure?.expect, procedure?.rows]).toEqual([null, null]);
});

test.each([
  ["expect: { every: day, by: '6:00' }", "expect.by: must be a time of day such as '06:00'"],
  ["expect: { every: year, by: '06:00' }", 'expect.every: must be one of day, week, month'],
  ["expect: { every: day, on: friday, by: '06:00' }", 'expect.on: cannot be with every: day'],
  ["expect: { every: week, on: 5, by: '06:00' }", 'expect.on: must be a weekday such as friday'],
  ["expect: { every: month, on: friday, by: '06:00' }", 'expect.on: must be a day of the month, 1 to 31'],
  ["expect: { every: day, by: '06:00', zone: Chicago }", 'expect.zone: must be a time zone such as America/Chicago'],
  ["expect: { every: day, by: '06:00', grace: soon }", 'expect.grace: must be a time such as 2h'],
  ["expect: { every: day, by: '06:00', except: [xmas] }", 'must be weekends, or a day such as 2026-12-25'],
  ['rows: { severity: warn }', 'rows: must have min, change or both'],
  ['rows: { change: 0.6 }', 'rows.change: must be a share such as 60%'],
])('%s is refused with an example', (line, problem) => {
  expect(problemOf(line)).toContain(problem);
});
