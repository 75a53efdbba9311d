import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import { readFileName } from '../feed/file-name.ts';
import type { Feed } from '../model/feed.ts';
import { finishMove, moveToArchive, recheckArchived } from '../landing/archive.ts';
import type { Archivable, ArchiveOutcome } from '../landing/move.ts';
import { createSettler, type Clock } from '../landing/settle.ts';
import type { Logger } from '../output/log.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { systemCode } from '../system/system-error.ts';
import { retryAgain, sooner, waitMs, type BackOff, type Retry } from './back-off.ts';
import type { FaultBook } from '../status/faults.ts';
import type { SeenFile } from './seen-files.ts';
import type { Probe } from '../model/ledger.ts';
import type { Store } from '../store/store.ts';

/** Moves ingested files out of the landing folder. What goes wrong here is tried again and is never an error for the data. */
export interface Archiver {
  /**
   * One step: as many moves as fit in a moment.
   * @param ingested every ingested file that lies in the landing folder as it was read
   * @param entries what is known of every name; `archivedTo` is kept current in it
   * @returns when there is more to do, in ms from now; null: when a file comes
   * @throws DatabaseFault when a move cannot be recorded; it is recorded with the next step
   */
  step(ingested: readonly SeenFile[], entries: Map<string, SeenFile>, clock: Clock): Promise<number | null>;
}

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

/** Files that have been still for `archiveAfterMs` are moved to `archiveDir`. */
export function createArchiver(options: ArchiverOptions): Archiver {
  const { landing, archiveDir, archiveAfterMs, feed, store, faults, logger } = options;
  const places = { landing, archive: archiveDir };
  const settler = createSettler({ settleMs: archiveAfterMs, believeTimes: true });
  /** Moves that are not yet in the ledger: file id → path. */
  const unrecorded = new Map<number, string>();
  /** By file id: the fault of one file holds up only that file (P7). */
  const failures = new Map<number, Retry>();
  /** Moves that a crash may have cut short; null: not looked for yet. */
  let cutShort: readonly Archivable[] | null = null;
  let archived: Archived[] = [];
  let recheckAt = 0;

  async function step(
    ingested: readonly SeenFile[],
    entries: Map<string, SeenFile>,
    clock: Clock,
  ): Promise<number | null> {
    await record();
    const { settled, nextLookMs } = settler.look(ingested, clock);
    cutShort ??= findCutShort(ingested, entries, clock);
    const unfinished: Archivable[] = [];
    for (const file of cutShort) if (!(await finish(file, entries, clock))) unfinished.push(file);
    cutShort = unfinished;
    if (clock.monotonic >= recheckAt) await recheck(clock);
    const due = settled.filter((entry) => !isWaiting(entry.fileId, clock));
    for (const entry of due.slice(0, MOVES_A_STEP)) await move(entry, entries, clock);
    forgetGone([...settled, ...unfinished, ...archived.map(({ file }) => file)]);
    await record();
    // What failed when it was looked at again has its turn with the next such look.
    const lookedAtAgain = new Set(archived.map(({ file }) => file.fileId));
    const waits = [...failures]
      .filter(([fileId]) => !lookedAtAgain.has(fileId))
      .map(([, failure]) => waitMs(failure, clock.monotonic));
    const more = due.length > MOVES_A_STEP ? 0 : null;
    return [nextLookMs, more, archived.length > 0 ? RECHECK_EVERY_MS : null, ...waits].reduce(sooner);
  }

  function isWaiting(fileId: number, clock: Clock): boolean {
    return waitMs(failures.get(fileId), clock.monotonic) > 0;
  }

  /** @returns what `act` does; null: it failed, or waits since it has failed */
  async function attempt<T>(file: Archivable, clock: Clock, act: () => Promise<T> | T): Promise<T | null> {
    if (isWaiting(file.fileId, clock)) return null;
    try {
      const done = await act();
      failures.delete(file.fileId);
      return done;
    } catch (error) {
      if (error instanceof DatabaseFault) throw error;
      failed(file, error, clock);
      return null;
    }
  }

  function failed(file: Archivable, error: unknown, clock: Clock): void {
    const failure = retryAgain(failures.get(file.fileId), BACK_OFF, clock.monotonic);
    failures.set(file.fileId, failure);
    // One for all of them: there may be as many as there are files.
    faults.begin({ kind: 'archive', file: null, problem: `a file cannot be moved to the archive (${causeOf(error)})` });
    if (failure.failures > 1) return;
    if (isExpected(error)) logger.warn({ file: file.name, cause: causeOf(error) }, 'stays in the landing folder');
    else logger.error({ file: file.name, err: error }, 'unexpected error; the file stays in the landing folder');
  }

  /** A file that failed and is not there any more is nobody's fault now. */
  function forgetGone(present: readonly { readonly fileId: number }[]): void {
    if (failures.size > 0) {
      const ids = new Set(present.map(({ fileId }) => fileId));
      for (const fileId of failures.keys()) if (!ids.has(fileId)) failures.delete(fileId);
    }
    if (failures.size === 0) faults.end('archive');
  }

  async function move(entry: SeenFile, entries: Map<string, SeenFile>, clock: Clock): Promise<void> {
    const file = archivable(feed, entry);
    if (file === null) return;
    await attempt(file, clock, async () => {
      options.probe?.('before_archive');
      conclude(file, await moveToArchive(file, places), entries, clock);
    });
  }

  function conclude(file: Archivable, outcome: ArchiveOutcome, entries: Map<string, SeenFile>, clock: Clock): void {
    if (outcome.kind === 'aside') reportAside(file, outcome.path);
    if (outcome.kind !== 'archived') return;
    unrecorded.set(file.fileId, outcome.path);
    const entry = entries.get(file.name);
    if (entry?.fileId === file.fileId) entries.set(file.name, { ...entry, archivedTo: outcome.path });
    archived.push({ file, path: outcome.path, until: clock.monotonic + RECHECK_FOR_MS });
    logger.info({ file: file.name, to: outcome.path }, 'archived');
  }

  /**
   * A crash between a move and its record leaves a file in the archive of which the ledger knows nothing. What was
   * moved lately is put on the list of those to look at again.
   */
  function findCutShort(
    ingested: readonly SeenFile[],
    entries: ReadonlyMap<string, SeenFile>,
    clock: Clock,
  ): readonly Archivable[] {
    if (!fs.existsSync(archiveDir)) return [];
    const present = new Set(ingested.map((entry) => entry.name));
    const found: Archivable[] = [];
    const lately: Archived[] = [];
    for (const entry of entries.values()) {
      if (entry.state !== 'ingested' || present.has(entry.name)) continue;
      const file = archivable(feed, entry);
      if (file === null) continue;
      if (entry.archivedTo === null) {
        if (!fs.existsSync(path.join(landing, entry.name))) found.push(file);
      } else if (isRecent(entry.archivedTo, clock.wall)) {
        lately.push({ file, path: entry.archivedTo, until: clock.monotonic + RECHECK_EVERY_MS });
      }
    }
    archived = lately;
    return found;
  }

  /** @returns whether there is nothing left to finish */
  async function finish(file: Archivable, entries: Map<string, SeenFile>, clock: Clock): Promise<boolean> {
    const done = await attempt(file, clock, () => {
      const outcome = finishMove(file, places);
      if (outcome !== null) conclude(file, outcome, entries, clock);
      return true;
    });
    return done ?? false;
  }

  async function recheck(clock: Clock): Promise<void> {
    recheckAt = clock.monotonic + RECHECK_EVERY_MS;
    const kept: Archived[] = [];
    for (const one of archived) {
      const asMoved = await attempt(one.file, clock, () => isAsMoved(one));
      if (asMoved !== false && one.until > clock.monotonic) kept.push(one);
    }
    archived = kept;
  }

  function isAsMoved({ file, path: target }: Archived): boolean {
    const outcome = recheckArchived(file, target, places);
    if (outcome.kind === 'changed')
      logger.info({ file: file.name }, 'written to after it was archived: put back as new');
    if (outcome.kind === 'aside') reportAside(file, outcome.path);
    return outcome.kind === 'archived';
  }

  function reportAside(file: Archivable, target: string): void {
    logger.warn(
      { file: file.name, at: target },
      'a content that was never read lies there: a newer one had its name already',
    );
  }

  async function record(): Promise<void> {
    for (const [fileId, target] of unrecorded) {
      await store.noteArchived(fileId, target);
      unrecorded.delete(fileId);
    }
  }

  return { step };
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
  return { fileId: entry.fileId, name: entry.name, stamp: meaning.stamp, stat: entry.stat };
}
