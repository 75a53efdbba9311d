import fs from 'node:fs';
import type { FileStat } from '../model/ledger.ts';

/** The stat of a file as node gives it; a FileStat is made of it only where one is kept. */
export type RawStat = Pick<fs.BigIntStats, 'size' | 'mtimeNs' | 'ctimeNs' | 'ino'>;

/** Keeps of a stat what tells one state of a file from another. */
export function fileStat(stat: RawStat): FileStat {
  return { bytes: Number(stat.size), mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, inode: stat.ino };
}

/** Whether two stats describe a file that nobody has touched in between. */
export function sameStat(a: FileStat, b: FileStat): boolean {
  return a.bytes === b.bytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.inode === b.inode;
}

/** Whether a file still is as it was. */
export function isStill(now: RawStat, before: FileStat): boolean {
  const { bytes, mtimeNs, ctimeNs, inode } = before;
  return now.mtimeNs === mtimeNs && now.ctimeNs === ctimeNs && now.ino === inode && now.size === BigInt(bytes);
}

/** The stat of what lies at a path, links not followed; null where there is nothing. */
export function lstat(file: string | Buffer): fs.BigIntStats | null {
  return fs.lstatSync(file, { bigint: true, throwIfNoEntry: false }) ?? null;
}
