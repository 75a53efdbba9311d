import { createLog, createRelay } from '../output/log.ts';
import { createProgress } from '../output/progress.ts';
import type { Settings } from '../settings/settings.ts';
import { supervise } from '../supervisor/supervise.ts';
import type { CommandIo } from '../system/io.ts';

/** What `once` takes. */
export interface OnceOptions {
  readonly settings: Settings;
}

/**
 * Takes everything that is in the landing folder, and what is still being written there, then ends. On a terminal it shows how far it
 * is.
 * @returns as `runOnce`; 1 too when the process that takes the files has died again and again
 */
export async function once(options: OnceOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const progress = createProgress(io.stdout);
  // A bar that is not ended leaves a terminal without a cursor.
  io.leave.addEventListener('abort', progress.end);
  try {
    return await supervise({
      settings,
      job: { verb: 'once' },
      io,
      logger: createLog(settings, progress.output, io.program.pid),
      relay: createRelay(settings, progress.output),
      onWork: (work) => {
        progress.show(work);
      },
    });
  } finally {
    progress.end();
  }
}
