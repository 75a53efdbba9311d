import { LandfallError } from '../model/errors.ts';
import { isAtRest, type Work } from '../model/work.ts';
import { createLog, type Logger } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { Ending } from '../store/attempts.ts';
import type { CommandIo } from '../system/io.ts';
import { toWorkerSchema, type FromWorker, type Job, type ToWorker } from './messages.ts';
import { createWaker, type Waker } from './waker.ts';

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
  /** Poked when something has happened in the landing folder. */
  readonly waker: Waker;
  /** Tells the supervisor. */
  readonly send: (message: FromWorker) => void;
}

/**
 * Says that the process runs, and waits for its job.
 * @returns null: there is no supervisor any more, or it wants none
 * @throws LandfallError when no supervisor has started this process
 */
export async function linkToSupervisor(io: CommandIo): Promise<{ job: Job; supervised: Supervised } | null> {
  const { parent } = io;
  if (parent === null) throw new LandfallError('worker', 'only the daemon starts this', { hint: 'use "landfall run"' });
  const [stop, giveUp] = [new AbortController(), new AbortController()];
  parent.onGone(() => {
    stop.abort();
    giveUp.abort();
  });
  const send = (message: FromWorker): void => {
    parent.send(message);
  };
  const start = Promise.withResolvers<Extract<ToWorker, { kind: 'start' }> | null>();
  const waker = createWaker(stop.signal);
  stop.signal.addEventListener('abort', () => {
    start.resolve(null);
  });
  parent.onMessage((message) => {
    const read = toWorkerSchema.safeParse(message);
    if (!read.success) return;
    if (read.data.kind === 'start') start.resolve(read.data);
    else heed(read.data, { stop, giveUp, waker, send });
  });
  send({ kind: 'born' });
  const started = await start.promise;
  if (started === null) return null;
  const { job, settings, before, supervisorPid } = started;
  const logger = createLog({ ...settings, logFormat: 'json' }, io.stdout, io.program.pid);
  const ends = { io: { ...io, stop: stop.signal }, giveUp: giveUp.signal, waker, send };
  return { job, supervised: { ...ends, settings, logger, supervisorPid, before } };
}

function heed(
  message: Exclude<ToWorker, { kind: 'start' }>,
  { stop, giveUp, waker, send }: Pick<Supervised, 'waker' | 'send'> & Record<'stop' | 'giveUp', AbortController>,
): void {
  switch (message.kind) {
    case 'poke':
      waker.poke();
      return;
    case 'ping':
      send({ kind: 'pong' });
      return;
    case 'stop':
      stop.abort();
      // Not by a timer where there is no grace: what hears of the stop in this turn would begin before it.
      if (message.graceMs === 0) giveUp.abort();
      else setTimeout(giveUp.abort.bind(giveUp), message.graceMs).unref();
      return;
  }
}

/** Tells the supervisor what is done: changes at once, progress now and then; at rest, what it knows is not told again. */
export function createTeller(send: (message: FromWorker) => void): (work: Work) => void {
  let toldAt = -Infinity;
  let told = '';
  let rest = '';
  return (work) => {
    const now = performance.now();
    const { doing, faults, settling, awaitingParent, taken, wal } = work;
    const counts = [faults.length, settling, awaitingParent, taken.quarantined, taken.rejectedRows];
    const news = JSON.stringify([doing, wal.pinned, ...counts]);
    if (news === told && now - toldAt < TELL_MS) return;
    // While it works, saying the same again is a sign of life.
    const resting = isAtRest(doing) ? JSON.stringify(work) : '';
    if (resting !== '' && resting === rest) return;
    rest = resting;
    toldAt = now;
    told = news;
    send({ kind: 'work', work });
  };
}
