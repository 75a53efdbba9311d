import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Feed } from '../model/feed.ts';
import type { IngestOutcome } from '../model/ingest.ts';
import type { RawStat } from '../landing/file-stat.ts';
import { listLanding, type Listing } from '../landing/list.ts';
import { createParentWait, holdFuture, orderBatch } from '../landing/order.ts';
import { createSettler } from '../landing/settle.ts';
import type { ListedFile } from '../model/listed-file.ts';
import type { Logger } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import type { UnreadName } from '../model/ledger.ts';
import { systemCode } from '../system/system-error.ts';
import { STARTING, type Work } from '../model/work.ts';
import { createArchiver } from './archiver.ts';
import { sooner } from './back-off.ts';
import type { FaultBook } from '../status/faults.ts';
import { isKnown, knownAfter, type KnownFile } from './seen-files.ts';
import type { Ledger } from './ledger.ts';
import { addOutcome, emptyTally, reportBatch, reportFile, reportUnread, type BatchTally } from './report.ts';
import { createRestorer } from './restorer.ts';
import { addToTotals, emptyTotals, type RunTotals } from './run-totals.ts';
import { createSuspects, type Suspects } from './suspects.ts';
import { createTries } from './retry-schedule.ts';
import { createWalEmptier } from './wal-emptier.ts';

export interface DrainOptions {
  readonly settings: Pick<Settings, 'landing' | 'settleMs' | 'after' | 'archiveAfterMs' | 'archiveDir'>;
  readonly feed: Feed;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly faults: FaultBook;
  readonly now: () => Date;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  /** Aborted: take no other file. */
  readonly stop: AbortSignal;
  /** Aborted: give up the file in hand. */
  readonly giveUp: AbortSignal;
  /** Whether there is news of the folder since the round began. */
  readonly hasNews: () => boolean;
  /** Whether names that are not taken are told again though an earlier run has told them. */
  readonly tellAgain: boolean;
  /** Called at each step. */
  readonly onWork: (work: Work) => void;
}

/** What one round left. */
export interface Round {
  /** When to look again even if nothing is heard, in ms from now; null: no need. */
  readonly wakeMs: number | null;
  /** How many files will be taken by and by without anyone's doing. */
  readonly open: number;
  /** How long listing the folder took, in ms. */
  readonly listMs: number;
}

/** The serial loop's body: list, compare with the ledger, settle, order, ingest one at a time, archive. */
export interface Drain {
  /**
   * Takes all that is due.
   * @throws FolderFault when the landing folder cannot be listed
   * @throws DatabaseFault when the database or its disk fails; what was due still is
   */
  round(): Promise<Round>;
  totals(): Readonly<RunTotals>;
  work(): Work;
}

/** While a long batch is taken the folder is listed again at most this often, so that late parents still come before children. */
const RELIST_MS = 2_000;
/** Where the last listing took so long, the next is announced. */
const SLOW_LISTING_MS = 1_000;

/** And at most this share of the time is spent on it. */
const RELIST_SHARE = 0.05;

/** The body of the loop, over a folder and a ledger that are there. */
export function createDrain(options: DrainOptions): Drain {
  const { settings, feed, ledger, logger, faults, stop } = options;
  const settler = createSettler({ settleMs: settings.settleMs, believeTimes: false });
  const parentWait = createParentWait(feed);
  const tries = createTries();
  const restorer = createRestorer(settings.landing, faults);
  const archiver =
    settings.after === 'archive'
      ? createArchiver({
          ...settings,
          archiveDir: settings.archiveDir ?? path.join(settings.landing, 'archive'),
          feed,
          ledger,
          faults,
          logger,
        })
      : null;
  const totals = emptyTotals();
  const emptyWal = createWalEmptier({
    ledger,
    monotonic: options.monotonic,
    onBegin: () => {
      show({ doing: 'emptying' });
    },
    onEnd: (wal) => {
      show({ wal });
    },
  });
  let known: Map<string, KnownFile> | null = null;
  let suspects: Suspects | null = null;
  let noted: string | null = null;
  let slowListing = false;
  let refusedNames = 0;
  let unseen: Listing['unseen'] = [];
  let batch: BatchTally | null = null;
  let work: Work = STARTING;

  function show(change: Partial<Work>): void {
    const { files, rows, quarantined, rejectedRows } = totals;
    work = { ...work, ...change, taken: { files, rows, quarantined, rejectedRows }, faults: faults.list() };
    options.onWork(work);
  }

  async function round(): Promise<Round> {
    known ??= await ledger.known();
    suspects ??= createSuspects(await ledger.suspects(), faults);
    const entries = known;
    const retries = await ledger.retries();
    for (const name of retries.keys()) suspects.forget(name);
    const ingested: KnownFile[] = [];
    const began = options.monotonic();
    const clock = { monotonic: began, wall: options.now().getTime() };
    const passOver = (name: string, stat: RawStat): boolean => {
      const entry = entries.get(name);
      if (!isKnown(entry, stat) || retries.has(name)) return false;
      if (archiver !== null && entry?.state === 'ingested') ingested.push(entry);
      return true;
    };
    if (slowListing) {
      show({ doing: 'listing' });
      // The keeper is to hear of it before this process is deaf for a while.
      await nextTurn();
    }
    const listing = listLanding({ folder: settings.landing, feed, wall: clock.wall, passOver });
    const listMs = options.monotonic() - began;
    slowListing = listMs > SLOW_LISTING_MS;
    const restored = restorer.restore(listing.setAside);

    const dated = holdFuture(listing.files, clock.wall);
    const parted = suspects.part(dated.due, clock.wall);
    await noteNames([...listing.unread, ...dated.held, ...parted.held]);
    noteUnseen(listing.unseen);
    totals.coming = listing.coming;
    const settling = settler.look(parted.due, clock);
    const attended = parentWait.look(settling.settled, settling.unsettled, clock.monotonic);
    forgetGone(listing);
    const ready = tries.ready(attended.ready, clock.monotonic);
    const awaitingParent = attended.waiting.length;
    const files = suspects.putLast(orderBatch(feed, ready));
    show({ due: ready.length, settling: settling.unsettled.length, awaitingParent });

    const takenAll = await takeAll(files, retries, entries, began, listMs);
    let archiveMs: number | null = null;
    let walMs: number | null = null;
    if (takenAll && !stop.aborted) {
      endBatch();
      if (archiver !== null) {
        show({ doing: 'archiving' });
        archiveMs = await archiver.step(ingested, entries, clock);
      }
      walMs = await emptyWal();
    }
    totals.unreadable = tries.count('unreadable') + unseen.length;
    show({ doing: settling.unsettled.length + awaitingParent > 0 ? 'waiting' : 'idle', due: 0 });
    // What was taken just now is for the archiver to see.
    const forArchive = archiver !== null && ready.length > 0;
    const again = !takenAll || restored || forArchive || files.length < ready.length ? 0 : null;
    const releaseMs = dated.releaseAt === null ? null : dated.releaseAt - clock.wall;
    const retryMs = tries.nextTryMs(attended.ready, options.monotonic());
    const spent = options.monotonic() - clock.monotonic;
    const sinceListed = [settling.nextLookMs, attended.nextLookMs, releaseMs, parted.nextMs].reduce(sooner);
    const wakeMs = [
      sinceListed === null ? null : Math.max(0, sinceListed - spent),
      retryMs,
      archiveMs,
      walMs,
      again,
    ].reduce(sooner);
    const open =
      settling.unsettled.length +
      awaitingParent +
      parted.waiting.length +
      tries.count('moved') +
      tries.count('unexpected');
    return { wakeMs, open: open + (again === null ? 0 : 1), listMs };
  }

  /** @returns whether every file was taken; false: there is news of the folder, or the loop is to stop */
  async function takeAll(
    files: readonly ListedFile[],
    retries: ReadonlyMap<string, string>,
    entries: Map<string, KnownFile>,
    listedAt: number,
    listMs: number,
  ): Promise<boolean> {
    const relistAt = listedAt + Math.max(RELIST_MS, listMs / RELIST_SHARE);
    for (const [index, file] of files.entries()) {
      if (stop.aborted) return false;
      if (options.hasNews() && options.monotonic() >= relistAt) return false;
      show({ doing: 'ingesting', due: files.length - index });
      await take(file, retries, entries);
      await emptyWal();
      await nextTurn();
    }
    return true;
  }

  async function take(
    file: ListedFile,
    retries: ReadonlyMap<string, string>,
    entries: Map<string, KnownFile>,
  ): Promise<void> {
    batch ??= emptyTally(options.monotonic());
    let outcome: IngestOutcome;
    try {
      outcome = await ledger.ingest(file, {
        afresh: retries.has(file.name),
        stop: options.giveUp,
        onProgress: (file) => {
          show({ file });
        },
      });
    } catch (error) {
      if (error instanceof DatabaseFault) throw error;
      failed(file, error);
      return;
    } finally {
      work = { ...work, file: null };
    }
    // Not only at the end of the round: a long batch may follow.
    faults.end('database');
    const entry = knownAfter(file, outcome);
    if (entry !== null) entries.set(file.name, entry);
    addOutcome(batch, outcome);
    reportFile(logger, feed, file, outcome);
    if (outcome.kind === 'moved') {
      tries.failed(file, 'moved', options.monotonic());
      faults.begin({ kind: 'file', file: file.name, problem: 'it is still being written' });
      return;
    }
    if (outcome.kind === 'given_up') return;
    forget(file.name);
    addToTotals(totals, outcome);
  }

  function failed(file: ListedFile, error: unknown): void {
    const code = systemCode(error);
    if (code === 'ENOENT') {
      forget(file.name);
      return;
    }
    if (code === 'ELOOP' || code === 'ENXIO') {
      // A link or a socket has taken its place: the next listing says so.
      tries.failed(file, 'moved', options.monotonic());
      return;
    }
    if (code !== null) {
      tries.failed(file, 'unreadable', options.monotonic());
      faults.begin({ kind: 'file', file: file.name, problem: `it cannot be read (${code})` });
      return;
    }
    tries.failed(file, 'unexpected', options.monotonic());
    logger.error({ file: file.name, err: error }, 'unexpected error; rolled back, to be tried again');
  }

  function forget(name: string): void {
    tries.forget(name);
    suspects?.forget(name);
    faults.end('file', name);
  }

  /** A file that failed and is not there any more is nobody's fault now. */
  function forgetGone(listing: Listing): void {
    const failedNames = tries.names();
    if (failedNames.length === 0) return;
    const present = new Set(listing.files.map((file) => file.name));
    for (const name of failedNames) if (!present.has(name)) forget(name);
  }

  function noteUnseen(now: Listing['unseen']): void {
    for (const { name, code } of now)
      faults.begin({ kind: 'file', file: name, problem: `it cannot be seen (${code})` });
    const still = new Set(now.map(({ name }) => name));
    for (const { name } of unseen) if (!still.has(name)) forget(name);
    unseen = now;
  }

  async function noteNames(names: readonly UnreadName[]): Promise<void> {
    refusedNames = names.filter((name) => name.state === 'quarantined').length;
    const now = JSON.stringify(names.map(({ name, code }) => [name, code]));
    if (now === noted) return;
    const news = await ledger.noteUnread(names);
    reportUnread(logger, options.tellAgain ? names : news);
    noted = now;
  }

  function endBatch(): void {
    if (batch !== null && batch.files > 0) reportBatch(logger, batch, options.monotonic());
    batch = null;
  }

  return {
    async round() {
      try {
        return await round();
      } catch (error) {
        show({ doing: 'waiting', file: null, due: 0 });
        throw error;
      }
    },
    totals: () => ({ ...totals, quarantined: totals.quarantined + refusedNames }),
    work: () => ({ ...work, faults: faults.list() }),
  };
}
