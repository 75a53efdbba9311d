import { spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pid } from 'node:process';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp.ts';

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

/** File systems that know no links, owners or modes, and keep times roughly. */
export type PlainFileSystem = 'vfat' | 'exfat';

/**
 * Mounts a new file system of 8 MiB on a folder (made where it is missing), until the test is over; by FUSE where the kernel has none.
 * @returns false where it cannot be made or mounted here
 */
export function mountImage(folder: string, kind: PlainFileSystem): boolean {
  mkdirSync(folder, { recursive: true });
  const image = join(tempFolder(), 'disk');
  writeFileSync(image, '');
  truncateSync(image, 8 * 1024 * 1024);
  if (spawnSync(`mkfs.${kind}`, [image]).status !== 0) return false;
  const device = spawnSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).stdout.trim();
  if (device === '') return false;
  onTestFinished(() => void spawnSync('losetup', ['--detach', device]));
  const ways = [
    ['mount', '-i', '-t', kind, device],
    kind === 'exfat' ? ['mount.exfat-fuse', device] : ['fusefat', '-o', 'rw+', device],
  ];
  if (!ways.some(([command = '', ...args]) => spawnSync(command, [...args, folder]).status === 0)) return false;
  onTestFinished(() => void spawnSync('umount', ['--lazy', folder]));
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
 * Mounts something on a file that no read of succeeds, as of a bad block, until the test is over.
 * @returns false where mounting is not allowed
 */
export function spoilReads(file: string): boolean {
  if (spawnSync('mount', ['--bind', `/proc/${pid}/mem`, file]).status !== 0) return false;
  onTestFinished(() => void spawnSync('umount', ['--lazy', file]));
  return true;
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
