import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import type { Archive } from '../model/archive.ts';
import type { Probe } from '../model/ledger.ts';
import { systemCode } from '../system/system-error.ts';
import { syncToDisk } from '../system/sync.ts';

/**
 * An archive that was not looked at yet.
 * @param sealing what its copies are sealed under (P9); null: they are not
 * @param draftsAtOnce more than 1: whoever adds copies settles the drafts that are left
 */
export function openArchive(
  folder: string,
  probe: Probe = () => undefined,
  sealing: Uint8Array | null = null,
  draftsAtOnce = 1,
): Archive {
  return { folder, probe, sealing, made: false, drafts: Number.POSITIVE_INFINITY, draftsAtOnce };
}

/** The archive cannot be written or read: what was to be kept in it waits (P7). */
export class ArchiveFault extends LandfallError {
  /** The system's code, e.g. `ENOSPC`. */
  readonly code: string;

  /** @param file the path concerned; it holds the name of a file, never a value from a row */
  constructor(code: string, file: string, cause: unknown) {
    super('archive', HINTS[code] ?? `the system says ${code}`, { file, cause });
    this.code = code;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'no room left on its disk (ENOSPC)',
  EDQUOT: 'no room left in its quota (EDQUOT)',
  ENOENT: 'the folder is not there; is its disk mounted? (ENOENT)',
  EACCES: 'its folder or file may not be written; check owner and mode (EACCES)',
  EPERM: 'its folder or file may not be written; check owner and mode (EPERM)',
  EROFS: 'its disk is mounted read-only (EROFS)',
  ENOTDIR: 'a link or a file stands where a folder should be; no link is followed (ENOTDIR)',
  ENAMETOOLONG: 'the name of the file is too long for a copy (ENAMETOOLONG)',
};

/**
 * Does something in the archive.
 * @throws ArchiveFault for an error of the system
 */
export async function inArchive<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asArchiveFault(file, error);
  }
}

/** As `inArchive`, without waiting. */
export function inArchiveNow<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asArchiveFault(file, error);
  }
}

function asArchiveFault(file: string, error: unknown): unknown {
  const code = systemCode(error);
  return code === null ? error : new ArchiveFault(code, file, error);
}

/**
 * Makes the folders that a path below the archive leads through, for their owner alone, and durable. No link is followed.
 * @param file relative to the archive
 * @returns the absolute path of the file
 * @throws the system's error; ENOTDIR where a link, or no folder, stands in the way
 */
export function makeWay(archive: Archive, file: string): string {
  if (!archive.made) fs.mkdirSync(archive.folder, { recursive: true, mode: 0o700 });
  archive.made = true;
  const absolute = path.join(archive.folder, file);
  for (const [above, folder] of wayTo(archive.folder, file)) {
    if (isFolder(folder)) continue;
    try {
      fs.mkdirSync(folder, { mode: 0o700 });
      syncToDisk(above);
    } catch (error) {
      // Another daemon has made it.
      if (systemCode(error) !== 'EEXIST' || !isFolder(folder)) throw error;
    }
  }
  return absolute;
}

/**
 * The absolute path of a file of the archive.
 * @returns null where a folder on the way to it is not there
 * @throws the system's error; ENOTDIR where a link, or no folder, stands in the way
 */
export function findWay(archive: Pick<Archive, 'folder'>, file: string): string | null {
  for (const [, folder] of wayTo(archive.folder, file)) if (!isFolder(folder)) return null;
  return path.join(archive.folder, file);
}

/** Whether a file lies in the archive. What a link leads to does not. */
export function isInArchive(archive: Pick<Archive, 'folder'>, file: string): boolean {
  try {
    const at = findWay(archive, file);
    return at !== null && fs.lstatSync(at, { throwIfNoEntry: false })?.isFile() === true;
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return false;
  }
}

/** Each folder on the way to a file, with the one above it. */
function* wayTo(archive: string, file: string): Generator<[above: string, folder: string]> {
  let above = archive;
  for (const part of file.split('/').slice(0, -1)) {
    const folder = path.join(above, part);
    yield [above, folder];
    above = folder;
  }
}

function isFolder(folder: string): boolean {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (stat.isDirectory()) return true;
  throw Object.assign(new Error(), { code: 'ENOTDIR', syscall: 'mkdir' });
}
