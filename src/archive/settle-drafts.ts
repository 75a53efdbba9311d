import fs from 'node:fs';
import path from 'node:path';
import type { Store } from '../store/store.ts';
import { systemCode } from '../system/system-error.ts';
import type { Archive, CopyNote } from '../model/archive.ts';
import { syncToDisk } from '../system/sync.ts';
import { ArchiveFault, findWay, inArchiveNow, isInArchive } from './archive.ts';
import { draftPath } from './name.ts';

/** To settle the copy of a larger file at once costs little beside reading it. */
const LONG_COPY_BYTES = 1024 * 1024;

/** Whether copies may wait for those of the next files to be settled with them, beside a file of so many bytes. */
export function mayWait({ drafts, draftsAtOnce }: Archive, bytes: number): boolean {
  return drafts < draftsAtOnce && bytes < LONG_COPY_BYTES;
}

/**
 * Settles what may not wait for a file of so many bytes to be read. What cannot be settled is told at the end of the scan: it keeps no
 * other file out (P7).
 * @throws DatabaseFault
 */
export async function settleBefore(archive: Archive, store: CopyNotes, bytes: number): Promise<void> {
  if (mayWait(archive, bytes)) return;
  try {
    await settleDrafts(archive, store);
  } catch (error) {
    if (!(error instanceof ArchiveFault)) throw error;
  }
}

type CopyNotes = Pick<Store, 'openCopies' | 'closeCopies'>;

/**
 * Settles what became of each draft that the ledger has noted: the copy of a content that was committed gets its name, any other is
 * removed. So a copy has its name only once its commit has come: a database that goes back to a backup makes no copy look abandoned.
 * Does nothing where nothing is open; after a crash it ends what the process before has begun. What another daemon has begun, and is not
 * in this archive, is left to those who have its archive. What cannot be settled keeps nothing else from it, and is tried again.
 * @throws ArchiveFault of the first that cannot be settled; DatabaseFault
 */
export async function settleDrafts(archive: Archive, store: CopyNotes): Promise<void> {
  if (archive.drafts === 0) return;
  const settled: CopyNote[] = [];
  const named: { readonly note: CopyNote; readonly folder: string }[] = [];
  const faults: ArchiveFault[] = [];
  for (const note of await store.openCopies()) {
    const draft = draftPath(note.name, note.takenAt);
    keepingFaults(faults, path.join(archive.folder, draft), () => {
      if (!note.isOwn && !isHere(archive, note, draft)) return;
      const folder = settle(archive, note, draft);
      if (note.archivedTo === null) settled.push(note);
      // An empty folder may stand where the archive's disk is to be mounted: the draft is on that, and stays noted.
      else if (folder !== null && isInArchive(archive, note.archivedTo)) named.push({ note, folder });
    });
  }
  for (const [folder, of] of Map.groupBy(named, ({ folder }) => folder))
    keepingFaults(faults, folder, () => {
      syncToDisk(folder);
      settled.push(...of.map(({ note }) => note));
    });
  archive.probe('copy_named');
  if (settled.length > 0) await store.closeCopies(settled);
  archive.drafts = faults.length;
  const [first] = faults;
  if (first !== undefined) throw first;
}

function keepingFaults(faults: ArchiveFault[], file: string, work: () => void): void {
  try {
    inArchiveNow(file, work);
  } catch (error) {
    if (!(error instanceof ArchiveFault)) throw error;
    faults.push(error);
  }
}

function isHere(archive: Archive, { archivedTo }: CopyNote, draft: string): boolean {
  return isInArchive(archive, draft) || (archivedTo !== null && isInArchive(archive, archivedTo));
}

/** @returns the folder in which a draft was given its name, which is not durable yet; null: there is none */
function settle(archive: Archive, { archivedTo }: CopyNote, draft: string): string | null {
  if (archivedTo === null) {
    removeDraft(archive, draft);
    return null;
  }
  const from = findWay(archive, draft);
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

function removeDraft(archive: Archive, draft: string): void {
  try {
    const at = findWay(archive, draft);
    if (at !== null) fs.rmSync(at, { force: true });
  } catch (error) {
    // What is too long a name for this disk was never made.
    if (systemCode(error) !== 'ENAMETOOLONG') throw error;
  }
}
