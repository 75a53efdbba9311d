import fs from 'node:fs';
import path from 'node:path';
import { makePrivateFolder } from '../system/private-files.ts';
import { systemCode } from '../system/system-error.ts';
import { copyToArchive } from './copy-move.ts';
import { isStill, lstat } from './file-stat.ts';
import {
  claim,
  firstFree,
  isCopyOf,
  moveIfFree,
  namesakes,
  sameContent,
  type Archivable,
  type ArchiveOutcome,
} from './move.ts';

export interface ArchivePlaces {
  readonly landing: string;
  readonly archive: string;
}

/**
 * Moves an ingested file to `<archive>/YYYY/MM/<name>.<file_id>`. Nothing is ever overwritten, neither in the archive
 * nor in the landing folder, and a file that is no longer what was read goes back to be read. Where the archive is on
 * another file system the file is copied, synced, compared, and only then removed.
 * @throws LandfallError when the archive holds too many files of this name and id
 * @throws Error as node:fs does; the file is then where it was or in the archive, and the move may be tried again
 */
export async function moveToArchive(file: Archivable, places: ArchivePlaces): Promise<ArchiveOutcome> {
  const source = path.join(places.landing, file.name);
  const now = lstat(source);
  if (now === null) return { kind: 'gone' };
  if (!isStill(now, file.stat)) return { kind: 'changed' };

  const folder = folderFor(file, places.archive);
  makePrivateFolder(folder);
  if (fs.statSync(folder, { bigint: true }).dev !== now.dev) return copyToArchive(file, source, folder);

  const target = firstFree(folder, `${file.name}.${file.fileId}`, claim);
  try {
    fs.renameSync(source, target);
  } catch (error) {
    fs.unlinkSync(target);
    // Two mounts of one file system have one device number.
    if (systemCode(error) === 'EXDEV') return copyToArchive(file, source, folder);
    if (systemCode(error) === 'ENOENT') return { kind: 'gone' };
    throw error;
  }
  return compareMoved(file, source, target);
}

/**
 * Ends a move that a crash cut short between the rename and its record: looks where the move would have put the file
 * and compares what lies there with what was read.
 * @returns null where nothing lies there that can be of this move
 * @throws Error as node:fs does
 */
export function finishMove(file: Archivable, places: ArchivePlaces): ArchiveOutcome | null {
  const found = movedTo(file, places.archive);
  if (found.length === 0) return null;
  // What differs in its inode, or as a copy (which is named only when it is whole), is of another database that counted its ids from 1.
  if (onOneDevice(places)) {
    const target = found.findLast(({ stat }) => stat.ino === file.stat.inode);
    return target === undefined ? null : compareMoved(file, path.join(places.landing, file.name), target.path);
  }
  const copy = found.findLast(({ stat }) => isCopyOf(stat, file.stat));
  return copy === undefined ? null : { kind: 'archived', path: copy.path };
}

/**
 * Looks again at a file that was archived: a writer that still had it open may have gone on after the move. If so, it
 * is put back as new. No writer has a copy open.
 * @param target where it was moved to
 * @throws Error as node:fs does
 */
export function recheckArchived(file: Archivable, target: string, places: ArchivePlaces): ArchiveOutcome {
  if (lstat(target) === null) return { kind: 'gone' };
  if (!onOneDevice(places)) return { kind: 'archived', path: target };
  return compareMoved(file, path.join(places.landing, file.name), target);
}

/** What lies where a move may have put the file, in the order in which such names are given. */
function movedTo(file: Archivable, archive: string): readonly { path: string; stat: fs.BigIntStats }[] {
  const found: { path: string; stat: fs.BigIntStats }[] = [];
  for (const target of namesakes(folderFor(file, archive), `${file.name}.${file.fileId}`)) {
    const stat = lstat(target);
    if (stat === null) break;
    // Claimed, but nothing was moved to it: a file without bytes is never ingested, so this is none of the sender's.
    if (stat.size === 0n) fs.unlinkSync(target);
    else found.push({ path: target, stat });
  }
  return found;
}

/** Compares what was moved with what was read, and puts it back where they differ. */
function compareMoved(file: Archivable, source: string, target: string): ArchiveOutcome {
  const moved = fs.lstatSync(target, { bigint: true });
  if (sameContent(moved, file.stat)) {
    takeFromOthers(target, moved);
    return { kind: 'archived', path: target };
  }
  return moveIfFree(target, source) ? { kind: 'changed' } : { kind: 'aside', path: target };
}

/** The sender's mode may let anyone read. Only the owner can change it; the 2770 folder above is the first lock. */
function takeFromOthers(target: string, stat: fs.BigIntStats): void {
  const mode = Number(stat.mode & 0o777n);
  if ((mode & 0o007) === 0) return;
  try {
    fs.chmodSync(target, mode & 0o770);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
  }
}

function folderFor(file: Archivable, archive: string): string {
  return path.join(archive, file.stamp.slice(0, 4), file.stamp.slice(5, 7));
}

function onOneDevice(places: ArchivePlaces): boolean {
  return fs.statSync(places.landing).dev === fs.statSync(places.archive).dev;
}
