import { createEvents } from '../model/events.ts';
import { createLog, createRelay } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import { runOneOff } from '../supervisor/one-off.ts';
import type { CommandIo } from '../system/io.ts';

/** What `retry` takes. */
export interface RetryOptions {
  readonly settings: Settings;
  /** File names in the landing folder; a path is taken by its last part. */
  readonly names: readonly string[];
}

/**
 * Has files read again, each as a new revision (a quarantined one in the revision it has): by the daemon where one runs, else at once.
 * @returns as `performRetry`; 1 too when the process that reads them has died
 */
export function retry(options: RetryOptions, io: CommandIo): Promise<number> {
  const { settings, names } = options;
  return runOneOff({
    settings,
    job: { verb: 'retry', names: [...names] },
    io,
    logger: createLog(settings, io.stdout, io.program.pid),
    relay: createRelay(settings, io.stdout),
    events: createEvents(),
  });
}
