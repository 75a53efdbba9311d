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

/** Makes the system refuse to open some folders, until the test is over. */
export function refuseOpen(code: string, refused: (path: string) => boolean): void {
  const { opendirSync: really } = fs;
  const spy = vi.spyOn(fs, 'opendirSync');
  spy.mockImplementation((path, options) => {
    if (refused(String(path))) throw Object.assign(new Error(code), { code, syscall: 'opendir', errno: -13 });
    return really(path, options);
  });
  onTestFinished(() => {
    spy.mockRestore();
  });
}
