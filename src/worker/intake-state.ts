import { openArchive } from '../archive/archive.ts';
import type { Archive } from '../model/archive.ts';
import type { ingestFile } from '../ingest/ingest-file.ts';
import type { Listing } from '../landing/list.ts';
import { createParentWait, type ParentWait } from '../landing/order.ts';
import { createSettler, type Settler } from '../landing/settle.ts';
import type { Events } from '../model/events.ts';
import type { Feed } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import type { Totals } from '../model/totals.ts';
import type { Logger } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { FaultBook } from '../status/faults.ts';
import type { Store } from '../store/store.ts';
import type { CurrentWork } from './current-work.ts';
import type { Probe } from '../model/ledger.ts';
import { createPruner, type Pruner } from './pruning-state.ts';
import { createRemover, type Remover } from './removal-state.ts';
import { createRetrySchedule, type RetrySchedule } from './retry-schedule.ts';
import type { SeenFile } from './seen-files.ts';
import type { Suspects } from './suspects.ts';
import { createHousekeeping } from './housekeeping.ts';

export interface IntakeOptions {
  readonly settings: Pick<Settings, 'landing' | 'settleMs' | 'archive' | 'archiveForMs' | 'after' | 'removeAfterMs'>;
  /** Writes the receipts that are due; gives when to try again, in ms. Null: there are none. */
  readonly receipts?: (() => Promise<number | null>) | null;
  readonly feed: Feed;
  readonly store: Store;
  /** What protects patient data; null or absent: nothing of the feed is protected. */
  readonly protection?: ProtectionKey | null;
  /** Takes one file into the store; `ingestFile`, but in tests. */
  readonly ingest: typeof ingestFile;
  /** Called at each step of a copy: the crash campaign kills the process there. */
  readonly probe?: Probe;
  readonly events: Events;
  readonly faults: FaultBook;
  readonly work: CurrentWork;
  /** For what is no event: mistakes of the program. */
  readonly logger: Logger;
  readonly now: () => Date;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  /** Aborted: take no other file. */
  readonly stop: AbortSignal;
  /** Aborted: give up the file in hand. */
  readonly giveUp: AbortSignal;
  /** Whether there is news of the folder since the scan began. */
  readonly hasNews: () => boolean;
  /** Whether names that are not taken are told again though an earlier run has told them. */
  readonly tellAgain: boolean;
}

/** Everything the intake keeps in mind from one scan to the next. */
export interface Intake extends IntakeOptions {
  readonly settler: Settler;
  readonly parentWait: ParentWait;
  readonly retries: RetrySchedule;
  /** Null: what is ingested is not kept. */
  readonly archive: Archive | null;
  /** Null: what was ingested stays where it is. */
  readonly remover: Remover | null;
  /** Of the archive. */
  readonly pruner: Pruner;
  readonly maintain: () => Promise<number | null>;
  /** What the ledger knows; null: it was not asked yet. */
  known: Known | null;
  /** The names told last, with their codes, as JSON. */
  namesTold: string | null;
  /** Names that are held or are no regular file. */
  refusedNames: number;
  /** Names that the system refuses to tell anything of. */
  unseen: Listing['unseen'];
  /** Empty files and uploads under way that are not old enough to be reported. */
  coming: number;
  slowListing: boolean;
  /** The folders in the landing folder that were found last. */
  folders: readonly string[];
  /** The files taken in one go, which may last over several scans, and when it began, in monotonic ms. */
  taking: { readonly since: number; readonly totals: Totals } | null;
}

/** What the ledger knew at the start, kept current. */
export interface Known {
  /** The latest revision of every name. */
  readonly seen: Map<string, SeenFile>;
  readonly suspects: Suspects;
}

/** What a run has come to. */
export interface RunTotals {
  readonly files: number;
  readonly rows: number;
  /** With the names that are held or are no regular file. */
  readonly quarantined: number;
  readonly rejectedRows: number;
  /** Files that cannot be read, or of which no copy can be made, just now. */
  readonly unreadable: number;
  /** Empty files and uploads under way that are not old enough to be reported. */
  readonly coming: number;
}

/** So many copies of small files wait at most for their names. A scan leaves none. */
const DRAFTS_AT_ONCE = 100;

/** An intake that has seen nothing yet, over a folder and a ledger that are there. */
export function createIntake(options: IntakeOptions): Intake {
  const { settings, feed, store, work, monotonic, probe } = options;
  return {
    ...options,
    settler: createSettler({ settleMs: settings.settleMs, believeTimes: false }),
    parentWait: createParentWait(feed),
    retries: createRetrySchedule(),
    archive:
      settings.archive === null
        ? null
        : openArchive(settings.archive, probe, options.protection?.archive ?? null, DRAFTS_AT_ONCE),
    remover: settings.after === 'remove' && settings.archive !== null ? createRemover(settings.removeAfterMs) : null,
    pruner: createPruner(),
    maintain: createHousekeeping({
      store,
      monotonic,
      onBegin: () => {
        work.change({ doing: 'emptying' });
      },
      onEnd: (wal) => {
        work.change({ wal });
      },
    }),
    known: null,
    namesTold: null,
    refusedNames: 0,
    unseen: [],
    coming: 0,
    slowListing: false,
    folders: [],
    taking: null,
  };
}

/** What the files taken since the start, and those that are left, have come to. */
export function runTotals({ work, retries, refusedNames, unseen, coming }: Intake): RunTotals {
  const { files, rows, quarantined, rejectedRows } = work.totals;
  return {
    files,
    rows: rows.read,
    quarantined: quarantined + refusedNames,
    rejectedRows,
    unreadable: retries.count('unreadable') + retries.count('archive') + unseen.length,
    coming,
  };
}
