import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import { readFileName } from '../feed/file-name.ts';
import { stampOfChange } from '../landing/stamp.ts';
import type { Feed } from '../model/feed.ts';
import { finishMove, moveToArchive, recheckArchived } from '../landing/archive.ts';
import type { Archivable, ArchiveOutcome } from '../landing/move.ts';
import { createSettler, type Clock, type Settler } from '../landing/settle.ts';
import type { Logger } from '../output/log.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { systemCode } from '../system/system-error.ts';
import { retryAgain, sooner, waitMs, type BackOff, type Retry } from './back-off.ts';
import type { FaultBook } from '../status/faults.ts';
import type { SeenFile } from './seen-files.ts';
import type { Probe } from '../model/ledger.ts';
import type { Store } from '../store/store.ts';

export interface ArchiverOptions {
  readonly landing: string;
  readonly archiveDir: string;
  readonly archiveAfterMs: number;
  readonly feed: Feed;
  readonly store: Pick<Store, 'noteArchived'>;
  /** Called before each move: the crash campaign kills the process there. */
  readonly probe?: Probe | undefined;
  readonly faults: FaultBook;
  readonly logger: Logger;
}

/** How many files are moved before the loop looks at the folder again. */
const MOVES_A_STEP = 50;

/** A writer that still had a file open may go on after the move: it is looked at again for so long, in ms. */
const RECHECK_FOR_MS = 3_600_000;

/** After a start the files that were moved in this time are looked at once, in ms. */
const RECHECK_AT_START_MS = 86_400_000;

/** How often archived files are looked at again, in ms. */
const RECHECK_EVERY_MS = 10_000;

/** A move to another file system copies before it can fail: it waits long in the end. */
const BACK_OFF: BackOff = { firstMs: 1_000, capMs: 3_600_000 };

interface Archived {
  readonly file: Archivable;
  readonly path: string;
  /** Monotonic ms. */
  readonly until: number;
}

/** Moves ingested files out of the landing folder. What goes wrong here is tried again and is never an error for the data. */
export interface Archiver extends ArchiverOptions {
  readonly places: { readonly landing: string; readonly archive: string };
  readonly settler: Settler;
  /** Moves that are not yet in the ledger: file id → path. */
  readonly unrecorded: Map<number, string>;
  /** By file id: the fault of one file holds up only that file (P7). */
  readonly failures: Map<number, Retry>;
  /** Moves that a crash may have cut short; null: not looked for yet. */
  cutShort: readonly Archivable[] | null;
  archived: Archived[];
  recheckAt: number;
}

/** What one step works with. */
export interface ArchiveStep {
  /** Every ingested file that lies in the landing folder as it was read. */
  readonly ingested: readonly SeenFile[];
  /** What is known of every name; `archivedTo` is kept current in it. */
  readonly seen: Map<string, SeenFile>;
  readonly clock: Clock;
}

/** Nothing is moved yet: files that have been still for `archiveAfterMs` will be, to `archiveDir`. */
export function createArchiver(options: ArchiverOptions): Archiver {
  return {
    ...options,
    places: { landing: options.landing, archive: options.archiveDir },
    settler: createSettler({ settleMs: options.archiveAfterMs, believeTimes: true }),
    unrecorded: new Map(),
    failures: new Map(),
    cutShort: null,
    archived: [],
    recheckAt: 0,
  };
}

/**
 * One step: as many moves as fit in a moment.
 * @returns when there is more to do, in ms from now; null: when a file comes
 * @throws DatabaseFault when a move cannot be recorded; it is recorded with the next step
 */
export async function archiveSome(archiver: Archiver, step: ArchiveStep): Promise<number | null> {
  const { ingested, clock } = step;
  await record(archiver);
  const { settled, nextLookMs } = archiver.settler.look(ingested, clock);
  archiver.cutShort ??= findCutShort(archiver, step);
  const unfinished: Archivable[] = [];
  for (const file of archiver.cutShort) if (!(await finish(archiver, file, step))) unfinished.push(file);
  archiver.cutShort = unfinished;
  if (clock.monotonic >= archiver.recheckAt) await recheck(archiver, clock);
  const due = settled.filter((file) => !isWaiting(archiver, file.fileId, clock));
  for (const file of due.slice(0, MOVES_A_STEP)) await move(archiver, file, step);
  forgetGone(archiver, [...settled, ...unfinished, ...archiver.archived.map(({ file }) => file)]);
  await record(archiver);
  const more = due.length > MOVES_A_STEP ? 0 : null;
  const recheckMs = archiver.archived.length > 0 ? RECHECK_EVERY_MS : null;
  return [nextLookMs, more, recheckMs, nextRetryMs(archiver, clock)].reduce(sooner);
}

/** What failed when it was looked at again has its turn with the next such look. */
function nextRetryMs({ failures, archived }: Archiver, { monotonic }: Clock): number | null {
  const lookedAtAgain = new Set(archived.map(({ file }) => file.fileId));
  return [...failures]
    .filter(([fileId]) => !lookedAtAgain.has(fileId))
    .reduce<number | null>((next, [, failure]) => sooner(next, waitMs(failure, monotonic)), null);
}

function isWaiting({ failures }: Archiver, fileId: number, clock: Clock): boolean {
  return waitMs(failures.get(fileId), clock.monotonic) > 0;
}

/** @returns what `act` does; null: it failed, or waits since it has failed */
async function attempt<T>(
  archiver: Archiver,
  file: Archivable,
  clock: Clock,
  act: () => Promise<T> | T,
): Promise<T | null> {
  if (isWaiting(archiver, file.fileId, clock)) return null;
  try {
    const done = await act();
    archiver.failures.delete(file.fileId);
    return done;
  } catch (error) {
    if (error instanceof DatabaseFault) throw error;
    noteFailure(archiver, file, error, clock);
    return null;
  }
}

function noteFailure({ failures, faults, logger }: Archiver, file: Archivable, error: unknown, clock: Clock): void {
  const failure = retryAgain(failures.get(file.fileId), BACK_OFF, clock.monotonic);
  failures.set(file.fileId, failure);
  // One for all of them: there may be as many as there are files.
  faults.begin({ kind: 'archive', file: null, problem: `a file cannot be moved to the archive (${causeOf(error)})` });
  if (failure.failures > 1) return;
  if (isExpected(error)) logger.warn({ file: file.name, cause: causeOf(error) }, 'stays in the landing folder');
  else logger.error({ file: file.name, err: error }, 'unexpected error; the file stays in the landing folder');
}

/** A file that failed and is not there any more is nobody's fault now. */
function forgetGone({ failures, faults }: Archiver, present: readonly { readonly fileId: number }[]): void {
  if (failures.size > 0) {
    const ids = new Set(present.map(({ fileId }) => fileId));
    for (const fileId of failures.keys()) if (!ids.has(fileId)) failures.delete(fileId);
  }
  if (failures.size === 0) faults.end('archive');
}

async function move(archiver: Archiver, entry: SeenFile, step: ArchiveStep): Promise<void> {
  const file = archivable(archiver.feed, entry);
  if (file === null) return;
  await attempt(archiver, file, step.clock, async () => {
    archiver.probe?.('before_archive');
    conclude(archiver, file, await moveToArchive(file, archiver.places), step);
  });
}

function conclude(archiver: Archiver, file: Archivable, outcome: ArchiveOutcome, { seen, clock }: ArchiveStep): void {
  if (outcome.kind === 'aside') reportAside(archiver, file, outcome.path);
  if (outcome.kind !== 'archived') return;
  archiver.unrecorded.set(file.fileId, outcome.path);
  const entry = seen.get(file.name);
  if (entry?.fileId === file.fileId) seen.set(file.name, { ...entry, archivedTo: outcome.path });
  archiver.archived.push({ file, path: outcome.path, until: clock.monotonic + RECHECK_FOR_MS });
  archiver.logger.info({ file: file.name, to: outcome.path }, 'archived');
}

/**
 * A crash between a move and its record leaves a file in the archive of which the ledger knows nothing. What was
 * moved lately is put on the list of those to look at again.
 */
function findCutShort(archiver: Archiver, { ingested, seen, clock }: ArchiveStep): readonly Archivable[] {
  const { landing, archiveDir, feed } = archiver;
  if (!fs.existsSync(archiveDir)) return [];
  const present = new Set(ingested.map((entry) => entry.name));
  const found: Archivable[] = [];
  for (const entry of seen.values()) {
    if (entry.state !== 'ingested' || present.has(entry.name)) continue;
    const file = archivable(feed, entry);
    if (file === null) continue;
    if (entry.archivedTo === null) {
      if (!fs.existsSync(path.join(landing, entry.name))) found.push(file);
    } else if (isRecent(entry.archivedTo, clock.wall)) {
      archiver.archived.push({ file, path: entry.archivedTo, until: clock.monotonic + RECHECK_EVERY_MS });
    }
  }
  return found;
}

/** @returns whether there is nothing left to finish */
async function finish(archiver: Archiver, file: Archivable, step: ArchiveStep): Promise<boolean> {
  const done = await attempt(archiver, file, step.clock, () => {
    const outcome = finishMove(file, archiver.places);
    if (outcome !== null) conclude(archiver, file, outcome, step);
    return true;
  });
  return done ?? false;
}

async function recheck(archiver: Archiver, clock: Clock): Promise<void> {
  archiver.recheckAt = clock.monotonic + RECHECK_EVERY_MS;
  const kept: Archived[] = [];
  for (const one of archiver.archived) {
    const asMoved = await attempt(archiver, one.file, clock, () => isAsMoved(archiver, one));
    if (asMoved !== false && one.until > clock.monotonic) kept.push(one);
  }
  archiver.archived = kept;
}

function isAsMoved(archiver: Archiver, { file, path: target }: Archived): boolean {
  const outcome = recheckArchived(file, target, archiver.places);
  if (outcome.kind === 'changed')
    archiver.logger.info({ file: file.name }, 'written to after it was archived: put back as new');
  if (outcome.kind === 'aside') reportAside(archiver, file, outcome.path);
  return outcome.kind === 'archived';
}

function reportAside({ logger }: Archiver, file: Archivable, target: string): void {
  const line = { file: file.name, at: target };
  logger.warn(line, 'a content that was never read lies there: a newer one had its name already');
}

async function record({ unrecorded, store }: Archiver): Promise<void> {
  for (const [fileId, target] of unrecorded) {
    await store.noteArchived(fileId, target);
    unrecorded.delete(fileId);
  }
}

/** Whether an error is one of the system or one that says what to do; else it is a mistake of the program. */
function isExpected(error: unknown): boolean {
  return systemCode(error) !== null || error instanceof LandfallError;
}

/** A few words without a value from a row (P8). */
function causeOf(error: unknown): string {
  if (error instanceof LandfallError) return error.message;
  return systemCode(error) ?? 'unexpected error';
}

/** The move was the last thing that changed its ctime. What cannot be seen just now counts as recent: looking again says why. */
function isRecent(target: string, wall: number): boolean {
  try {
    const stat = fs.lstatSync(target, { throwIfNoEntry: false });
    return stat !== undefined && wall - stat.ctimeMs <= RECHECK_AT_START_MS;
  } catch {
    return true;
  }
}

function archivable(feed: Feed, entry: SeenFile): Archivable | null {
  const meaning = readFileName(feed, entry.name);
  if (meaning.kind !== 'taken') return null;
  return {
    fileId: entry.fileId,
    name: entry.name,
    stamp: meaning.stamp ?? stampOfChange(entry.stat),
    stat: entry.stat,
  };
}
