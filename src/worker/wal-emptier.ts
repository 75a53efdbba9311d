import { setImmediate as nextTurn } from 'node:timers/promises';
import type { WalState } from '../store/sqlite/wal.ts';
import type { Ledger } from './ledger.ts';

/** A large write-ahead log is asked to be emptied at most this often, in ms. */
const EMPTY_WAL_MS = 10_000;

export interface WalEmptierOptions {
  readonly ledger: Pick<Ledger, 'isWalLarge' | 'emptyWal'>;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  /** Called before the log is emptied, which may take a while. */
  readonly onBegin: () => void;
  readonly onEnd: (wal: WalState) => void;
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
    const isLarge = ledger.isWalLarge();
    if (isLarge) {
      const waitMs = notBefore - monotonic();
      if (waitMs > 0) return waitMs;
      options.onBegin();
      // The supervisor is to hear of it before this process is deaf for a while.
      await nextTurn();
    }
    const wal = ledger.emptyWal();
    if (isLarge) notBefore = monotonic() + EMPTY_WAL_MS;
    options.onEnd(wal);
    return wal.pinned ? EMPTY_WAL_MS : null;
  };
}
