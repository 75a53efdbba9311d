import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TypeParameters } from '../../src/columns/column-type.ts';
import { isZone } from '../../src/columns/time-zone.ts';
import { codeOf, taker } from './take.ts';

const CHICAGO = { zone: 'America/Chicago' };

test.each<[TypeParameters, string, string]>([
  [{}, '2026-08-01T06:02:03Z', '2026-08-01T06:02:03Z'],
  [{}, '2023-05-24T15:31:33+00:00', '2023-05-24T15:31:33Z'],
  [{}, '2026-08-01 06:02:03-05:00', '2026-08-01T11:02:03Z'],
  [{}, '2026-12-31T23:30:00-0100', '2027-01-01T00:30:00Z'],
  [{}, '2026-08-01 06:02:03+00', '2026-08-01T06:02:03Z'],
  [{}, '2026-08-01T06:02Z', '2026-08-01T06:02:00Z'],
  [{}, '2026-08-01T06:02:03.000Z', '2026-08-01T06:02:03Z'],
  [{ precision: 3 }, '2026-08-01T06:02:03.2500Z', '2026-08-01T06:02:03.250Z'],
  [{ precision: 6 }, '2026-08-01T06:02:03.123456Z', '2026-08-01T06:02:03.123456Z'],
  [{ precision: 3 }, '2026-08-01T06:02:03Z', '2026-08-01T06:02:03.000Z'],
  [CHICAGO, '2026-08-01 06:02:03', '2026-08-01T11:02:03Z'],
  [CHICAGO, '2026-01-01 06:02:03', '2026-01-01T12:02:03Z'],
  [CHICAGO, '1/1/2026 6:02 PM', '2026-01-02T00:02:00Z'],
  [CHICAGO, '1/1/2026 12:00 AM', '2026-01-01T06:00:00Z'],
  [CHICAGO, '1/1/2026 12:00 PM', '2026-01-01T18:00:00Z'],
  [CHICAGO, '20260101060203', '2026-01-01T12:02:03Z'],
  [CHICAGO, '2026-08-01T06:02:03Z', '2026-08-01T06:02:03Z'],
  [{ zone: 'Asia/Kathmandu' }, '2026-01-01 00:00', '2025-12-31T18:15:00Z'],
  // Clocks that show no daylight saving have no gap where others do.
  [{ zone: 'UTC' }, '2026-03-08 02:30:00', '2026-03-08T02:30:00Z'],
  [{ zone: 'America/Phoenix' }, '2026-03-08 02:30:00', '2026-03-08T09:30:00Z'],
])('timestamp %j: %s is %s', (parameters, text, value) => {
  expect(taker('timestamp', parameters)(text)).toBe(value);
  expect(taker('timestamp', parameters)(value)).toBe(value);
});

test.each<[TypeParameters, string]>([
  [{}, '2026-08-01'],
  [{}, '2026-08-01T06:02:03'],
  [{}, '2026-02-30T06:02:03Z'],
  [{}, '2026-08-01T24:00:00Z'],
  [{}, '2026-08-01T06:02:60Z'],
  [{}, '2026-08-01T06:02:03+16:00'],
  [{}, '2026-08-01T06:02:03+01:60'],
  [{}, '2026-08-01T06:02:03.001Z'],
  [{ precision: 3 }, '2026-08-01T06:02:03.0001Z'],
  [{}, '0001-01-01T00:00:00+01:00'],
  [{}, '9999-12-31T23:59:59-01:00'],
  [{}, '8/1/26 6:02 PM'],
  [{}, 'yesterday'],
])('timestamp %j: %s is refused', (parameters, text) => {
  expect(codeOf('timestamp', text, parameters)).toBe('bad_timestamp');
});

describe('timestamp: times on the wall when clocks are changed', () => {
  test.each([
    ['America/Chicago', '2026-03-08 01:59:59', '2026-03-08T07:59:59Z'],
    ['America/Chicago', '2026-03-08 03:00:00', '2026-03-08T08:00:00Z'],
    ['America/Chicago', '2026-11-01 00:59:59', '2026-11-01T05:59:59Z'],
    ['America/Chicago', '2026-11-01 02:00:00', '2026-11-01T08:00:00Z'],
    ['Australia/Lord_Howe', '2026-04-05 01:29:59', '2026-04-04T14:29:59Z'],
    ['Pacific/Apia', '2011-12-29 23:59:59', '2011-12-30T09:59:59Z'],
  ])('in %s %s is %s', (zone, text, value) => {
    expect(taker('timestamp', { zone })(text)).toBe(value);
  });

  test.each([
    ['America/Chicago', '2026-03-08 02:00:00', 'skipped'],
    ['America/Chicago', '2026-03-08 02:59:59', 'skipped'],
    ['America/Chicago', '2026-11-01 01:00:00', 'showed twice'],
    ['America/Chicago', '2026-11-01 01:59:59', 'showed twice'],
    ['Australia/Lord_Howe', '2026-04-05 01:30:00', 'showed twice'],
    ['Europe/Berlin', '2026-10-25 02:30:00', 'showed twice'],
    // Samoa had no such day.
    ['Pacific/Apia', '2011-12-30 12:00:00', 'skipped'],
  ])('in %s %s is refused: clocks %s it', (zone, text, why) => {
    expect(taker('timestamp', { zone })(text)).toMatchObject({
      code: 'bad_timestamp',
      reason: `Value: a time that clocks in ${zone} ${why}; expected for example 2026-08-01T06:02:03Z`,
    });
  });

  test('with its offset each of the two is taken', () => {
    const take = taker('timestamp', CHICAGO);
    expect(take('2026-11-01T01:30:00-05:00')).toBe('2026-11-01T06:30:00Z');
    expect(take('2026-11-01T01:30:00-06:00')).toBe('2026-11-01T07:30:00Z');
  });
});

test('timestamp: each moment of a zone, written as its clocks show it, is that moment, unless clocks were changed', () => {
  const zones = ['America/Chicago', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/St_Johns'];
  const moments = fc.integer({ min: Date.parse('1960-01-01') / 1000, max: Date.parse('2037-01-01') / 1000 });
  const takers = new Map(zones.map((zone) => [zone, taker('timestamp', { zone })]));
  fc.assert(
    fc.property(fc.constantFrom(...zones), moments, (zone, seconds) => {
      const moment = new Date(seconds * 1000);
      const wall = moment.toLocaleString('sv-SE', { timeZone: zone });
      const value = takers.get(zone)?.(wall);
      const refused = typeof value === 'object' && value !== null;
      // A refusal is checked against the clocks an hour and half an hour before and behind.
      const around = [-3600, -1800, 1800, 3600].map((shift) =>
        new Date((seconds + shift) * 1000).toLocaleString('sv-SE', { timeZone: zone }),
      );
      if (refused) expect(around).toContain(wall);
      else expect(value).toBe(moment.toISOString().replace('.000', ''));
    }),
    { numRuns: 300 },
  );
});

test('timestamp: texts sort as their moments do', () => {
  const take = taker('timestamp', { precision: 3 });
  const moments = fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true });
  fc.assert(
    fc.property(moments, moments, (a, b) => {
      const [one, other] = [a, b].map((date) => take(date.toISOString()) as string);
      expect(Math.sign((one ?? '') < (other ?? '') ? -1 : one === other ? 0 : 1)).toBe(
        Math.sign(a.getTime() - b.getTime()),
      );
    }),
  );
});

test('a zone is one that the IANA database names', () => {
  expect(['America/Chicago', 'UTC', 'America/Gotham', '+05:00', ''].map(isZone)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
