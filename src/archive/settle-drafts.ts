import fs from 'node:fs';
import path from 'node:path';
import type { Store } from '../store/store.ts';
import { systemCode } from '../system/system-error.ts';
import type { Archive, CopyNote } from '../model/archive.ts';
import { syncToDisk } from '../system/sync.ts';
import { findWay, inArchive, isInArchive } from './archive.ts';
import { draftPath } from './name.ts';

/**
 * Settles what became of each draft that the ledger has noted: the copy of a content that was committed gets its name, any other is
 * removed. So a copy has its name only once its commit has come: a database that goes back to a backup makes no copy look abandoned.
 * Does nothing where nothing is open; after a crash it ends what the process before has begun. What another daemon has begun, and is not
 * in this archive, is left to those who have its archive.
 * @throws ArchiveFault when the archive cannot be written; DatabaseFault
 */
export async function settleDrafts(archive: Archive, store: Pick<Store, 'openCopies' | 'closeCopies'>): Promise<void> {
  if (archive.drafts === 0) return;
  const settled: CopyNote[] = [];
  const folders = new Set<string>();
  for (const note of await store.openCopies()) {
    const draft = draftPath(note.name, note.takenAt);
    await inArchive(path.join(archive.folder, draft), () => {
      if (!note.isOwn && !isHere(archive, note, draft)) return;
      const folder = settle(archive, note, draft);
      if (folder !== null) folders.add(folder);
      // An empty folder may stand where the archive's disk is to be mounted: the draft is on that, and stays noted.
      if (note.archivedTo === null || isInArchive(archive, note.archivedTo)) settled.push(note);
    });
  }
  for (const folder of folders)
    await inArchive(folder, () => {
      syncToDisk(folder);
    });
  archive.probe('copy_named');
  if (settled.length > 0) await store.closeCopies(settled);
  archive.drafts = 0;
}

function isHere(archive: Archive, { archivedTo }: CopyNote, draft: string): boolean {
  return isInArchive(archive, draft) || (archivedTo !== null && isInArchive(archive, archivedTo));
}

/** @returns the folder in which a draft was given its name, which is not durable yet; null: there is none */
function settle(archive: Archive, { archivedTo }: CopyNote, draft: string): string | null {
  const from = findWay(archive, draft);
  if (archivedTo === null) {
    if (from !== null) fs.rmSync(from, { force: true });
    return null;
  }
  // Where the archive's disk is not mounted, the draft is still on it.
  fs.statSync(archive.folder);
  if (from === null) return null;
  try {
    fs.renameSync(from, path.join(archive.folder, archivedTo));
  } catch (error) {
    // It has its name already, perhaps since an instant ago; the note alone was left.
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  return path.dirname(from);
}
