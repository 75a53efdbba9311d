/**
 * How long to wait after a number of failures in a row: `firstMs`, then twice as long each time, up to `capMs`.
 * @param failures from 1
 * @returns ms
 */
export function backOff(failures: number, firstMs: number, capMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 30), capMs);
}

/** The sooner of two moments or spans; null stands for never. */
export function sooner(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
