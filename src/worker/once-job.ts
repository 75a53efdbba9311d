import fs from 'node:fs';
import { FolderFault } from '../landing/folder-fault.ts';
import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import { counted } from '../output/counted.ts';
import type { Logger } from '../output/log.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { systemCode } from '../system/system-error.ts';
import { takeFromLanding } from './intake-session.ts';
import { runTotals, type Intake, type RunTotals } from './intake-state.ts';
import type { Supervised } from './supervisor-link.ts';

/** How long a locked database, a full disk or a missing folder is waited for, in ms. */
const PATIENCE_MS = 300_000;

/**
 * What `once` does in its own process.
 * @returns 0 all in (rows may wait), 3 a file was quarantined, is held or cannot be read, or a row was rejected, 4 the
 *   database is damaged, 1 stopped before everything was in
 * @throws LandfallError when it cannot run
 */
export async function performOnce(supervised: Supervised): Promise<number> {
  const { settings, io, logger } = supervised;
  requireFolder(settings.landing);
  let intake: Intake | null;
  try {
    intake = await takeFromLanding(supervised, { command: 'once', patienceMs: PATIENCE_MS });
  } catch (error) {
    if (!(error instanceof DatabaseFault) || !error.isFinal) throw error;
    logger.fatal(error.message);
    return error.exitCode;
  }
  if (intake === null || io.stop.aborted) {
    logger.warn('stopped before everything was in; the next run goes on from here');
    return EXIT_FAILED;
  }
  const totals = runTotals(intake);
  sumUp(logger, totals);
  return totals.quarantined + totals.rejectedRows + totals.unreadable > 0 ? EXIT_REFUSED : 0;
}

/**
 * A landing folder that goes away is waited for; one that cannot be read from the start is a mistyped name, or someone else's.
 * @throws FolderFault
 */
function requireFolder(folder: string): void {
  try {
    fs.opendirSync(folder).closeSync();
    fs.accessSync(folder, fs.constants.X_OK);
  } catch (error) {
    throw new FolderFault(folder, systemCode(error) ?? 'unknown', error);
  }
}

function sumUp(logger: Logger, totals: RunTotals): void {
  const { files, rows, quarantined, rejectedRows, coming, unreadable } = totals;
  const parts = [`${counted(files, 'file')}, ${counted(rows, 'row')}`];
  if (rejectedRows > 0) parts.push(`${rejectedRows} rejected`);
  if (quarantined > 0) parts.push(`${counted(quarantined, 'file')} quarantined`);
  const missed =
    unreadable > 0
      ? `; ${counted(unreadable, 'file')} cannot be read and ${unreadable === 1 ? 'is' : 'are'} NOT loaded`
      : '';
  const left = coming > 0 ? `; ${counted(coming, 'empty file or unfinished upload')} left for another run` : '';
  logger.info(totals, `done: ${parts.join(', ')}${missed}${left}`);
}
