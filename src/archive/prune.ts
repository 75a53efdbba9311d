import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { syncToDisk } from '../system/sync.ts';
import { inArchiveNow } from './archive.ts';
import type { StoredCopy } from './list-copies.ts';

/** Holds the time (ISO 8601, UTC) before which all copies were removed: their contents are then known as pruned, not missing. */
export const PRUNED_MARK = 'pruned-before';

/** The time before which an archive was pruned; null: never. @throws ArchiveFault */
export function prunedBefore(archive: string): string | null {
  const file = path.join(archive, PRUNED_MARK);
  return inArchiveNow(file, () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : null));
}

/**
 * Removes the copies of what was taken before a time. That time is kept first, and never goes back.
 * @param copies those of the archive
 * @returns how many were removed
 * @throws ArchiveFault
 */
export function prune(archive: string, copies: readonly StoredCopy[], before: string): number {
  const old = copies.filter(({ takenAt }) => takenAt < before);
  if (old.length === 0) return 0;
  return inArchiveNow(archive, () => {
    keepMark(archive, before);
    for (const copy of old) fs.rmSync(path.join(archive, copy.path), { force: true });
    return old.length;
  });
}

function keepMark(archive: string, before: string): void {
  if ((prunedBefore(archive) ?? '') >= before) return;
  const mark = path.join(archive, PRUNED_MARK);
  // Several daemons may share the archive.
  const draft = `${mark}.${randomUUID()}.new`;
  try {
    fs.writeFileSync(draft, `${before}\n`, { mode: 0o600, flag: 'wx', flush: true });
    fs.renameSync(draft, mark);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw error;
  }
  syncToDisk(archive);
}
