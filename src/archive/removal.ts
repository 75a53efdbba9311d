import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { fileStat, isStill, lstat } from '../landing/file-stat.ts';
import type { Archive } from '../model/archive.ts';
import type { FileStat, LedgerEntry } from '../model/ledger.ts';
import { systemCode } from '../system/system-error.ts';
import { hashCopy } from './read-copy.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/** What became of a step on the way out of the landing folder. */
export type RemovalOutcome =
  /** It is done. */
  | 'done'
  /** It is not the file that was ingested: it is to be read. */
  | 'changed'
  /** What was set aside before has the name that it would get: it waits for that. */
  | 'in the way'
  /** There is no sound copy of it: it stays. */
  | 'no copy';

/** The name of a file that is set aside: hidden, beside where it was, with the time at which its content was taken. */
export function asideName(name: string, takenAt: string): string {
  const at = name.lastIndexOf('/') + 1;
  return `${name.slice(0, at)}.${name.slice(at)}.${takenAt.replaceAll(/[-:]/g, '')}.removing`;
}

/**
 * Gives an ingested file a name under which nobody looks for it, if it is still what was ingested, to its inode, times and bytes, and its
 * copy is sound. What a sender puts in its place in the last instant gets its name back.
 * @throws Error as node:fs does; the file is then where it was, or set aside
 */
export async function setAside(archive: Archive, landing: string, entry: LedgerEntry): Promise<RemovalOutcome> {
  const { name, stat, takenAt } = entry;
  if (takenAt === null || !(await hasCopy(archive, entry))) return 'no copy';
  const file = path.join(landing, name);
  if (!(await isAsIngested(file, entry, (now) => isStill(now, stat)))) return 'changed';
  const aside = path.join(landing, asideName(name, takenAt));
  if (lstat(aside) !== null) return 'in the way';
  archive.probe('set_aside');
  fs.renameSync(file, aside);
  const moved = lstat(aside);
  if (moved !== null && isSameFile(moved, stat)) return 'done';
  giveBack(aside, file);
  return 'changed';
}

/**
 * Removes a file that was set aside, if it is still what was ingested and its copy is sound.
 * @throws Error as node:fs does
 */
export async function remove(archive: Archive, aside: string, entry: LedgerEntry): Promise<RemovalOutcome> {
  if (!(await hasCopy(archive, entry))) return 'no copy';
  if (!(await isAsIngested(aside, entry, (now) => isSameFile(now, entry.stat)))) return 'changed';
  archive.probe('removing');
  fs.unlinkSync(aside);
  archive.probe('removed');
  return 'done';
}

/**
 * Gives a file that was set aside the name it had.
 * @returns false where that is taken by now: it then stays
 * @throws Error as node:fs does
 */
export function giveBack(aside: string, file: string): boolean {
  try {
    // A link fails where the name exists; a rename would overwrite.
    fs.linkSync(aside, file);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return lstat(aside)?.ino === lstat(file)?.ino && unlinked(aside);
    // Linux lets nobody link a stranger's file that he may not write, and some file systems know no links.
    if (code !== 'EPERM' && code !== 'EOPNOTSUPP' && code !== 'EMLINK') throw error;
    return claimed(file) && renamed(aside, file);
  }
  return unlinked(aside);
}

/** Whether a file that was renamed is the one that was ingested. Its ctime says nothing, since a rename changes it. */
export function isSameFile(now: Pick<fs.BigIntStats, 'size' | 'mtimeNs' | 'ino'>, before: FileStat): boolean {
  return now.size === BigInt(before.bytes) && now.mtimeNs === before.mtimeNs && now.ino === before.inode;
}

function unlinked(file: string): true {
  fs.unlinkSync(file);
  return true;
}

function renamed(from: string, to: string): true {
  fs.renameSync(from, to);
  return true;
}

/** Takes a free name by an empty file, over which only the one who made it may rename. */
function claimed(file: string): boolean {
  try {
    fs.closeSync(fs.openSync(file, 'wx', 0o660));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function hasCopy({ folder, sealing }: Archive, { archivedTo, sha256 }: LedgerEntry): Promise<boolean> {
  if (archivedTo === null || sha256 === null) return false;
  return (await hashCopy({ archive: folder, path: archivedTo }, sealing)) === sha256;
}

/** Whether what lies at a path has the bytes that were ingested, and is the same file before and after they are read. */
async function isAsIngested(
  file: string,
  { sha256 }: LedgerEntry,
  isSame: (now: fs.BigIntStats) => boolean,
): Promise<boolean> {
  const before = lstat(file);
  if (before?.isFile() !== true || !isSame(before)) return false;
  // A pipe or a link may take its place: neither is to be waited for or followed.
  await using handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const hash = createHash('sha256');
  for await (const part of handle.createReadStream({ autoClose: false })) hash.update(part as Buffer);
  const after = lstat(file);
  const sameAll =
    after !== null &&
    isStill(after, fileStat(before)) &&
    isStill(await handle.stat({ bigint: true }), fileStat(before));
  return sameAll && hash.digest('hex') === sha256;
}
