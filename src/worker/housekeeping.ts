import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogState, Store } from '../store/store.ts';

/** What may take long is begun at most this often, in ms. */
const LONG_EVERY_MS = 10_000;

export interface HousekeepingOptions {
  readonly store: Pick<Store, 'maintain'>;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  /** Called before what may take a while. */
  readonly onBegin: () => void;
  readonly onEnd: (log: LogState) => void;
}

/**
 * Prepares the store's housekeeping between files.
 * @returns does what is due, unless that may take long and was tried just now; gives when to ask again, in ms from now; null: no need
 * @throws DatabaseFault, from what it returns
 */
export function createHousekeeping(options: HousekeepingOptions): () => Promise<number | null> {
  const { store, monotonic } = options;
  let notBefore = -Infinity;
  return async () => {
    const asked = { begun: false, waitMs: 0 };
    const begin = async (): Promise<boolean> => {
      asked.waitMs = Math.max(0, notBefore - monotonic());
      if (asked.waitMs > 0) return false;
      asked.begun = true;
      options.onBegin();
      // The supervisor is to hear of it before this process is deaf for a while.
      await nextTurn();
      return true;
    };
    const log = await store.maintain(begin);
    if (asked.waitMs > 0) return asked.waitMs;
    if (asked.begun) notBefore = monotonic() + LONG_EVERY_MS;
    options.onEnd(log);
    return log.pinned ? LONG_EVERY_MS : null;
  };
}
