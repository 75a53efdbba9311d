import { runDaemon } from '../supervisor/daemon.ts';
import type { CommandIo } from '../system/io.ts';
import { createLog, createRelay } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';

/** What `run` takes. */
export interface RunCommandOptions {
  readonly settings: Settings;
}

/**
 * The daemon: watches the landing folder and loads what arrives, until it is stopped.
 * @returns 0 when it was stopped, 1 when it could not run, 4 when the database is damaged
 */
export function run(options: RunCommandOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const logger = createLog(settings, io.stdout, io.program.pid);
  return runDaemon({ settings, io, logger, relay: createRelay(settings, io.stdout) });
}
