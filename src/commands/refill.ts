import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import type { CommandIo } from '../system/io.ts';
import { type OnceOptions, takeWithBar } from './once.ts';

/** What `refill` takes. */
export interface RefillOptions extends OnceOptions {
  /** Folders of archives; none: the one of the settings. */
  readonly archives: readonly string[];
}

/**
 * Reads into the database what it lacks of one archive or more, in the order in which it was taken.
 * @returns as `performRefill`; 1 too when the process that reads has died again and again
 * @throws LandfallError where no archive is named
 */
export function refill({ settings, given, archives }: RefillOptions, io: CommandIo): Promise<number> {
  const named = archives.length > 0 ? archives.map((each) => path.resolve(io.cwd, each)) : [settings.archive];
  const folders = named.filter((folder) => folder !== null);
  if (folders.length === 0)
    throw new LandfallError('refill', '--archive is none', { hint: 'name an archive: landfall refill DIR' });
  return takeWithBar({ settings, given }, { verb: 'refill', archives: folders }, io);
}
