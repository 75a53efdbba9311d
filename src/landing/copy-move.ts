import fs from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { isStill, lstat } from './file-stat.ts';
import type { SetAside } from './list.ts';
import { firstFree, moveIfFree, sameContent, type Archivable, type ArchiveOutcome } from './move.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Moves a file to a folder on another file system: copied, synced, compared with what was read, and only then removed.
 * It is removed under a name of its own, `.NAME.FILE_ID.moving`: a correction that takes its place in the last instant
 * would else be removed unread.
 * @param source where it lies in the landing folder
 * @throws LandfallError when the archive holds too many files of this name and id
 * @throws Error as node:fs does; the file is then where it was, or set aside (see restoreSetAside), and no copy is left
 */
export async function copyToArchive(file: Archivable, source: string, folder: string): Promise<ArchiveOutcome> {
  const draft = path.join(folder, `.${file.name}.${file.fileId}.copying`);
  // A landing folder that is mounted read-only would let nothing be removed: no need to copy it first.
  fs.accessSync(path.dirname(source), fs.constants.W_OK);
  fs.rmSync(draft, { force: true });
  try {
    if (!(await copyAndSync(file, source, draft))) return { kind: 'changed' };
    const target = firstFree(folder, `${file.name}.${file.fileId}`, (name) => moveIfFree(draft, name));
    syncFolder(folder);
    return removeCopied(file, source, target);
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/**
 * Gives a file that was set aside, and then forgotten in a crash, the name it had.
 * @returns false where that name is taken by another file: it then stays as it is
 * @throws Error as node:fs does
 */
export function restoreSetAside(landing: string, aside: SetAside): boolean {
  const from = path.join(landing, aside.file);
  const to = path.join(landing, aside.name);
  if (moveIfFree(from, to)) return true;
  // A crash between the link and the removal of the old name leaves both.
  if (lstat(from)?.ino !== lstat(to)?.ino) return false;
  fs.rmSync(from, { force: true });
  return true;
}

/** @returns whether the copy is of the file that was read */
async function copyAndSync(file: Archivable, source: string, draft: string): Promise<boolean> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  // A pipe or a link may have taken its place: neither is to be waited for or followed.
  await using from = await open(source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const isAsRead = async (): Promise<boolean> => isStill(await from.stat({ bigint: true }), file.stat);
  if (!(await isAsRead())) return false;
  await using to = await open(draft, 'wx', 0o660);
  await to.chmod(0o660);
  await copyBytes(from, to);
  const { atime, mtime } = await from.stat();
  await to.utimes(atime, mtime);
  await to.sync();
  return (await to.stat()).size === file.stat.bytes && (await isAsRead());
}

async function copyBytes(from: FileHandle, to: FileHandle): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await from.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    for (let written = 0; written < bytesRead; ) {
      written += (await to.write(buffer, written, bytesRead - written, position + written)).bytesWritten;
    }
    position += bytesRead;
  }
}

/** Removes a source that was copied; where that fails, its copy, or each new try would leave another one. */
function removeCopied(file: Archivable, source: string, target: string): ArchiveOutcome {
  try {
    const aside = remove(file, source);
    return aside === null ? { kind: 'archived', path: target } : { kind: 'aside', path: aside };
  } catch (error) {
    fs.rmSync(target, { force: true });
    throw error;
  }
}

/** @returns null, or where a file lies that is neither the one that was read nor the one that has its name now */
function remove(file: Archivable, source: string): string | null {
  // What an earlier move set aside, and could not give its name back, stays.
  const isFree = (name: string): boolean => lstat(name) === null;
  const aside = firstFree(path.dirname(source), `.${file.name}.${file.fileId}.moving`, isFree);
  fs.renameSync(source, aside);
  if (sameContent(fs.lstatSync(aside, { bigint: true }), file.stat)) {
    fs.unlinkSync(aside);
    return null;
  }
  return moveIfFree(aside, source) ? null : aside;
}

function syncFolder(folder: string): void {
  const handle = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
