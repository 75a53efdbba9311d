import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * Makes an empty folder for one test and removes it when the test is over, passed or failed.
 * @param whenOver takes the clean-up; pass `afterAll` when the folder is made in `beforeAll`
 * @returns its absolute path
 */
export function tempFolder(whenOver: (cleanUp: () => void) => void = onTestFinished): string {
  const path = mkdtempSync(join(tmpdir(), 'landfall-test-'));
  whenOver(() => {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  });
  return path;
}
