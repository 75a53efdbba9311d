import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RawStat } from '../landing/file-stat.ts';
import { listLanding, type Listing } from '../landing/list.ts';
import { holdFuture, orderFiles } from '../landing/order.ts';
import type { Clock } from '../landing/settle.ts';
import type { UnreadName } from '../model/ledger.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { settleDrafts } from '../archive/settle-drafts.ts';
import { ArchiveFault } from '../archive/archive.ts';
import { sooner } from './back-off.ts';
import type { Intake, Known } from './intake-state.ts';
import { pruneSome } from './pruner.ts';
import { giveAllBack, removeSome } from './remover.ts';
import { isSeen, readSeenFiles, type SeenFile } from './seen-files.ts';
import { SUSPECT_FROM, createSuspects } from './suspects.ts';
import { endArchiveFault, forgetFile, takeFiles } from './take-files.ts';

/** What one scan left. */
export interface Scan {
  /** When to look again even if nothing is heard, in ms from now; null: no need. */
  readonly wakeMs: number | null;
  /** How many files will be taken by and by without anyone's doing. */
  readonly open: number;
  /** How long listing the folder took, in ms. */
  readonly listMs: number;
}

/** Where a listing took so long, in ms, the next is announced. */
const SLOW_LISTING_MS = 1_000;

/**
 * Takes all that is due: lists the folder, leaves out what the ledger has, waits for files to settle, puts them in order, takes them one
 * after the other, and does the chores.
 * @throws FolderFault when the landing folder cannot be listed
 * @throws DatabaseFault when the database or its disk fails; what was due still is
 */
export async function scan(intake: Intake): Promise<Scan> {
  try {
    const listed = await list(intake);
    const chosen = await choose(intake, listed);
    const takenAll = await takeFiles(intake, { ...listed, files: chosen.files });
    // Also where the loop is to stop: no copy is left without its name.
    const settleMs = await settleArchive(intake);
    const choresMs = takenAll && !intake.stop.aborted ? sooner(settleMs, await doChores(intake, listed)) : null;
    // Else the next scan follows at once, or none.
    if (takenAll) {
      intake.work.change({ doing: chosen.settling + chosen.awaitingParent > 0 ? 'waiting' : 'idle', due: 0 });
    }
    return whatIsLeft(intake, listed, chosen, takenAll, choresMs);
  } catch (error) {
    intake.work.change({ doing: 'waiting', file: null, due: 0 });
    throw error;
  }
}

interface Listed {
  readonly known: Known;
  /** Names that someone asked to have read again, and when. */
  readonly asked: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly listing: Listing;
  readonly listMs: number;
  /** Files that are in and lie there as they were read: for the remover. */
  readonly ingested: readonly SeenFile[];
}

/** Lists what the ledger does not know, or is asked for. */
async function list(intake: Intake): Promise<Listed> {
  const { settings, feed, store, faults } = intake;
  intake.known ??= {
    seen: await readSeenFiles(store),
    suspects: createSuspects(await store.suspects(SUSPECT_FROM), faults),
  };
  const { known } = intake;
  const asked = await store.pendingRetries();
  for (const name of asked.keys()) known.suspects.forget(name);
  const clock = { monotonic: intake.monotonic(), wall: intake.now().getTime() };
  const ingested: SeenFile[] = [];
  const passOver = (name: string, stat: RawStat): boolean => {
    const file = known.seen.get(name);
    if (!isSeen(file, stat) || asked.has(name)) return false;
    if (intake.remover !== null && file?.state === 'ingested') ingested.push(file);
    return true;
  };
  if (intake.slowListing) {
    intake.work.change({ doing: 'listing' });
    // The supervisor is to hear of it before this process is deaf for a while.
    await nextTurn();
  }
  const listing = listLanding({ folder: settings.landing, feed, wall: clock.wall, passOver });
  const listMs = intake.monotonic() - clock.monotonic;
  intake.slowListing = listMs > SLOW_LISTING_MS;
  tellFolders(intake, listing.folders.toSorted());
  return { known, asked, clock, listing, listMs, ingested };
}

interface Chosen {
  /** In the order in which they are to be taken. */
  readonly files: readonly ListedFile[];
  /** How many are ready, with suspects that come later. */
  readonly ready: number;
  readonly settling: number;
  readonly awaitingParent: number;
  /** Suspects that wait for some seconds. */
  readonly suspended: number;
  /** When one of those that wait is ready, in ms since the folder was listed; null: none waits. */
  readonly nextReadyMs: number | null;
  /** Those that may have failed before. */
  readonly attended: readonly ListedFile[];
}

/** Chooses the files that can be taken now: not held, settled, with their parents, and not backing off. */
async function choose(intake: Intake, { known: { suspects }, clock, listing }: Listed): Promise<Chosen> {
  const dated = holdFuture(listing.files, clock.wall);
  const parted = suspects.part(dated.due, clock.wall);
  await tellNames(intake, [...listing.unread, ...dated.held, ...parted.held]);
  tellUnseen(intake, listing.unseen);
  intake.coming = listing.coming;
  const { settled, unsettled, nextLookMs } = intake.settler.look(parted.due, clock);
  const attended = intake.parentWait.look(settled, unsettled, clock.monotonic);
  forgetGone(intake, listing);
  const ready = intake.retries.ready(attended.ready, clock.monotonic);
  const releaseMs = dated.releaseAt === null ? null : dated.releaseAt - clock.wall;
  const counts = { settling: unsettled.length, awaitingParent: attended.waiting.length };
  intake.work.change({ due: ready.length, ...counts });
  return {
    ...counts,
    files: suspects.putLast(orderFiles(intake.feed, ready)),
    ready: ready.length,
    suspended: parted.waiting.length,
    nextReadyMs: [nextLookMs, attended.nextLookMs, releaseMs, parted.nextMs].reduce(sooner),
    attended: attended.ready,
  };
}

function tellFolders(intake: Intake, folders: readonly string[]): void {
  if (folders.length === intake.folders.length && folders.every((folder, at) => folder === intake.folders[at])) return;
  intake.folders = folders;
  intake.events.emit('folders', folders);
}

/** Notes in the ledger which names are not read, and tells those that were not told before. */
async function tellNames(intake: Intake, names: readonly UnreadName[]): Promise<void> {
  intake.refusedNames = names.filter((name) => name.state === 'quarantined').length;
  const now = JSON.stringify(names.map(({ name, code }) => [name, code]));
  if (now === intake.namesTold) return;
  const news = await intake.store.noteUnread(names, intake.now());
  const told = (intake.tellAgain ? names : news).map(({ name, state, code, reason }) => ({
    name,
    state,
    code,
    reason,
  }));
  if (told.length > 0) intake.events.emit('names:unread', told);
  intake.namesTold = now;
}

function tellUnseen(intake: Intake, unseen: Listing['unseen']): void {
  for (const { name, code } of unseen)
    intake.faults.begin({ kind: 'file', file: name, problem: `it cannot be seen (${code})` });
  const still = new Set(unseen.map(({ name }) => name));
  for (const { name } of intake.unseen) if (!still.has(name)) forgetFile(intake, name);
  intake.unseen = unseen;
}

/** A file that failed and is not there any more is nobody's fault now. */
function forgetGone(intake: Intake, listing: Listing): void {
  const failed = intake.retries.names();
  if (failed.length === 0) return;
  const present = new Set(listing.files.map((file) => file.name));
  for (const name of failed) if (!present.has(name)) forgetFile(intake, name);
}

/**
 * What is done when no file is left.
 * @returns when there is more to do, in ms from now; null: when a file comes
 */
async function doChores(intake: Intake, listed: Listed): Promise<number | null> {
  const receiptsMs = (await intake.receipts?.()) ?? null;
  // What the remover has read may have left a copy to be settled.
  const archiveMs = [await removeIngested(intake, listed), await settleArchive(intake), await pruneSome(intake)];
  return [...archiveMs, receiptsMs, await intake.maintain()].reduce(sooner);
}

/** Takes what was ingested out of the landing folder, if it is to go. */
async function removeIngested(intake: Intake, { ingested, listing, clock }: Listed): Promise<number | null> {
  const { archive, remover } = intake;
  if (archive === null || remover === null) {
    await giveAllBack(intake, listing.setAside);
    return null;
  }
  intake.work.change({ doing: 'archiving' });
  return await removeSome(intake, remover, { archive, ingested, setAside: listing.setAside, clock });
}

/** How often a draft that cannot be named or removed is tried again while no file comes, in ms. */
const SETTLE_AGAIN_MS = 10_000;

/**
 * Ends what the files that were taken, or a process that died, have left open in the archive. A fault of the archive is told.
 * @returns when to try again, in ms; null: nothing is left
 * @throws DatabaseFault
 */
export async function settleArchive(intake: Intake): Promise<number | null> {
  const { archive, store, faults } = intake;
  if (archive === null || archive.drafts === 0) return null;
  try {
    await settleDrafts(archive, store);
    endArchiveFault(intake);
    return null;
  } catch (error) {
    if (!(error instanceof ArchiveFault)) throw error;
    faults.begin({ kind: 'archive', file: null, problem: error.message });
    return SETTLE_AGAIN_MS;
  }
}

function whatIsLeft(intake: Intake, listed: Listed, chosen: Chosen, takenAll: boolean, choresMs: number | null): Scan {
  const { retries, monotonic } = intake;
  const { clock, listMs } = listed;
  // What was taken just now is for the remover to see.
  const toRemove = intake.remover !== null && chosen.ready > 0;
  const again = !takenAll || toRemove || chosen.files.length < chosen.ready;
  const spentMs = monotonic() - clock.monotonic;
  const nextReadyMs = chosen.nextReadyMs === null ? null : Math.max(0, chosen.nextReadyMs - spentMs);
  const retryMs = retries.nextTryMs(chosen.attended, monotonic());
  const open = chosen.settling + chosen.awaitingParent + chosen.suspended;
  return {
    wakeMs: again ? 0 : [nextReadyMs, retryMs, choresMs].reduce(sooner),
    open: open + retries.count('changed') + retries.count('claimed') + retries.count('unexpected') + (again ? 1 : 0),
    listMs,
  };
}
