import fs from 'node:fs';
import { readFileName } from '../feed/file-name.ts';
import type { Feed } from '../model/feed.ts';
import type { FileRow } from '../store/reader.ts';
import { isInArchive } from './archive.ts';
import { listCopies, type StoredCopy } from './list-copies.ts';
import { draftPath, readCopyPath } from './name.ts';
import { prunedBefore } from './prune.ts';

/** How an archive and a ledger differ. */
export interface ArchiveDifference {
  /** Copies of contents that the ledger does not have, in the order in which they were taken. */
  readonly unknown: readonly StoredCopy[];
  /** Paths of copies that the ledger names and that are gone, those that were pruned aside. */
  readonly gone: readonly string[];
}

/**
 * Holds an archive against a ledger, also while a daemon adds to both.
 * @param files the ledger; read after the archive was listed, so that no copy is unknown that is being made
 * @throws ArchiveFault when the archive cannot be read
 */
export async function compareArchive(
  archive: string,
  feed: Feed,
  files: () => AsyncIterable<FileRow>,
): Promise<ArchiveDifference> {
  const copies = fs.existsSync(archive) ? listCopies(archive) : [];
  const left = new Map(copies.map((copy) => [copy.path, copy]));
  const pruned = prunedBefore(archive);
  const gone: string[] = [];
  for await (const { archived_to: copy } of files()) {
    if (copy === null || left.delete(copy)) continue;
    const name = readCopyPath(copy);
    // What an older version has moved lies elsewhere.
    if (name === null || (pruned !== null && name.takenAt < pruned)) continue;
    // One that has come since; its name comes right after its commit.
    const isThere = [copy, draftPath(name.name, name.takenAt)].some((file) => isInArchive({ folder: archive }, file));
    if (!isThere) gone.push(copy);
  }
  // Other feeds may share the folder.
  const unknown = [...left.values()].filter(({ name }) => readFileName(feed, name).kind === 'taken');
  return { unknown, gone };
}
