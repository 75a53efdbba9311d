import fs from 'node:fs';
import { onTestFinished, vi } from 'vitest';

/**
 * Makes the system refuse to say what lies at some paths, as a dead mount does, until the test is over.
 * @param code the system's, e.g. `EIO`
 * @returns ends it before
 */
export function refuseLstat(code: string, refused: (path: string) => boolean): () => void {
  const { lstatSync: really } = fs;
  const spy = vi.spyOn(fs, 'lstatSync');
  spy.mockImplementation(((path: string, options: fs.StatSyncOptions) => {
    if (refused(path)) throw Object.assign(new Error(code), { code, syscall: 'lstat', errno: -5 });
    return really(path, options);
  }) as typeof fs.lstatSync);
  const end = (): void => {
    spy.mockRestore();
  };
  onTestFinished(end);
  return end;
}
