/** How long is waited after failures in a row, in ms: `firstMs`, then twice as long each time, up to `capMs`. */
export interface BackOff {
  readonly firstMs: number;
  readonly capMs: number;
}

/** Something that has failed and is tried again. Its times are those of one clock, monotonic or wall: the one that is given as `now`. */
export interface Retry {
  /** In a row, from 1. */
  readonly failures: number;
  /** In ms by that clock. */
  readonly notBefore: number;
}

/** What has failed so many times in a row, the last of them at `at`. */
export function retryAt(failures: number, { firstMs, capMs }: BackOff, at: number): Retry {
  return { failures, notBefore: at + Math.min(firstMs * 2 ** Math.min(failures - 1, 30), capMs) };
}

/** What has failed once more. */
export function retryAgain(before: Retry | null | undefined, backOff: BackOff, now: number): Retry {
  return retryAt((before?.failures ?? 0) + 1, backOff, now);
}

/** How long it still has to wait, in ms; 0 also for what has not failed. */
export function waitMs(retry: Retry | null | undefined, now: number): number {
  return Math.max(0, (retry?.notBefore ?? now) - now);
}

/** The sooner of two moments or spans; null stands for never. */
export function sooner(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
