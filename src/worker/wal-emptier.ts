import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogState } from '../store/store.ts';
import type { Ledger } from './ledger.ts';

/** A large write-ahead log is asked to be emptied at most this often, in ms. */
const EMPTY_WAL_MS = 10_000;

export interface WalEmptierOptions {
  readonly ledger: Pick<Ledger, 'maintain'>;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  /** Called before the log is emptied, which may take a while. */
  readonly onBegin: () => void;
  readonly onEnd: (wal: LogState) => void;
}

/**
 * Prepares the emptying of the write-ahead log between files. A large one slows down whoever reads, and SQLite by itself empties it
 * only when a commit comes along.
 * @returns empties it where it is large and that was not tried just now; gives when to ask again, in ms from now; null: no need
 * @throws DatabaseFault, from what it returns
 */
export function createWalEmptier(options: WalEmptierOptions): () => Promise<number | null> {
  const { ledger, monotonic } = options;
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
    const log = await ledger.maintain(begin);
    if (asked.waitMs > 0) return asked.waitMs;
    if (asked.begun) notBefore = monotonic() + EMPTY_WAL_MS;
    options.onEnd(log);
    return log.pinned ? EMPTY_WAL_MS : null;
  };
}
