import fs from 'node:fs';
import path from 'node:path';
import { inArchiveNow } from './archive.ts';
import { readCopyPath, type CopyName } from './name.ts';

/** A copy as it lies in an archive. */
export interface StoredCopy extends CopyName {
  /** The folder of the archive. */
  readonly archive: string;
  /** Below the archive. */
  readonly path: string;
}

/**
 * The copies in an archive, in the order in which their contents were taken. Drafts, links, and whatever else lies there are left out.
 * @throws ArchiveFault when it cannot be read
 */
export function listCopies(archive: string): StoredCopy[] {
  return inArchiveNow(archive, () => [...walk(archive, '')].sort(inOrderTaken));
}

/** The order in which contents were taken; of one time, by name. */
export function inOrderTaken(a: CopyName, b: CopyName): number {
  return compare(a.takenAt, b.takenAt) || compare(a.name, b.name) || compare(a.digest, b.digest);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function* walk(archive: string, folder: string): Generator<StoredCopy> {
  for (const entry of fs.readdirSync(path.join(archive, folder), { withFileTypes: true })) {
    const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(archive, file);
    if (!entry.isFile()) continue;
    const name = readCopyPath(file);
    if (name !== null) yield { archive, path: file, ...name };
  }
}
