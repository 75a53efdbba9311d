import { runDaemon } from '../supervisor/daemon.ts';
import type { CommandIo } from '../system/io.ts';
import { printable } from '../output/terminal.ts';
import { hang } from '../output/width.ts';
import { createLog, createRelay } from '../output/log.ts';
import { withoutPassword } from '../settings/database-url.ts';
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
  if (io.stdout.isTTY && settings.logFormat !== 'json') io.stdout.write(welcome(settings, io));
  const logger = createLog(settings, io.stdout, io.program.pid);
  return runDaemon({ settings, io, logger, relay: createRelay(settings, io.stdout) });
}

/** What a person wants to know who has started it in a terminal. */
function welcome({ landing, db }: Settings, { stdout: { columns }, env }: CommandIo): string {
  // npm says what it runs; who starts it so has no command `landfall` yet.
  const landfall = env['npm_lifecycle_event'] === undefined ? 'landfall' : 'npm run -s landfall --';
  return [
    hang('Watching  ', printable(landing), columns),
    hang('Database  ', printable(withoutPassword(db)), columns),
    hang(
      '',
      `Drop files into the folder. "${landfall} status" in another terminal says what became of them. Ctrl-C stops.`,
      columns,
    ),
    '',
    '',
  ].join('\n');
}
