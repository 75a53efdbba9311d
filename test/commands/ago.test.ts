import { formatDistanceStrict } from 'date-fns/formatDistanceStrict';
import { expect, test } from 'vitest';
import { ago, span } from '../../src/commands/ago.ts';

const NOW = new Date('2026-08-01T06:00:00Z');
const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

function before(ms: number): string {
  return new Date(NOW.getTime() - ms).toISOString();
}

test('a span of time is said as date-fns says it', () => {
  const spans = [0, 1, 2, 59].map((count) => count * SECOND);
  spans.push(...[1, 1.4, 1.6, 59].map((count) => count * MINUTE), ...[1, 2.4, 23].map((count) => count * HOUR));
  spans.push(...[1, 2, 29, 31, 80].map((count) => count * DAY));
  for (const ms of spans) expect(span(before(ms), NOW)).toBe(formatDistanceStrict(new Date(before(ms)), NOW));
});

test('a span that rounds to the whole of a unit is said in the larger one', () => {
  expect(span(before(59.6 * SECOND), NOW)).toBe('1 minute');
  expect(span(before(23.7 * HOUR), NOW)).toBe('1 day');
  expect(span(before(2 * 360 * DAY), NOW)).toBe('2 years');
});

test('a time is ago, just now or to come', () => {
  expect(ago(before(5 * MINUTE), NOW)).toBe('5 minutes ago');
  expect(ago(before(1_999), NOW)).toBe('just now');
  expect(ago(before(-1 * DAY), NOW)).toBe('in 1 day');
});
