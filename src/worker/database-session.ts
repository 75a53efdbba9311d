import { hostname } from 'node:os';
import path from 'node:path';
import type { Feed } from '../model/feed.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { settleAttempts, type Ending } from '../store/sqlite/attempts.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { heldBy, takeLock, type Holder } from '../store/sqlite/lock.ts';
import { openStore } from '../store/open.ts';
import { closeStore, type Store, type StoreOptions } from '../store/sqlite/open.ts';
import { recognise } from '../store/sqlite/recognise.ts';
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
 * Takes the writer's lock, opens the database, lets `use` work with it, and lets go of both again.
 * Does nothing more where it is stopped before the database is open.
 * @throws LandfallError when someone else writes it, or it does not fit the feed
 * @throws DatabaseFault when it is damaged, cannot be written, or stays locked or full for longer than the patience
 */
export async function ownDatabase(options: OwnOptions, use: (store: Store) => Promise<void>): Promise<void> {
  const { settings, stop } = options;
  const lock = await patiently(options, () => {
    recognise(settings.db);
    options.onFound?.();
    return takeLock(settings.db, holderOf(options.io, options.command, options.pid), stop);
  });
  if (stop.aborted) return;
  if (lock === null || !('release' in lock)) throw heldBy(settings.db, lock);
  try {
    options.onLocked?.();
    // A database that is locked or full is waited for with this first write, too.
    const store = await patiently(options, () => openOwn(options.settings, options.io, options.feed, options.before));
    if (store === null) return;
    try {
      await use(store);
    } finally {
      closeStore(store);
    }
  } finally {
    lock.release();
  }
}

/**
 * Who this process is to others that want the database.
 * @param pid the process to be stopped by who wants it; not this one where another one would start it again
 */
export function holderOf(io: CommandIo, command: string, pid = io.program.pid): Holder {
  return { pid, host: hostname(), command, since: io.now().toISOString() };
}

/** How the settings say that the database is opened. */
export function storeOptions(settings: Settings, io: CommandIo, feed: Feed): StoreOptions {
  return {
    file: settings.db,
    feed,
    migrations: path.join(io.program.root, 'migrations'),
    program: io.program.version,
    cacheMib: settings.cacheMib,
  };
}

/**
 * Opens the database for whoever holds the lock, and settles what the process before has left.
 * @param before how that one has ended
 */
export function openOwn(settings: Settings, io: CommandIo, feed: Feed, before: Ending): Store {
  const store = openStore(storeOptions(settings, io, feed));
  try {
    settleAttempts(store, before, io.now());
    return store;
  } catch (error) {
    closeStore(store);
    throw error;
  }
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
