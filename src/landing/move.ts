import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import type { FileStat } from '../model/ledger.ts';
import { systemCode } from '../system/system-error.ts';

/** An ingested file that is to leave the landing folder. */
export interface Archivable {
  readonly fileId: number;
  readonly name: string;
  /** `YYYY-MM-DDThh:mm:ssZ`; says which folder of the archive it goes to. */
  readonly stamp: string;
  /** As it was when it was read. */
  readonly stat: FileStat;
}

/**
 * What became of a move.
 * - `archived`: it lies at `path`.
 * - `changed`: it is not the file that was read any more; it lies in the landing folder, as new.
 * - `aside`: it is not the file that was read, and its name is taken again by a newer one; it lies at `path`, unread.
 * - `gone`: someone else has taken it away.
 */
export type ArchiveOutcome =
  | { readonly kind: 'archived'; readonly path: string }
  | { readonly kind: 'changed' }
  | { readonly kind: 'aside'; readonly path: string }
  | { readonly kind: 'gone' };

/** How many files of one name and id a folder can hold (a database made anew counts its ids from 1 again). */
const MOST_NAMESAKES = 1000;

/** node sets times as fractions of a second in a double: a copy's mtime is its source's to less than this, in ns. */
const COPIED_TIME_NS = 1_000_000n;

/** Whether a file that was renamed is the one that was read. Its ctime says nothing, since a move changes it. */
export function sameContent(found: fs.BigIntStats, read: FileStat): boolean {
  return found.size === BigInt(read.bytes) && found.mtimeNs === read.mtimeNs && found.ino === read.inode;
}

/** Whether a file on another file system is a copy of the one that was read, as copy-move.ts makes them. */
export function isCopyOf(found: fs.BigIntStats, read: FileStat): boolean {
  const apart = found.mtimeNs - read.mtimeNs;
  return found.size === BigInt(read.bytes) && apart < COPIED_TIME_NS && apart > -COPIED_TIME_NS;
}

/**
 * Gives a file the name `name`, if that is free.
 * @returns whether it was; else the file stays where it is
 * @throws Error as node:fs does
 */
export function moveIfFree(from: string, name: string): boolean {
  try {
    // A link fails where the name exists; a rename would overwrite.
    fs.linkSync(from, name);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return false;
    // Linux lets nobody link a stranger's file that he may not write, and some file systems know no links.
    if (code === 'EPERM' || code === 'EOPNOTSUPP' || code === 'EMLINK') return renameOverClaim(from, name);
    throw error;
  }
  fs.unlinkSync(from);
  return true;
}

/**
 * Takes a free name by creating an empty file, over which only the one who created it may rename.
 * @returns whether it was free
 * @throws Error as node:fs does
 */
export function claim(target: string): boolean {
  try {
    fs.closeSync(fs.openSync(target, 'wx', 0o660));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function renameOverClaim(from: string, name: string): boolean {
  if (!claim(name)) return false;
  fs.renameSync(from, name);
  return true;
}

/** The paths in a folder that a name may come to: `NAME`, `NAME-2`, `NAME-3` … */
export function* namesakes(folder: string, name: string): Generator<string, void> {
  for (let ordinal = 1; ordinal <= MOST_NAMESAKES; ordinal++) {
    yield path.join(folder, ordinal === 1 ? name : `${name}-${ordinal}`);
  }
}

/**
 * Tries the namesakes of a name until `take` finds one free.
 * @param take takes the path if it is free, and says whether it was
 * @throws LandfallError when all are taken, or as `take` does
 */
export function firstFree(folder: string, name: string, take: (target: string) => boolean): string {
  for (const target of namesakes(folder, name)) if (take(target)) return target;
  throw new LandfallError('archive', `${MOST_NAMESAKES} files of this name are there already`, {
    file: path.join(folder, name),
  });
}
