import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import type { CommandIo } from '../system/io.ts';
import type { Logger } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import { STARTING, type Work } from '../model/work.ts';
import { BEAT_MS, cutShortAt, readAlive } from '../status/heartbeat.ts';
import { PATIENCE, type Patience } from '../status/health.ts';
import { every, onAbort } from './hooks.ts';
import { createLoaderHandle, type LoaderEnd } from './worker-process.ts';
import type { Job } from '../worker/messages.ts';

/** A process that was told to stop is killed when it still runs after so long, in ms. */
const KILL_AFTER_MS = 5_000;

/** A process that dies so often without having taken a file in between is not started again. */
const MOST_DEATHS = 5;

export interface SuperviseOptions {
  readonly settings: Settings;
  readonly job: Exclude<Job, { verb: 'run' }>;
  readonly io: CommandIo;
  readonly logger: Logger;
  /** Takes a line of the log of the process that works. */
  readonly relay: (line: string) => void;
  readonly onWork: (work: Work) => void;
  /** How long a silent process is waited for. */
  readonly patience?: Patience;
}

/**
 * Runs a command that takes files in a process of its own. One SQLite statement may take minutes, in which a process hears no
 * signal; this one always does. It sees a crash for what it is, ends a process that hangs, and starts `once` again, so that one bad
 * file does not keep the others out (P7).
 * @returns the exit code
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { settings, job, io, logger, relay, patience = PATIENCE } = options;
  const ended = Promise.withResolvers<number>();
  using releases = new DisposableStack();
  let work: Work = STARTING;
  let stopping = false;
  let refused = false;
  let deaths = 0;

  const loader = createLoaderHandle({
    settings,
    job,
    command: io.program.command,
    env: io.env,
    supervisorPid: io.program.pid,
    cutShortAt: cutShortAt(readAlive(settings.db)),
    onFound: () => undefined,
    onOwner: () => undefined,
    onReady: () => undefined,
    onWork(now) {
      if (now.taken.files > work.taken.files) deaths = 0;
      work = now;
      options.onWork(now);
    },
    onLogLine: relay,
    onErrorText: io.stderr.write,
    onEnd,
    patience,
  });

  function onEnd(end: LoaderEnd): void {
    if (end.kind === 'done') {
      // What was refused before it was started again is none of its own.
      ended.resolve(end.exitCode === 0 && refused ? EXIT_REFUSED : end.exitCode);
      return;
    }
    if (stopping) {
      logger.warn('stopped before everything was in; the next run goes on from here');
      ended.resolve(EXIT_FAILED);
      return;
    }
    deaths += 1;
    if (job.verb !== 'once' || deaths === MOST_DEATHS) {
      logger.fatal(`the loading process ended (${end.how}); the next run goes on from here`);
      ended.resolve(EXIT_FAILED);
      return;
    }
    logger.error(`the loading process ended (${end.how}); it is started again`);
    refused ||= work.taken.quarantined + work.taken.rejectedRows > 0;
    work = STARTING;
    loader.startAgain();
  }

  every(releases, BEAT_MS, () => {
    const silentMs = loader.check();
    if (silentMs !== null) {
      logger.error({ silentSeconds: Math.round(silentMs / 1000) }, 'the loading process hangs; it is killed');
    }
  });
  onAbort(io.stop, () => {
    stopping = true;
    if (loader.pid() === null) {
      loader.kill();
      onEnd({ kind: 'died', how: 'stopped' });
      return;
    }
    loader.stop(0);
    const timer = setTimeout(() => {
      loader.kill();
    }, KILL_AFTER_MS);
    releases.defer(() => {
      clearTimeout(timer);
    });
  });
  onAbort(io.leave, () => {
    stopping = true;
    loader.kill();
  });

  if (!io.stop.aborted) loader.start();
  return await ended.promise;
}
