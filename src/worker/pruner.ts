import { existsSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ArchiveFault } from '../archive/archive.ts';
import { isNamed } from '../archive/known.ts';
import { listCopies, type StoredCopy } from '../archive/list-copies.ts';
import { prune, PRUNED_MARK } from '../archive/prune.ts';
import { asideName } from '../archive/removal.ts';
import { readFileName } from '../feed/file-name.ts';
import type { Intake } from './intake-state.ts';

/** How often copies that are too old are looked for, in ms. */
const PRUNE_EVERY_MS = 3_600_000;

/** So many are removed before the loop looks at the folder again. */
const COPIES_A_STEP = 500;

/**
 * Removes copies that are older than `--archive-for`, some at a time; looks for them once an hour. Those stay that are still needed:
 * contents that the database lacks, as after a restored backup or a refill that refused them, and those of files that are yet to be removed
 * from the landing folder. What goes wrong is told, and tried again: it is never an error for the data.
 * @returns when there is more to do, in ms from now; null: copies are kept for ever
 * @throws DatabaseFault
 */
export async function pruneSome(intake: Intake): Promise<number | null> {
  const { archive, settings, pruner, faults, monotonic, work } = intake;
  if (archive === null || settings.archiveForMs === null) return null;
  const waitMs = pruner.notBefore - monotonic();
  if (waitMs > 0) return waitMs;
  try {
    if (pruner.old.length === 0) {
      work.change({ doing: 'archiving' });
      // The supervisor is to hear of it before this process is deaf for a while.
      await nextTurn();
      look(intake, archive.folder, settings.archiveForMs);
    }
    const some = pruner.old.slice(0, COPIES_A_STEP);
    const spare: StoredCopy[] = [];
    for (const copy of some) if (!(await isNeeded(intake, copy))) spare.push(copy);
    const removed = prune(archive.folder, spare, pruner.before);
    if (removed > 0)
      intake.logger.info({ copies: removed, before: pruner.before }, 'old copies removed from the archive');
    pruner.old = pruner.old.slice(some.length);
    faults.end('archive', PRUNED_MARK);
  } catch (error) {
    if (!(error instanceof ArchiveFault)) throw error;
    pruner.old = [];
    faults.begin({ kind: 'archive', file: PRUNED_MARK, problem: `old copies cannot be removed: ${error.message}` });
  }
  if (pruner.old.length > 0) return 0;
  pruner.notBefore = monotonic() + PRUNE_EVERY_MS;
  return PRUNE_EVERY_MS;
}

/** Where even the newest copy is too old it is rather the clock that is wrong: nothing is removed then. */
function look({ feed, pruner, now }: Intake, folder: string, archiveForMs: number): void {
  pruner.before = new Date(now().getTime() - archiveForMs).toISOString();
  const copies = existsSync(folder) ? listCopies(folder) : [];
  // Other feeds may share the folder.
  const ours = copies.filter(({ name }) => readFileName(feed, name).kind === 'taken');
  const old = ours.filter(({ takenAt }) => takenAt < pruner.before);
  pruner.old = old.length < ours.length ? old : [];
}

async function isNeeded({ store, remover, settings }: Intake, copy: StoredCopy): Promise<boolean> {
  if (!(await isNamed(store, copy))) return true;
  const { name, takenAt } = copy;
  const places = [name, asideName(name, takenAt)].map((file) => path.join(settings.landing, file));
  return remover !== null && places.some((place) => existsSync(place));
}
