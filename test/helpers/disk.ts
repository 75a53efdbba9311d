import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * Mounts a small file system of its own on a folder (made where it is missing), until the test is over.
 * @param limits of tmpfs(5), e.g. `size=1m`
 * @returns false where mounting is not allowed
 */
export function mountDisk(folder: string, limits: string, whenOver: (cleanUp: () => void) => void): boolean {
  mkdirSync(folder, { recursive: true });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', limits, 'tmpfs', folder]).status !== 0) return false;
  whenOver(() => {
    spawnSync('umount', ['--lazy', folder]);
  });
  return true;
}

/** Fills a mounted disk to the last byte. */
export function fillDisk(folder: string): void {
  // dd ends with 1 when there is no room left.
  spawnSync('dd', ['if=/dev/zero', `of=${join(folder, 'filler')}`, 'bs=4096']);
}

/** Makes room on a mounted disk. */
export function growDisk(folder: string, limits: string): void {
  if (spawnSync('mount', ['-o', `remount,${limits}`, folder]).status !== 0)
    throw new Error(`the disk at ${folder} cannot be grown`);
}

/**
 * Mounts a file, or a folder, on itself, until the test is over.
 * @param options of mount(8), e.g. `ro`
 * @returns false where mounting is not allowed
 */
export function mountSelf(path: string, options = 'rw'): boolean {
  if (spawnSync('mount', ['--bind', path, path]).status !== 0) return false;
  onTestFinished(() => {
    spawnSync('umount', ['--lazy', path]);
  });
  return spawnSync('mount', ['-o', `remount,bind,${options}`, path]).status === 0;
}
