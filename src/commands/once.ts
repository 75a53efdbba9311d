import { createEvents } from '../model/events.ts';
import { createLog, createRelay } from '../output/log.ts';
import { createProgress } from '../output/progress.ts';
import type { Settings } from '../settings/settings.ts';
import { runOneOff } from '../supervisor/one-off.ts';
import type { CommandIo } from '../system/io.ts';

/** What `once` takes. */
export interface OnceOptions {
  readonly settings: Settings;
}

/**
 * Takes everything that is in the landing folder, and what is still being written there, then ends. On a terminal it shows how far it
 * is.
 * @returns as `performOnce`; 1 too when the process that takes the files has died again and again
 */
export async function once(options: OnceOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const progress = createProgress(io.stdout, () => performance.now());
  // A bar that is not ended leaves a terminal without a cursor.
  io.leave.addEventListener('abort', progress.end);
  const events = createEvents();
  events.on('work', progress.show);
  try {
    return await runOneOff({
      settings,
      job: { verb: 'once' },
      io,
      logger: createLog(settings, progress.output, io.program.pid),
      relay: createRelay(settings, progress.output),
      events,
    });
  } finally {
    progress.end();
  }
}
