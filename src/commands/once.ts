import { existsSync } from 'node:fs';
import type { Supervised } from '../worker/child.ts';
import { createDrain } from '../worker/intake.ts';
import { createFaultBook } from '../status/faults.ts';
import { storeLedger } from '../worker/ledger.ts';
import { createWaker, runLoop } from '../worker/loop.ts';
import { ownDatabase } from '../worker/database-session.ts';
import { supervise } from '../supervisor/supervise.ts';
import type { RunTotals } from '../worker/run-totals.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { CommandIo } from '../system/io.ts';
import { createLog, createRelay } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { createProgress } from '../output/progress.ts';

/** What `once` takes. */
export interface OnceOptions {
  readonly settings: Settings;
}

/** How long a locked database, a full disk or a missing folder is waited for, in ms. */
const PATIENCE_MS = 300_000;

/**
 * Takes everything that is in the landing folder, and what is still being written there, then ends. On a terminal it shows how far it
 * is.
 * @returns as `takeAll`; 1 too when the process that takes the files has died again and again
 */
export async function once(options: OnceOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const progress = createProgress(io.stdout);
  // A bar that is not ended leaves a terminal without a cursor.
  io.leave.addEventListener('abort', progress.end);
  try {
    return await supervise({
      settings,
      job: { verb: 'once' },
      io,
      logger: createLog(settings, progress.output, io.program.pid),
      relay: createRelay(settings, progress.output),
      onWork: (work) => {
        progress.show(work);
      },
    });
  } finally {
    progress.end();
  }
}

/**
 * What `once` does in its own process.
 * @returns 0 all in (rows may wait), 3 a file was quarantined, is held or cannot be read, or a row was rejected, 4 the
 *   database is damaged, 1 stopped before everything was in
 * @throws LandfallError when it cannot run
 */
export async function takeAll(supervised: Supervised): Promise<number> {
  const { settings, io, logger, before, ready, tell } = supervised;
  const { stop } = io;
  // One that goes away is waited for; one that was never there is a mistyped name.
  if (!existsSync(settings.landing)) {
    const hint = 'name another with --landing, or mount it first';
    throw new LandfallError('list landing folder', 'it is not there', { file: settings.landing, hint });
  }
  const feed = loadFeed(settings.feed);
  const waker = createWaker(stop);
  const faults = createFaultBook(logger, io.now, () => undefined);
  const monotonic = (): number => performance.now();
  const holder = { command: 'once', pid: supervised.supervisorPid };
  const totals: { now: RunTotals | null } = { now: null };
  try {
    await ownDatabase(
      { settings, io, feed, ...holder, faults, waker, stop, patienceMs: PATIENCE_MS, before },
      async (store) => {
        ready();
        const drain = createDrain({
          settings,
          feed,
          ledger: storeLedger(store, io.now),
          logger,
          faults,
          now: io.now,
          monotonic,
          stop,
          giveUp: stop,
          // Nothing watches: what comes in the meantime is found when the batch is done.
          hasNews: () => true,
          tellAgain: true,
          onWork: tell,
        });
        await runLoop({ drain, waker, faults, until: 'drained', stop, patienceMs: PATIENCE_MS, monotonic });
        totals.now = drain.totals();
      },
    );
  } catch (error) {
    if (!(error instanceof DatabaseFault) || !error.isFinal) throw error;
    logger.fatal(error.message);
    return error.exitCode;
  }
  if (totals.now === null || stop.aborted) {
    logger.warn('stopped before everything was in; the next run goes on from here');
    return EXIT_FAILED;
  }
  const { coming, unreadable } = totals.now;
  const missed = unreadable > 0 ? `${unreadable} files cannot be read: they are NOT in; ` : '';
  const left = coming > 0 ? `; ${coming} empty files or uploads under way are left for another run` : '';
  logger.info(
    totals.now,
    `${missed}everything ${unreadable > 0 ? 'else ' : ''}that was there is in, or listed as refused${left}`,
  );
  return exitCodeOf(totals.now);
}

function exitCodeOf(totals: RunTotals): number {
  const { quarantined, rejectedRows, unreadable } = totals;
  return quarantined + rejectedRows + unreadable > 0 ? EXIT_REFUSED : 0;
}
