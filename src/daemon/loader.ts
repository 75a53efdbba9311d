import { constants, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { LandfallError } from '../errors.ts';
import { loadFeed } from '../feed/load.ts';
import { readyParser } from '../ingest/parser.ts';
import type { CommandIo, Parent } from '../io.ts';
import { createLog, type Logger } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Ending } from '../store/attempts.ts';
import { STARTING, type Work } from './alive.ts';
import { createDrain, type Drain } from './drain.ts';
import { createFaultBook, type FaultBook } from './faults.ts';
import { isAtRest } from './health.ts';
import { storeLedger } from './ledger.ts';
import { createWaker, runLoop, type Waker } from './loop.ts';
import { toLoaderSchema, type FromLoader, type ToLoader } from './messages.ts';
import { ownDatabase } from './own.ts';

/** Progress is told at most this often, in ms; a change of what is done is told at once. */
const TELL_MS = 250;

/** How often an idle loader looks whether someone has asked for a file to be read again, in ms. */
const RETRY_LOOK_MS = 2_000;

/** An idle loader gives back the memory of the work it has done at most this often, in ms. */
const COLLECT_MS = 60_000;

/** What a loader that owns the database works with. */
interface Loader {
  readonly settings: Settings;
  readonly io: CommandIo;
  readonly logger: Logger;
  readonly faults: FaultBook;
  readonly waker: Waker;
  readonly send: (message: FromLoader) => void;
  readonly tell: (work: Work) => void;
  readonly stop: AbortSignal;
  readonly giveUp: AbortSignal;
}

/**
 * The daemon's child process: owns the database and drains the landing folder, until the keeper tells it to stop or is
 * gone. It holds no other promise than P2: it may be killed at any instant.
 * @returns the exit code
 */
export async function load(io: CommandIo): Promise<number> {
  const { parent } = io;
  if (parent === null) throw new LandfallError('load', 'only the daemon starts this', { hint: 'use "landfall run"' });
  const send = (message: FromLoader): void => {
    parent.send(message);
  };
  const stop = new AbortController();
  const giveUp = new AbortController();
  parent.onGone(() => {
    stop.abort();
    giveUp.abort();
  });

  const start = await firstMessage(parent, send, stop.signal);
  if (start === null) return 0;
  yieldToOthers();
  leash(start.keeperPid);
  const { settings } = start;
  // The keeper reads it, and passes it on in the form that is asked for.
  const logger = createLog({ ...settings, logFormat: 'json' }, io.stdout, io.program.pid);
  const waker = createWaker(stop.signal);
  parent.onMessage((message) => {
    const read = toLoaderSchema.safeParse(message);
    if (read.success) heed(read.data, { send, waker, stop, giveUp });
  });

  let latest = STARTING;
  const tell = createTeller(send);
  const faults = createFaultBook(logger, io.now, () => {
    tell({ ...latest, faults: faults.list() });
  });
  const tellLatest = (work: Work): void => {
    latest = work;
    tell(work);
  };
  const loader: Loader = {
    settings,
    io,
    logger,
    faults,
    waker,
    send,
    tell: tellLatest,
    stop: stop.signal,
    giveUp: giveUp.signal,
  };
  try {
    await own(loader, start.before, start.keeperPid);
    return 0;
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    send({ kind: 'fatal', message: error.message, exitCode: error.exitCode });
    return error.exitCode;
  }
}

/** Takes the database, drains the folder until stopped, and lets go of it. */
async function own(loader: Loader, before: Ending, keeperPid: number): Promise<void> {
  const { settings, io, logger, faults, waker, stop } = loader;
  const feed = loadFeed(settings.feed);
  const onFound = (): void => {
    loader.send({ kind: 'found' });
  };
  const onLocked = (): void => {
    loader.send({ kind: 'owner' });
  };
  await ownDatabase(
    {
      settings,
      io,
      feed,
      command: 'run',
      pid: keeperPid,
      faults,
      waker,
      stop,
      patienceMs: null,
      onFound,
      onLocked,
      before,
    },
    (store) => {
      loader.send({ kind: 'ready' });
      readyParser();
      const ledger = storeLedger(store, io.now);
      const drain = createDrain({
        settings,
        feed,
        ledger,
        logger,
        faults,
        now: io.now,
        monotonic: () => performance.now(),
        stop,
        giveUp: loader.giveUp,
        hasNews: () => waker.poked(),
        tellAgain: false,
        onWork: loader.tell,
      });
      const stopLooking = lookForRetries(drain, waker, () => ledger.retries());
      const stopCollecting = collectWhileIdle(drain);
      const monotonic = (): number => performance.now();
      return runLoop({ drain, waker, faults, until: 'stopped', stop, patienceMs: null, monotonic }).finally(() => {
        stopLooking();
        stopCollecting();
      });
    },
  );
}

/** Says that the process runs, and waits for its settings. Null: there is no keeper any more. */
function firstMessage(
  parent: Parent,
  send: (message: FromLoader) => void,
  stop: AbortSignal,
): Promise<Extract<ToLoader, { kind: 'start' }> | null> {
  return new Promise((resolve) => {
    stop.addEventListener('abort', () => {
      resolve(null);
    });
    parent.onMessage((message) => {
      const read = toLoaderSchema.safeParse(message);
      if (read.success && read.data.kind === 'start') resolve(read.data);
      // Stopped before it had begun.
      if (read.success && read.data.kind === 'stop') resolve(null);
    });
    send({ kind: 'born' });
  });
}

function heed(
  message: ToLoader,
  ends: { send: (message: FromLoader) => void; waker: Waker; stop: AbortController; giveUp: AbortController },
): void {
  switch (message.kind) {
    case 'start':
      return;
    case 'poke':
      ends.waker.poke();
      return;
    case 'ping':
      ends.send({ kind: 'pong' });
      return;
    case 'stop':
      ends.stop.abort();
      setTimeout(() => {
        ends.giveUp.abort();
      }, message.graceMs).unref();
      return;
  }
}

/** Tells the keeper what is done: changes at once, progress now and then. */
function createTeller(send: (message: FromLoader) => void): (work: Work) => void {
  let toldAt = -Infinity;
  let told: Work | null = null;
  return (work) => {
    const now = performance.now();
    const same =
      told !== null &&
      told.doing === work.doing &&
      told.faults.length === work.faults.length &&
      told.settling === work.settling &&
      told.awaitingParent === work.awaitingParent &&
      told.wal.pinned === work.wal.pinned;
    if (same && now - toldAt < TELL_MS) return;
    toldAt = now;
    told = work;
    send({ kind: 'work', work });
  };
}

/**
 * `landfall retry` leaves its wish in the database, which makes no event.
 * @returns ends the looking
 */
function lookForRetries(drain: Drain, waker: Waker, retries: () => ReadonlyMap<string, string>): () => void {
  let seen: ReadonlyMap<string, string> = new Map();
  const timer = setInterval(() => {
    if (!isAtRest(drain.work().doing)) return;
    try {
      const wished = retries();
      // A wish for a file that is not there stays: it is no news.
      if ([...wished].some(([name, at]) => seen.get(name) !== at)) waker.poke();
      seen = wished;
    } catch {
      // The loop meets the same fault, and reports it.
    }
  }, RETRY_LOOK_MS);
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

/** A long load must not keep the keeper, or `landfall status`, from a processor. */
function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A sandbox may forbid it: then they share.
  }
}

/** A thread that ends the process when the keeper has gone, whatever the main thread is doing. */
function leash(keeperPid: number): void {
  const worker = new Worker(new URL('./leash.ts', import.meta.url), {
    workerData: keeperPid,
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
}
