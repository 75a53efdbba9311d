import { hostname } from 'node:os';
import path from 'node:path';
import type { Feed } from '../model/feed.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import type { Ending } from '../store/attempts.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { openStore } from '../store/open.ts';
import type { Holder, StorePlace } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';
import { createFaultWait, type FaultWaitOptions } from './fault-wait.ts';

export interface OwnOptions extends FaultWaitOptions {
  readonly settings: Settings;
  readonly io: CommandIo;
  readonly feed: Feed;
  /** The verb, for whoever else wants the database. */
  readonly command: string;
  /** Who to stop, where that is another process than this one. */
  readonly pid?: number;
  readonly stop: AbortSignal;
  /** Called when it is clear that what lies at the path of the database may become or is ours, before the lock is taken. */
  readonly onFound?: () => void;
  /** Called when the lock is taken, before the database is opened. */
  readonly onLocked?: () => void;
  /** How the process before this one has ended, which may have left attempts open. */
  readonly before: Ending;
}

/**
 * Opens the database, lets `use` work with it, and lets go of it again.
 * Does nothing more where it is stopped before the database is open.
 * @throws LandfallError when someone else writes it, or it does not fit the feed
 * @throws DatabaseFault when it is damaged, cannot be written, or stays locked or full for longer than the patience
 */
export async function ownDatabase(options: OwnOptions, use: (store: Store) => Promise<void>): Promise<void> {
  const { settings, io, stop, before, onFound, onLocked } = options;
  const opened = await openStore({
    ...storePlace(settings, io, options.feed),
    cacheMib: settings.cacheMib,
    holder: holderOf(io, options.command, options.pid),
    now: io.now,
    waitForWriter: true,
    patiently: (step) => patiently(options, step),
    ...{ before, stop, onFound, onLocked },
  });
  if (opened.kind === 'stopped') return;
  if (opened.kind === 'held') throw opened.problem;
  try {
    await use(opened.store);
  } finally {
    await opened.store.close();
  }
}

/**
 * Who this process is to others that want the database.
 * @param pid the process to be stopped by who wants it; not this one where another one would start it again
 */
export function holderOf(io: CommandIo, command: string, pid = io.program.pid): Holder {
  return { pid, host: hostname(), command, since: io.now().toISOString() };
}

/** The database that the settings name. */
export function storePlace({ db }: Settings, { program }: CommandIo, feed: Feed): StorePlace {
  return { db, feed, migrations: path.join(program.root, 'migrations'), program: program.version };
}

/** A database that is locked or whose disk is full at the start is waited for, as it is later on. Null: stopped meanwhile. */
async function patiently<T>(options: OwnOptions, work: () => T | Promise<T>): Promise<T | null> {
  const fault = createFaultWait(options);
  while (!options.stop.aborted) {
    try {
      const result = await work();
      options.faults.end('database');
      return result;
    } catch (error) {
      if (error instanceof DatabaseFault && error.kind === 'readonly') throw error;
      await fault.wait(error);
    }
  }
  return null;
}
