import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * Makes an empty folder for one test and removes it when the test is over, passed or failed.
 * @param whenOver takes the clean-up; pass `afterAll` when the folder is made in `beforeAll`
 * @returns its absolute path
 */
export function tempFolder(whenOver: (cleanUp: () => void) => void = onTestFinished): string {
  return makeFolder(tmpdir(), whenOver);
}

/** A file system of its own on any Linux. */
const OTHER_DEVICE = '/dev/shm';

/** Whether there is a file system beside the one of `tempFolder`. */
export const hasOtherDevice = existsSync(OTHER_DEVICE) && statSync(OTHER_DEVICE).dev !== statSync(tmpdir()).dev;

/** As `tempFolder`, on another file system; only where `hasOtherDevice`. */
export function otherDeviceFolder(): string {
  return makeFolder(OTHER_DEVICE, onTestFinished);
}

function makeFolder(root: string, whenOver: (cleanUp: () => void) => void): string {
  const path = mkdtempSync(join(root, 'landfall-test-'));
  whenOver(() => {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  });
  return path;
}
