import { FileRefused } from '../model/errors.ts';
import type { Mishaps } from '../store/attempts.ts';

/** How often a content may fail: raise an unexpected error, or crash or hang the process that reads it. */
const MAX_FAILURES = 3;

/** How often the program may end in the middle of a content when nobody knows why. It is then held, and tried once more. */
export const MAX_DEATHS = 10;

/** @throws FileRefused `internal_error` when reading a content has ended badly too often */
export function requireFewMishaps({ failures, deaths }: Mishaps): void {
  if (failures >= MAX_FAILURES) {
    const reason = `reading it failed ${failures} times without another reason; the log of those times says more`;
    throw new FileRefused('internal_error', reason);
  }
  if (deaths > MAX_DEATHS) {
    const reason = `the program was ended ${deaths} times in the middle of it; the log of the system may say by what (too little memory?)`;
    throw new FileRefused('internal_error', reason);
  }
}
