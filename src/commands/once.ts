import { existsSync } from 'node:fs';
import { cutShortAt, readAlive } from '../daemon/alive.ts';
import { createDrain } from '../daemon/drain.ts';
import { createFaultBook } from '../daemon/faults.ts';
import { storeLedger } from '../daemon/ledger.ts';
import { createWaker, runLoop } from '../daemon/loop.ts';
import { ownDatabase } from '../daemon/own.ts';
import type { RunTotals } from '../daemon/totals.ts';
import { LandfallError } from '../errors.ts';
import { EXIT_FAILED, EXIT_REFUSED } from '../exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { CommandIo } from '../io.ts';
import { createLog } from '../log.ts';
import type { Settings } from '../settings.ts';
import { abandonAttempts } from '../store/attempts.ts';
import { DatabaseFault } from '../store/fault.ts';
import { createProgress } from './progress.ts';

/** What `once` takes. */
export interface OnceOptions {
  readonly settings: Settings;
}

/** How long a locked database, a full disk or a missing folder is waited for, in ms. */
const PATIENCE_MS = 300_000;

/**
 * Takes everything that is in the landing folder, and what is still being written there, then ends.
 * @returns 0 all in (rows may wait), 3 a file was quarantined, is held or cannot be read, or a row was rejected, 4 the
 *   database is damaged, 1 stopped before everything was in
 * @throws LandfallError when it cannot run
 */
export async function once(options: OnceOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const { stop } = io;
  // One that goes away is waited for; one that was never there is a mistyped name.
  if (!existsSync(settings.landing)) {
    const hint = 'name another with --landing, or mount it first';
    throw new LandfallError('list landing folder', 'it is not there', { file: settings.landing, hint });
  }
  const progress = createProgress(io.stdout);
  const logger = createLog(settings, progress.output, io.program.pid);
  const feed = loadFeed(settings.feed);
  const waker = createWaker(stop);
  const faults = createFaultBook(logger, io.now, () => undefined);
  const monotonic = (): number => performance.now();
  // A daemon that was stopped in the middle of a file has left its attempt open, which is nobody's fault.
  const before = { crashed: false, cutShortAt: cutShortAt(readAlive(settings.db)) };
  const totals: { now: RunTotals | null } = { now: null };
  try {
    await ownDatabase(
      { settings, io, feed, command: 'once', faults, waker, stop, patienceMs: PATIENCE_MS, before },
      async (store) => {
        // Leaving at once is nobody's failure: the file in hand must not come nearer to quarantine for it.
        io.leave.addEventListener('abort', () => {
          abandonAttempts(store);
        });
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
          onWork: (work) => {
            progress.show(work);
          },
        });
        await runLoop({ drain, waker, faults, until: 'drained', stop, patienceMs: PATIENCE_MS, monotonic });
        totals.now = drain.totals();
      },
    );
  } catch (error) {
    if (!(error instanceof DatabaseFault) || !error.isFinal) throw error;
    logger.fatal(error.message);
    return error.exitCode;
  } finally {
    progress.end();
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
