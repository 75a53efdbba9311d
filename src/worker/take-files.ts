import { setImmediate as nextTurn } from 'node:timers/promises';
import { ArchiveFault } from '../archive/archive.ts';
import type { Keeping } from '../model/archive.ts';
import { emitOutcome } from '../model/events.ts';
import type { IngestOutcome, IngestProgress } from '../model/ingest.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { addToTotals, emptyTotals } from '../model/totals.ts';
import { isProtected } from '../protection/feed-key.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { systemCode } from '../system/system-error.ts';
import type { Intake, Known } from './intake-state.ts';
import { seenAfter } from './seen-files.ts';

/** While many files are taken the folder is listed again at most this often, so that late parents still come before children, in ms. */
const RELIST_MS = 2_000;
/** And at most this share of the time is spent on it. */
const RELIST_SHARE = 0.05;

/** What a scan has found. */
export interface Due {
  /** In the order in which they are taken. */
  readonly files: readonly ListedFile[];
  readonly known: Known;
  /** Names that someone asked to have read again. */
  readonly asked: { has(name: string): boolean };
  /** When the folder was listed, in monotonic ms, and how long that took. */
  readonly clock: { readonly monotonic: number };
  readonly listMs: number;
}

/**
 * Takes files one after the other.
 * @returns whether every file was taken; false: there is news of the folder, or the loop is to stop
 * @throws DatabaseFault when the database or its disk fails
 */
export async function takeFiles(intake: Intake, due: Due): Promise<boolean> {
  const { files, clock, listMs } = due;
  const relistAt = clock.monotonic + Math.max(RELIST_MS, listMs / RELIST_SHARE);
  for (const [index, file] of files.entries()) {
    if (intake.stop.aborted) return false;
    if (intake.hasNews() && intake.monotonic() >= relistAt) return false;
    intake.work.change({ doing: 'ingesting', due: files.length - index });
    await takeFile(intake, file, due);
    await intake.maintain();
    await nextTurn();
  }
  if (!intake.stop.aborted) tellTaken(intake);
  return true;
}

function tellTaken(intake: Intake): void {
  const { taking, events, monotonic } = intake;
  intake.taking = null;
  if (taking !== null && taking.totals.files > 0) events.emit('files:taken', taking.totals, monotonic() - taking.since);
}

/** Takes one file. What is wrong with it is its own fault: it is tried again later (P7). */
async function takeFile(intake: Intake, file: ListedFile, { known, asked }: Due): Promise<void> {
  const { retries, faults } = intake;
  const taking = (intake.taking ??= { since: intake.monotonic(), totals: emptyTotals() });
  let outcome: IngestOutcome;
  try {
    outcome = await ingest(intake, file, asked.has(file.name));
  } catch (error) {
    if (error instanceof DatabaseFault) throw error;
    if (error instanceof ArchiveFault) noteNoCopy(intake, file, error);
    else noteFailure(intake, file, error);
    return;
  }
  // Not only at the end of the scan: many files may follow.
  faults.end('database');
  const seen = seenAfter(file, outcome);
  if (seen !== null) known.seen.set(file.name, seen);
  addToTotals(taking.totals, outcome);
  if (outcome.kind === 'changed') {
    retries.failed(file, 'changed', intake.monotonic());
    faults.begin({ kind: 'file', file: file.name, problem: 'it is still being written' });
  } else if (outcome.kind === 'claimed') {
    retries.failed(file, 'claimed', intake.monotonic());
  } else if (outcome.kind !== 'given_up') {
    forgetFile(intake, file.name);
  }
}

/** What is protected is in no archive that is not sealed: there it would stand in the clear (P9). */
function keepingOf({ archive }: Intake, { dataset }: ListedFile): Keeping {
  const isClear = archive?.sealing === null && isProtected(dataset);
  return archive === null || isClear ? { kind: 'none' } : { kind: 'copy', archive, behind: null };
}

/**
 * Reads a file into the database, and tells how far it is and what becomes of it.
 * @param afresh as a new revision, even where the bytes are those of the latest one
 * @param keeping by default as the settings say
 * @throws DatabaseFault when the database or its disk fails; whatever reading the file raises
 */
export async function ingest(
  intake: Intake,
  file: ListedFile,
  afresh: boolean,
  keeping: Keeping = keepingOf(intake, file),
): Promise<IngestOutcome> {
  const { store, giveUp: stop, work, events, now } = intake;
  let isDue = false;
  try {
    const onProgress = (file: IngestProgress): void => {
      work.change({ file });
    };
    const protection = intake.protection ?? null;
    const options = { afresh, keeping, stop, now, onProgress, protection };
    const outcome = await intake.ingest(store, file, options);
    emitOutcome(events, file.name, outcome);
    isDue = outcome.kind === 'given_up';
    return outcome;
  } finally {
    // With what was told before, so that no file counts twice.
    work.change({ file: null, due: Math.max(0, work.now().due - (isDue ? 0 : 1)) });
  }
}

/** A fault of the archive holds the file, since nothing is committed without its copy; all files have that fault in common, but for a name. */
function noteNoCopy({ retries, faults, monotonic }: Intake, file: ListedFile, { code, message }: ArchiveFault): void {
  retries.failed(file, 'archive', monotonic());
  faults.begin({ kind: 'archive', file: code === 'ENAMETOOLONG' ? file.name : null, problem: message });
}

function noteFailure(intake: Intake, file: ListedFile, error: unknown): void {
  const { retries, faults, logger } = intake;
  const now = intake.monotonic();
  const code = systemCode(error);
  if (code === 'ENOENT') {
    forgetFile(intake, file.name);
  } else if (code === 'ELOOP' || code === 'ENXIO') {
    // A link or a socket has taken its place: the next listing says so.
    retries.failed(file, 'changed', now);
  } else if (code !== null) {
    retries.failed(file, 'unreadable', now);
    faults.begin({ kind: 'file', file: file.name, problem: `it cannot be read (${code})` });
  } else {
    retries.failed(file, 'unexpected', now);
    logger.error({ file: file.name, err: error }, 'unexpected error; rolled back, to be tried again');
  }
}

/** It was taken, refused or has gone: nothing is wrong with it any more. */
export function forgetFile(intake: Intake, name: string): void {
  intake.retries.forget(name);
  intake.known?.suspects.forget(name);
  intake.faults.end('file', name);
  intake.faults.end('archive', name);
  endArchiveFault(intake);
}

/** The fault of the archive is over when it holds no file, and nothing in it waits for its name. */
export function endArchiveFault({ archive, retries, faults }: Intake): void {
  if ((archive?.drafts ?? 0) === 0 && retries.count('archive') === 0) faults.end('archive');
}
