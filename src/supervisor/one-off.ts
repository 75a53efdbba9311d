import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import type { Events } from '../model/events.ts';
import { STARTING, type Work } from '../model/work.ts';
import { createFaultBook } from '../status/faults.ts';
import { heartbeatPlace, readHeartbeat } from '../status/heartbeat.ts';
import type { Job } from '../worker/messages.ts';
import { hasAlerts } from './open-alerts.ts';
import { createSupervision, supervise, type Supervision, type SupervisorOptions } from './supervise.ts';
import type { WorkerEnd } from './worker-process.ts';

/** A worker that dies so often without having taken a file in between is not started again. */
const MOST_DEATHS = 5;

export interface OneOffOptions extends SupervisorOptions {
  readonly job: Exclude<Job, { verb: 'run' }>;
  /** Told `work`. */
  readonly events: Events;
}

/** What the workers so far have come to. */
interface Tally {
  /** Since a file was taken. */
  deaths: number;
  /** Whether one that has died had refused something. */
  refused: boolean;
}

/**
 * The parent process of `once` and `retry`. It starts `once` again when its worker dies, so that one bad file does not keep the others
 * out (P7).
 * @returns the exit code
 */
export async function runOneOff(options: OneOffOptions): Promise<number> {
  const { settings, events, job, io } = options;
  const tally: Tally = { deaths: 0, refused: false };
  let isOwner = false as boolean;
  const supervision = createSupervision({
    ...options,
    before: readHeartbeat(heartbeatPlace(settings)),
    graceMs: 0,
    onStage: (stage) => {
      // Where another process has the database, alerts are its own to tell.
      if (stage === 'owner') isOwner = true;
    },
    onEnd: (end) => afterEnd(options, supervision, tally, end),
  });
  let filesTaken = 0;
  events.on('work', ({ taken }: Work) => {
    if (taken.files > filesTaken) tally.deaths = 0;
    filesTaken = taken.files;
  });
  const exitCode = await supervise(supervision);
  if (isOwner && job.verb === 'once' && hasAlerts(settings)) {
    const { alertOnce } = await import('./alerting.ts');
    await alertOnce({ settings, io, faults: createFaultBook(events, io.now) }, supervision.work.faults);
  }
  return exitCode;
}

/** @returns the exit code; null: it is started again */
function afterEnd(
  { job, logger }: OneOffOptions,
  supervision: Supervision,
  tally: Tally,
  end: WorkerEnd,
): number | null {
  // What was refused before it was started again is none of its own.
  if (end.kind === 'done') return end.exitCode === 0 && tally.refused ? EXIT_REFUSED : end.exitCode;
  if (supervision.stopping) {
    logger.warn('stopped before everything was in; the next run goes on from here');
    return EXIT_FAILED;
  }
  tally.deaths += 1;
  if (job.verb === 'retry' || tally.deaths === MOST_DEATHS) {
    logger.fatal(`the worker process ended (${end.how}); the next run goes on from here`);
    return EXIT_FAILED;
  }
  logger.error(`the worker process ended (${end.how}); it is started again`);
  const { quarantined, rejectedRows } = supervision.work.taken;
  tally.refused ||= quarantined + rejectedRows > 0;
  supervision.work = STARTING;
  return null;
}
