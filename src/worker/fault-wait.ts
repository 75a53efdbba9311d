import { FolderFault } from '../landing/folder-fault.ts';
import type { FaultBook } from '../status/faults.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { retryAgain, waitMs, type BackOff, type Retry } from './back-off.ts';
import type { Waker } from './waker.ts';

const BACK_OFF: BackOff = { firstMs: 250, capMs: 10_000 };
/** Whoever holds the write lock may let go of it any moment, and asking costs nothing. */
const BUSY_BACK_OFF: BackOff = { ...BACK_OFF, capMs: 1_000 };

export interface FaultWaitOptions {
  readonly faults: FaultBook;
  readonly waker: Waker;
  /** How long a fault may last before it is an error, in ms; null: for ever. */
  readonly patienceMs: number | null;
  /** Monotonic ms. */
  readonly monotonic: () => number;
}

/** Waits while the folder or the database is at fault: nothing is skipped, the begin and the end are told once (P7). */
export interface FaultWait {
  /**
   * Waits after an error, longer each time: up to 10 s, and 1 s while another program holds the write lock.
   * @throws the error where waiting would not help, or the patience is at an end
   */
  wait(error: unknown): Promise<void>;
  /** It went well: the next fault is a new one. */
  over(): void;
}

/** No fault so far. */
export function createFaultWait({ faults, waker, patienceMs, monotonic }: FaultWaitOptions): FaultWait {
  let since: number | null = null;
  let retry: Retry | null = null;

  return {
    async wait(error) {
      if (!(error instanceof DatabaseFault) && !(error instanceof FolderFault)) throw error;
      const ofDatabase = error instanceof DatabaseFault;
      if (ofDatabase && error.isFinal) throw error;
      const now = monotonic();
      since ??= now;
      if (patienceMs !== null && now - since >= patienceMs) throw error;
      faults.begin({ kind: ofDatabase ? 'database' : 'landing', file: null, problem: error.message });
      retry = retryAgain(retry, ofDatabase && error.kind === 'busy' ? BUSY_BACK_OFF : BACK_OFF, now);
      // A folder that comes back is heard of; a database is not.
      await waker.sleep(waitMs(retry, now), !ofDatabase);
    },
    over() {
      since = retry = null;
    },
  };
}
