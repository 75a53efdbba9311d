import type { Events } from '../model/events.ts';
import { STARTING, type Work } from '../model/work.ts';
import type { Logger } from '../output/log.ts';
import { BEAT_MS } from '../status/heartbeat.ts';
import type { CommandIo } from '../system/io.ts';
import { after, every, onAbort } from '../system/timers.ts';
import {
  checkWorker,
  createWorkerProcess,
  killWorker,
  restartWorker,
  startWorker,
  stopWorker,
  workerPid,
  type WorkerEnd,
  type WorkerProcess,
  type WorkerProcessOptions,
} from './worker-process.ts';

/** A worker that was told to stop is killed when it still runs after so long, in ms. */
const KILL_AFTER_MS = 5_000;

/** What every command that takes files is given. */
export interface SupervisorOptions extends Pick<WorkerProcessOptions, 'settings' | 'relay' | 'patience'> {
  readonly io: CommandIo;
  readonly logger: Logger;
}

/** What differs between the commands. */
export interface SupervisionOptions
  extends SupervisorOptions, Pick<WorkerProcessOptions, 'job' | 'before' | 'onStage' | 'onFolders'> {
  /** Told `work` as the worker tells it. */
  readonly events: Events;
  /** On a stop the worker has so long to commit the file in hand, in ms; then it gives it up. */
  readonly graceMs: number;
  /**
   * The worker has ended.
   * @returns the exit code to end with; null: it is started again
   */
  readonly onEnd: (end: WorkerEnd) => number | null;
  /** The worker is about to be told to stop. */
  readonly onStop?: () => void;
  /** It has not stopped in time, a file in hand, and is about to be killed. */
  readonly onTooLate?: () => void;
  /** It was killed by a second signal, after which this process ends at once. */
  readonly onLeave?: () => void;
}

/** A worker under supervision. */
export interface Supervision {
  readonly options: SupervisionOptions;
  readonly worker: WorkerProcess;
  readonly ended: PromiseWithResolvers<number>;
  /** What the worker last said. */
  work: Work;
  stopping: boolean;
  /** Whether the worker was killed in order to stop. */
  killed: boolean;
}

/** Nothing is started yet. */
export function createSupervision(options: SupervisionOptions): Supervision {
  const supervision: Supervision = {
    options,
    worker: createWorkerProcess({
      ...options,
      onWork(work) {
        supervision.work = work;
        options.events.emit('work', work);
      },
      onEnd: (end) => {
        conclude(supervision, end);
      },
    }),
    ended: Promise.withResolvers<number>(),
    work: STARTING,
    stopping: false,
    killed: false,
  };
  return supervision;
}

/**
 * Runs a command that takes files in a process of its own. One SQLite statement may take minutes, in which a process hears no
 * signal; this one always does. It sees a crash for what it is, ends a worker that hangs, and stops it when told to.
 * @returns the exit code
 */
export async function supervise(supervision: Supervision): Promise<number> {
  const { options, worker, ended } = supervision;
  const { io } = options;
  using releases = new DisposableStack();
  every(releases, BEAT_MS, () => {
    endIfHung(supervision);
  });
  onAbort(io.stop, () => {
    stop(supervision, releases);
  });
  onAbort(io.leave, () => {
    supervision.stopping = true;
    kill(supervision);
    options.onLeave?.();
  });
  if (!io.stop.aborted) startWorker(worker);
  return await ended.promise;
}

function endIfHung({ worker, options }: Supervision): void {
  const silentMs = checkWorker(worker);
  if (silentMs === null) return;
  options.logger.error({ silentSeconds: Math.round(silentMs / 1000) }, 'the worker process hangs; it is killed');
}

function stop(supervision: Supervision, releases: DisposableStack): void {
  const { options, worker } = supervision;
  supervision.stopping = true;
  options.onStop?.();
  if (workerPid(worker) === null) {
    killWorker(worker);
    conclude(supervision, { kind: 'died', how: 'stopped' });
    return;
  }
  stopWorker(worker, options.graceMs);
  after(releases, KILL_AFTER_MS, () => {
    if (supervision.work.file !== null) options.onTooLate?.();
    kill(supervision);
  });
}

function kill(supervision: Supervision): void {
  supervision.killed = true;
  killWorker(supervision.worker);
}

function conclude({ options, worker, ended }: Supervision, end: WorkerEnd): void {
  const exitCode = options.onEnd(end);
  if (exitCode === null) restartWorker(worker);
  else ended.resolve(exitCode);
}
