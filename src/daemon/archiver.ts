import fs from 'node:fs';
import path from 'node:path';
import { readFileName } from '../feed/file-name.ts';
import type { Feed } from '../feed/types.ts';
import { finishMove, moveToArchive, recheckArchived } from '../landing/archive.ts';
import type { Archivable, ArchiveOutcome } from '../landing/move.ts';
import { createSettler, type Clock } from '../landing/settle.ts';
import type { Logger } from '../log.ts';
import { systemCode } from '../system-error.ts';
import { backOff, sooner } from './back-off.ts';
import type { FaultBook } from './faults.ts';
import type { KnownFile } from './known.ts';
import type { Ledger } from './ledger.ts';

/** Moves ingested files out of the landing folder. What goes wrong here is tried again and is never an error for the data. */
export interface Archiver {
  /**
   * One step: as many moves as fit in a moment.
   * @param ingested every ingested file that lies in the landing folder as it was read
   * @param entries what is known of every name; `archivedTo` is kept current in it
   * @returns when there is more to do, in ms from now; null: when a file comes
   * @throws DatabaseFault when a move cannot be recorded; it is recorded with the next step
   */
  step(ingested: readonly KnownFile[], entries: Map<string, KnownFile>, clock: Clock): Promise<number | null>;
}

export interface ArchiverOptions {
  readonly landing: string;
  readonly archiveDir: string;
  readonly archiveAfterMs: number;
  readonly feed: Feed;
  readonly ledger: Ledger;
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

const RETRY_FIRST_MS = 1_000;
const RETRY_CAP_MS = 300_000;

interface Archived {
  readonly file: Archivable;
  readonly path: string;
  /** Monotonic ms. */
  readonly until: number;
}

/** Files that have been still for `archiveAfterMs` are moved to `archiveDir`. */
export function createArchiver(options: ArchiverOptions): Archiver {
  const { landing, archiveDir, archiveAfterMs, feed, ledger, faults, logger } = options;
  const places = { landing, archive: archiveDir };
  const settler = createSettler(archiveAfterMs);
  /** Moves that are not yet in the ledger: file id → path. */
  const unrecorded = new Map<number, string>();
  let archived: Archived[] = [];
  let recheckAt = 0;
  let failures = 0;
  let notBefore = 0;
  let first = true;

  async function step(
    ingested: readonly KnownFile[],
    entries: Map<string, KnownFile>,
    clock: Clock,
  ): Promise<number | null> {
    record();
    const { settled, nextLookMs } = settler.look(ingested, clock);
    if (clock.monotonic < notBefore) return notBefore - clock.monotonic;
    let next = nextLookMs;
    try {
      if (first) finishCutShort(ingested, entries, clock);
      first = false;
      if (clock.monotonic >= recheckAt) recheck(clock);
      for (const entry of settled.slice(0, MOVES_A_STEP)) await move(entry, entries, clock);
      if (settled.length > MOVES_A_STEP) next = 0;
      failures = 0;
      faults.end('archive');
    } catch (error) {
      const code = systemCode(error);
      if (code === null) throw error;
      failures += 1;
      const waitMs = backOff(failures, RETRY_FIRST_MS, RETRY_CAP_MS);
      notBefore = clock.monotonic + waitMs;
      faults.begin({ kind: 'archive', file: null, problem: `a file cannot be moved to the archive (${code})` });
      next = waitMs;
    }
    record();
    return archived.length > 0 ? sooner(next, RECHECK_EVERY_MS) : next;
  }

  async function move(entry: KnownFile, entries: Map<string, KnownFile>, clock: Clock): Promise<void> {
    const file = archivable(feed, entry);
    if (file === null) return;
    ledger.beforeArchive();
    conclude(file, await moveToArchive(file, places), entries, clock);
  }

  function conclude(file: Archivable, outcome: ArchiveOutcome, entries: Map<string, KnownFile>, clock: Clock): void {
    if (outcome.kind === 'aside') reportAside(file, outcome.path);
    if (outcome.kind !== 'archived') return;
    unrecorded.set(file.fileId, outcome.path);
    const entry = entries.get(file.name);
    if (entry?.fileId === file.fileId) entries.set(file.name, { ...entry, archivedTo: outcome.path });
    archived.push({ file, path: outcome.path, until: clock.monotonic + RECHECK_FOR_MS });
    logger.debug({ file: file.name, to: outcome.path }, 'archived');
  }

  /** A crash between a move and its record leaves a file in the archive of which the ledger knows nothing. */
  function finishCutShort(ingested: readonly KnownFile[], entries: Map<string, KnownFile>, clock: Clock): void {
    if (!fs.existsSync(archiveDir)) return;
    const present = new Set(ingested.map((entry) => entry.name));
    for (const entry of entries.values()) {
      if (entry.state !== 'ingested' || present.has(entry.name)) continue;
      const file = archivable(feed, entry);
      if (file === null) continue;
      if (entry.archivedTo !== null) {
        if (!isRecent(entry.archivedTo, clock.wall)) continue;
        archived.push({ file, path: entry.archivedTo, until: clock.monotonic + RECHECK_EVERY_MS });
      } else if (!fs.existsSync(path.join(landing, entry.name))) {
        const outcome = finishMove(file, places);
        if (outcome !== null) conclude(file, outcome, entries, clock);
      }
    }
  }

  function recheck(clock: Clock): void {
    recheckAt = clock.monotonic + RECHECK_EVERY_MS;
    archived = archived.filter(({ file, path: target, until }) => {
      const outcome = recheckArchived(file, target, places);
      if (outcome.kind === 'changed')
        logger.info({ file: file.name }, 'written to after it was archived: put back as new');
      if (outcome.kind === 'aside') reportAside(file, outcome.path);
      return outcome.kind === 'archived' && until > clock.monotonic;
    });
  }

  function reportAside(file: Archivable, target: string): void {
    logger.warn(
      { file: file.name, at: target },
      'a content that was never read lies there: a newer one had its name already',
    );
  }

  function record(): void {
    for (const [fileId, target] of unrecorded) {
      ledger.noteArchived(fileId, target);
      unrecorded.delete(fileId);
    }
  }

  return { step };
}

/** The move was the last thing that changed its ctime. */
function isRecent(target: string, wall: number): boolean {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  return stat !== undefined && wall - stat.ctimeMs <= RECHECK_AT_START_MS;
}

function archivable(feed: Feed, entry: KnownFile): Archivable | null {
  const meaning = readFileName(feed, entry.name);
  if (meaning.kind !== 'taken') return null;
  return { fileId: entry.fileId, name: entry.name, stamp: meaning.stamp, stat: entry.stat };
}
