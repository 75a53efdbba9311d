import { constants, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { LandfallError } from '../model/errors.ts';
import type { CommandIo, Parent } from '../system/io.ts';
import { createLog, type Logger } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { Ending } from '../store/sqlite/attempts.ts';
import type { Work } from '../model/work.ts';
import { toLoaderSchema, type FromLoader, type Job, type ToLoader } from './messages.ts';

/** Progress is told at most this often, in ms; a change of what is done is told at once. */
const TELL_MS = 250;

/** What a command that takes files works with in its own process, under the process that supervises it. */
export interface Supervised {
  readonly settings: Settings;
  /** Its `stop` is aborted when the supervisor says so, or has gone. */
  readonly io: CommandIo;
  /** The supervisor passes it on in the form that is asked for. */
  readonly logger: Logger;
  /** The process to stop, for others who want the database. */
  readonly supervisorPid: number;
  /** How the process before this one has ended. */
  readonly before: Ending;
  /** Aborted: give up the file in hand. */
  readonly giveUp: AbortSignal;
  /** Calls back when something has happened in the landing folder. */
  readonly onPoke: (listener: () => void) => void;
  /** Says that the database may be this one's: whose it is, is told by the lock. */
  readonly found: () => void;
  /** Says that the lock is taken. */
  readonly owner: () => void;
  /** Says that the database is open: what is left open in it from now on is this process' own. */
  readonly ready: () => void;
  /** Says what is being done, and how far it is. A process that works and says nothing for long counts as hung. */
  readonly tell: (work: Work) => void;
}

/** How a job has ended. */
export interface Done {
  readonly exitCode: number;
  /** What the supervisor is to tell; null where the job has told it itself. */
  readonly problem: string | null;
}

/** What each command does in that process. */
export type Jobs = {
  readonly [Verb in Job['verb']]: (supervised: Supervised, job: Extract<Job, { verb: Verb }>) => Promise<Done>;
};

/**
 * The child process of `run`, `once` and `retry`: owns the database and takes files, until it is done, or its supervisor tells it to
 * stop or is gone. It holds no other promise than P2: it may be killed at any instant.
 * @returns the exit code
 */
export async function load(io: CommandIo, jobs: Jobs): Promise<number> {
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
  const listener = { onPoke: (): void => undefined };
  parent.onMessage((message) => {
    const read = toLoaderSchema.safeParse(message);
    if (read.success)
      heed(read.data, {
        send,
        poke: () => {
          listener.onPoke();
        },
        stop,
        giveUp,
      });
  });
  const { settings, job, before, keeperPid: supervisorPid } = start;
  const supervised: Supervised = {
    settings,
    io: { ...io, stop: stop.signal },
    logger: createLog({ ...settings, logFormat: 'json' }, io.stdout, io.program.pid),
    supervisorPid,
    before,
    giveUp: giveUp.signal,
    onPoke: (onPoke) => (listener.onPoke = onPoke),
    found: () => {
      send({ kind: 'found' });
    },
    owner: () => {
      send({ kind: 'owner' });
    },
    ready: () => {
      send({ kind: 'ready' });
    },
    tell: createTeller(send),
  };
  try {
    const done = await perform(jobs, supervised, job);
    send({ kind: 'done', ...done });
    return done.exitCode;
  } catch (error) {
    // It is printed by whoever called this.
    if (error instanceof LandfallError) send({ kind: 'done', exitCode: error.exitCode, problem: null });
    throw error;
  }
}

function perform(jobs: Jobs, supervised: Supervised, job: Job): Promise<Done> {
  switch (job.verb) {
    case 'run':
      return jobs.run(supervised, job);
    case 'once':
      return jobs.once(supervised, job);
    case 'retry':
      return jobs.retry(supervised, job);
  }
}

/** Says that the process runs, and waits for its settings. Null: there is no supervisor any more. */
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
  ends: { send: (message: FromLoader) => void; poke: () => void; stop: AbortController; giveUp: AbortController },
): void {
  switch (message.kind) {
    case 'start':
      return;
    case 'poke':
      ends.poke();
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

/** Tells the supervisor what is done: changes at once, progress now and then. */
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
      told.taken.quarantined === work.taken.quarantined &&
      told.taken.rejectedRows === work.taken.rejectedRows &&
      told.wal.pinned === work.wal.pinned;
    if (same && now - toldAt < TELL_MS) return;
    toldAt = now;
    told = work;
    send({ kind: 'work', work });
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
  const worker = new Worker(new URL('./parent-watch.ts', import.meta.url), {
    workerData: keeperPid,
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
}
