import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import { createEvents } from '../model/events.ts';
import { createLog, createRelay } from '../output/log.ts';
import { createProgress, leavesOpen, summaryOf, type Open } from '../output/progress.ts';
import { EXIT_FAILED } from '../model/exit-codes.ts';
import { STARTING } from '../model/work.ts';
import { openReader } from '../store/open.ts';
import type { Settings } from '../settings/settings.ts';
import { runOneOff, type OneOffOptions } from '../supervisor/one-off.ts';
import type { CommandIo } from '../system/io.ts';

/** What `once` takes. */
export interface OnceOptions {
  readonly settings: Settings;
  /** Flags for the commands that the summary names. */
  readonly given: string;
}

/**
 * Takes everything that is in the landing folder, and what is still being written there, then ends. On a terminal it shows how far it
 * is.
 * @returns as `performOnce`; 1 too when the process that takes the files has died again and again
 */
export function once({ settings, given }: OnceOptions, io: CommandIo): Promise<number> {
  return takeWithBar({ settings, given }, { verb: 'once' }, io);
}

/** Has a worker take files, and shows on a terminal how far it is. @returns the exit code */
export async function takeWithBar(
  { settings, given }: OnceOptions,
  job: OneOffOptions['job'],
  io: CommandIo,
): Promise<number> {
  const progress = createProgress(io.stdout, () => performance.now());
  // A bar that is not ended leaves a terminal without a cursor.
  io.leave.addEventListener('abort', progress.end);
  const events = createEvents();
  const begun = performance.now();
  let last = STARTING;
  events.on('work', (work) => {
    last = work;
    progress.show(work);
  });
  try {
    const exitCode = await runOneOff({
      settings,
      job,
      io: { ...io, stderr: progress.errors(io.stderr) },
      logger: createLog(settings, progress.output, io.program.pid),
      relay: createRelay(settings, progress.output),
      events,
    });
    progress.end();
    const forPeople = io.stdout.isTTY && settings.logFormat !== 'json';
    if (forPeople && exitCode !== EXIT_FAILED) {
      const ms = performance.now() - begun;
      io.stdout.write(summaryOf(last, ms, leavesOpen(last) ? null : await openIn(settings), given));
    }
    return exitCode;
  } finally {
    progress.end();
  }
}

/** What stands in the database that needs someone; null where it cannot be asked, since the run itself has gone well. */
async function openIn({ db, feed, env }: Settings): Promise<Open | null> {
  try {
    const reader = await openReader(db, loadFeed(feed, env));
    try {
      const { quarantined, datasets } = await reader.status(0);
      const sum = (key: 'rows_rejected' | 'rows_waiting'): number =>
        datasets.reduce((total, dataset) => total + dataset[key], 0);
      return { quarantined: quarantined.files, rejectedRows: sum('rows_rejected'), waiting: sum('rows_waiting') };
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof LandfallError) return null;
    throw error;
  }
}
