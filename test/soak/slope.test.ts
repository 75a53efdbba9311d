import { expect, test } from 'vitest';
import { rises, slopeOf } from './slope.ts';

const line = (height: number, slope: number, noise: number): [number, number][] =>
  Array.from({ length: 50 }, (_, x) => [x, height + slope * x + noise * ((x * 7) % 5) - 2 * noise]);

test('a line is found under noise', () => {
  const { mean, slope, error } = slopeOf(line(100, 2, 3));
  expect(slope).toBeGreaterThan(1.8);
  expect(slope).toBeLessThan(2.2);
  expect(mean).toBeCloseTo(149, 0);
  expect(error).toBeLessThan(0.1);
});

test('what rises is told from what only trembles', () => {
  expect(rises(slopeOf(line(100, 1, 3)), 50, 0.1)).toBe(true);
  expect(rises(slopeOf(line(100, 0, 30)), 50, 0.1)).toBe(false);
  expect(rises(slopeOf(line(1000, 1, 3)), 50, 0.1)).toBe(false);
  expect(rises(slopeOf(line(100, -5, 3)), 50, 0.1)).toBe(false);
});
