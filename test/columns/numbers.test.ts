import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TypeParameters, Value } from '../../src/columns/column-type.ts';
import type { ColumnTypeName } from '../../src/columns/registry.ts';
import { codeOf, taker } from './take.ts';

test.each<[ColumnTypeName, TypeParameters, string, Value]>([
  ['integer', {}, '46', 46],
  ['integer', {}, '-0', 0],
  ['integer', {}, '007', 7],
  ['integer', {}, '1,234,567', 1234567],
  ['integer', {}, '-9007199254740991', -9007199254740991],
  ['number', {}, '42.047565000000006', 42.047565000000006],
  ['number', {}, '-.5', -0.5],
  ['number', {}, '1E3', 1000],
  ['number', {}, '0e999', 0],
  ['number', {}, '-0.0', 0],
  ['decimal', { scale: 2 }, '12', '12.00'],
  ['decimal', { scale: 2 }, '-.5', '-0.50'],
  ['decimal', { scale: 2 }, '-0', '0.00'],
  ['decimal', { scale: 2 }, '0012.3', '12.30'],
  ['decimal', { scale: 0 }, '12', '12'],
  ['decimal', { scale: 15 }, '42.047565000000006', '42.047565000000006'],
  ['boolean', {}, 'YES', 1],
  ['boolean', {}, 'f', 0],
])('%s %j: %s is %j', (type, parameters, text, value) => {
  expect(taker(type, parameters)(text)).toBe(value);
});

test.each<[ColumnTypeName, TypeParameters, string]>([
  ['integer', {}, '46.0'],
  ['integer', {}, '9007199254740992'],
  ['integer', {}, '9'.repeat(400)],
  ['integer', {}, '1_000'],
  ['integer', {}, '٣'],
  ['integer', {}, '-'],
  ['integer', {}, '0x10'],
  ['number', {}, '5.'],
  ['number', {}, 'e5'],
  ['number', {}, '1e999'],
  ['number', {}, '1e-310'],
  ['number', {}, '1e99999999'],
  ['number', {}, 'Infinity'],
  ['number', {}, '1.2.3'],
  ['decimal', { scale: 2 }, '1.234'],
  ['decimal', { scale: 2 }, '1.230'],
  ['decimal', { scale: 0 }, '1.0'],
  ['decimal', { scale: 2 }, '1'.repeat(37)],
  ['decimal', { scale: 2 }, '1e2'],
  ['boolean', {}, 'x'],
  ['boolean', {}, '00'],
  ['boolean', {}, 'constructor'],
])('%s %j: %s is refused, never rounded', (type, parameters, text) => {
  expect(codeOf(type, text, parameters)).toBe(`bad_${type}`);
});

test('decimal: a reason says how many decimals the feed allows', () => {
  expect(taker('decimal', { scale: 2 })('0.125')).toMatchObject({
    reason: 'Value: more than 2 decimals (scale in the feed); expected for example 0.25',
  });
});

test('integer: every safe integer is taken as it is', () => {
  const take = taker('integer');
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => Object.is(take(String(value)), value === 0 ? 0 : value)));
});

test('number: every double that is not too small comes back as it was', () => {
  const take = taker('number');
  const doubles = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(doubles, (value) => {
      fc.pre(value === 0 || Math.abs(value) > 1e-307);
      expect(take(String(value))).toBe(value === 0 ? 0 : value);
    }),
    { numRuns: 1000 },
  );
});

test('decimal: what is taken is taken again as the same, and equals what was written', () => {
  const parts = fc.tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.integer({ min: 0, max: 8 }));
  fc.assert(
    fc.property(parts, fc.nat({ max: 8 }), ([negative, units, decimals], more) => {
      const scale = Math.min(8, decimals + more);
      const digits = String(units).padStart(decimals + 1, '0');
      const point = digits.length - decimals;
      const text = `${negative ? '-' : ''}${digits.slice(0, point)}${decimals > 0 ? `.${digits.slice(point)}` : ''}`;
      const take = taker('decimal', { scale });
      const value = take(text);
      expect(take(value as string)).toBe(value);
      const kept = BigInt((value as string).replace('.', ''));
      expect(kept).toBe((negative ? -units : units) * 10n ** BigInt(scale - decimals));
    }),
  );
});
