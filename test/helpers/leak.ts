import { expect, onTestFinished } from 'vitest';
import { findLeak } from './billing.ts';

/**
 * Fails the running test, when it is over, if all that was logged until then holds a marked value (P8). Every helper that makes
 * a log watches it, so that nothing is logged in the whole suite without being read for this.
 * @param text what was logged, asked for at the end
 */
export function watchForLeaks(text: () => string, whenOver: (check: () => void) => void = onTestFinished): void {
  whenOver(() => {
    // Not the text itself: a test's output holds no value from a row either.
    expect(findLeak(text()), 'where a value from a row was logged').toBeNull();
  });
}
