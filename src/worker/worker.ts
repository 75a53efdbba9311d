import { LandfallError } from '../model/errors.ts';
import { loadFeed } from '../feed/load.ts';
import { readyParser } from '../ingest/parser.ts';
import { STARTING } from '../model/work.ts';
import type { Done, Supervised } from './child.ts';
import { createDrain, type Drain } from './intake.ts';
import { createFaultBook } from '../status/faults.ts';
import { isAtRest } from '../status/health.ts';
import { storeLedger } from './ledger.ts';
import { createWaker, runLoop, type Waker } from './loop.ts';
import { ownDatabase } from './database-session.ts';

/** How often an idle loader looks whether someone has asked for a file to be read again, in ms. */
const RETRY_LOOK_MS = 2_000;

/** An idle loader gives back the memory of the work it has done at most this often, in ms. */
const COLLECT_MS = 60_000;

/**
 * The daemon's part in its child process: takes the database, drains the landing folder until stopped, and lets go of it.
 * @returns 0, or the exit code and the problem with which it cannot go on
 */
export async function runLoader(supervised: Supervised): Promise<Done> {
  try {
    await drainUntilStopped(supervised);
    return { exitCode: 0, problem: null };
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    return { exitCode: error.exitCode, problem: error.message };
  }
}

async function drainUntilStopped(supervised: Supervised): Promise<void> {
  const { settings, io, logger, before, giveUp, tell } = supervised;
  const { stop } = io;
  const feed = loadFeed(settings.feed);
  const waker = createWaker(stop);
  supervised.onPoke(() => {
    waker.poke();
  });
  let latest = STARTING;
  const faults = createFaultBook(logger, io.now, () => {
    tell({ ...latest, faults: faults.list() });
  });
  const monotonic = (): number => performance.now();
  const holder = { command: 'run', pid: supervised.supervisorPid };
  const told = { onFound: supervised.found, onLocked: supervised.owner };
  await ownDatabase(
    { settings, io, feed, ...holder, ...told, faults, waker, stop, patienceMs: null, before },
    (store) => {
      supervised.ready();
      readyParser();
      const ledger = storeLedger(store, io.now);
      const drain = createDrain({
        settings,
        feed,
        ledger,
        logger,
        faults,
        now: io.now,
        monotonic,
        stop,
        giveUp,
        hasNews: () => waker.poked(),
        tellAgain: false,
        onWork: (work) => {
          latest = work;
          tell(work);
        },
      });
      const stopLooking = lookForRetries(drain, waker, () => ledger.retries());
      const stopCollecting = collectWhileIdle(drain);
      return runLoop({ drain, waker, faults, until: 'stopped', stop, patienceMs: null, monotonic }).finally(() => {
        stopLooking();
        stopCollecting();
      });
    },
  );
}

/**
 * `landfall retry` leaves its wish in the database, which makes no event.
 * @returns ends the looking
 */
function lookForRetries(drain: Drain, waker: Waker, retries: () => Promise<ReadonlyMap<string, string>>): () => void {
  let seen: ReadonlyMap<string, string> = new Map();
  const look = async (): Promise<void> => {
    if (!isAtRest(drain.work().doing)) return;
    try {
      const wished = await retries();
      // A wish for a file that is not there stays: it is no news.
      if ([...wished].some(([name, at]) => seen.get(name) !== at)) waker.poke();
      seen = wished;
    } catch {
      // The loop meets the same fault, and reports it.
    }
  };
  const timer = setInterval(() => void look(), RETRY_LOOK_MS);
  return () => {
    clearInterval(timer);
  };
}

/**
 * V8 collects all garbage only when the heap has grown by a share of itself: with a small file now and then, after hours.
 * @returns ends the collecting
 */
function collectWhileIdle(drain: Drain): () => void {
  let filesCollected = 0;
  const timer = setInterval(() => {
    const { doing, taken } = drain.work();
    if (!isAtRest(doing) || taken.files === filesCollected) return;
    filesCollected = taken.files;
    globalThis.gc?.();
  }, COLLECT_MS);
  return () => {
    clearInterval(timer);
  };
}
