import { LandfallError } from '../model/errors.ts';
import type { Work } from '../model/work.ts';
import { createLog, type Logger } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { Ending } from '../store/attempts.ts';
import type { CommandIo, Parent } from '../system/io.ts';
import { toWorkerSchema, type FromWorker, type Job, type ToWorker } from './messages.ts';

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

/** The worker's end of the channel to its supervisor. */
export interface SupervisorLink {
  readonly send: (message: FromWorker) => void;
  readonly stop: AbortController;
  readonly giveUp: AbortController;
  onPoke: () => void;
}

type Start = Extract<ToWorker, { kind: 'start' }>;

/**
 * Says that the process runs, and waits for its job.
 * @returns null: there is no supervisor any more, or it wants none
 * @throws LandfallError when no supervisor has started this process
 */
export async function linkToSupervisor(
  io: CommandIo,
): Promise<{ link: SupervisorLink; job: Job; supervised: Supervised } | null> {
  const { parent } = io;
  if (parent === null) throw new LandfallError('worker', 'only the daemon starts this', { hint: 'use "landfall run"' });
  const link: SupervisorLink = {
    send: (message) => {
      parent.send(message);
    },
    stop: new AbortController(),
    giveUp: new AbortController(),
    onPoke: () => undefined,
  };
  parent.onGone(() => {
    link.stop.abort();
    link.giveUp.abort();
  });
  const start = await firstMessage(parent, link);
  if (start === null) return null;
  onMessage(parent, (message) => {
    heed(link, message);
  });
  return { link, job: start.job, supervised: supervisedBy(link, start, io) };
}

function onMessage(parent: Parent, listener: (message: ToWorker) => void): void {
  parent.onMessage((message) => {
    const read = toWorkerSchema.safeParse(message);
    if (read.success) listener(read.data);
  });
}

function firstMessage(parent: Parent, { send, stop }: SupervisorLink): Promise<Start | null> {
  return new Promise((resolve) => {
    stop.signal.addEventListener('abort', () => {
      resolve(null);
    });
    onMessage(parent, (message) => {
      if (message.kind === 'start') resolve(message);
      // Stopped before it had begun.
      if (message.kind === 'stop') resolve(null);
    });
    send({ kind: 'born' });
  });
}

function heed(link: SupervisorLink, message: ToWorker): void {
  switch (message.kind) {
    case 'start':
      return;
    case 'poke':
      link.onPoke();
      return;
    case 'ping':
      link.send({ kind: 'pong' });
      return;
    case 'stop':
      link.stop.abort();
      setTimeout(() => {
        link.giveUp.abort();
      }, message.graceMs).unref();
      return;
  }
}

function supervisedBy(link: SupervisorLink, { settings, before, supervisorPid }: Start, io: CommandIo): Supervised {
  const say = (kind: 'found' | 'owner' | 'ready') => () => {
    link.send({ kind });
  };
  return {
    settings,
    io: { ...io, stop: link.stop.signal },
    logger: createLog({ ...settings, logFormat: 'json' }, io.stdout, io.program.pid),
    supervisorPid,
    before,
    giveUp: link.giveUp.signal,
    onPoke: (listener) => (link.onPoke = listener),
    found: say('found'),
    owner: say('owner'),
    ready: say('ready'),
    tell: createTeller(link.send),
  };
}

/** Tells the supervisor what is done: changes at once, progress now and then. */
function createTeller(send: (message: FromWorker) => void): (work: Work) => void {
  let toldAt = -Infinity;
  let told: Work | null = null;
  return (work) => {
    const now = performance.now();
    if (told !== null && !isNews(told, work) && now - toldAt < TELL_MS) return;
    toldAt = now;
    told = work;
    send({ kind: 'work', work });
  };
}

function isNews(before: Work, now: Work): boolean {
  return (
    before.doing !== now.doing ||
    before.faults.length !== now.faults.length ||
    before.settling !== now.settling ||
    before.awaitingParent !== now.awaitingParent ||
    before.taken.quarantined !== now.taken.quarantined ||
    before.taken.rejectedRows !== now.taken.rejectedRows ||
    before.wal.pinned !== now.wal.pinned
  );
}
