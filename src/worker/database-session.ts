import { hostname } from 'node:os';
import path from 'node:path';
import type { Feed } from '../model/feed.ts';
import type { Settings } from '../settings/settings.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { openStore } from '../store/open.ts';
import type { Opened, StorePlace } from '../store/ownership.ts';
import type { CommandIo } from '../system/io.ts';
import { createFaultWait, type FaultWaitOptions } from './fault-wait.ts';
import type { Supervised } from './supervisor-link.ts';

/** The database that the settings name. */
export function storePlace({ db }: Settings, { program }: CommandIo, feed: Feed): StorePlace {
  return { db, feed, migrations: path.join(program.root, 'migrations'), program: program.version };
}

/**
 * Opens the database for a worker.
 * @param command the verb, for whoever else wants the database
 * @param waiting how a locked database, a full disk or another writer is waited for; null: not at all
 * @throws LandfallError when it does not fit the feed
 * @throws DatabaseFault when it is damaged, cannot be written, or stays locked or full for longer than the patience
 */
export function openDatabase(
  { settings, io, before, supervisorPid, send }: Supervised,
  feed: Feed,
  command: string,
  waiting: FaultWaitOptions | null,
): Promise<Opened> {
  const { now, stop } = io;
  return openStore({
    ...storePlace(settings, io, feed),
    ...{ landing: settings.landing, cacheMib: settings.cacheMib, before, now, stop },
    // Not this process: its supervisor would start another.
    holder: { pid: supervisorPid, host: hostname(), command, since: now().toISOString() },
    waitForWriter: waiting !== null,
    patiently: async (step) => (waiting === null ? await step() : await patiently(step, waiting, stop)),
    onFound: () => {
      send({ kind: 'found' });
    },
    onLocked: () => {
      send({ kind: 'owner' });
    },
  });
}

/** A database that is locked or whose disk is full at the start is waited for, as it is later on. Null: stopped meanwhile. */
async function patiently<T>(
  work: () => T | Promise<T>,
  waiting: FaultWaitOptions,
  stop: AbortSignal,
): Promise<T | null> {
  const fault = createFaultWait(waiting);
  while (!stop.aborted) {
    try {
      const result = await work();
      waiting.faults.end('database');
      return result;
    } catch (error) {
      // At a start somebody is there who can mend it; later on it is waited for.
      if (error instanceof DatabaseFault && (error.kind === 'readonly' || error.kind === 'denied')) throw error;
      await fault.wait(error);
    }
  }
  return null;
}
