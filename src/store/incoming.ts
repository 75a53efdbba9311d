import type { CheckResult } from '../model/check.ts';
import type { RowSet } from './store.ts';

/** What the checks of a dataset see of a file that goes into no database. */
export interface OpenIncoming {
  /** Shows rows to the checks; their memory may be used again when this returns. */
  add(sets: readonly RowSet[]): Promise<void>;
  /** As `FileTransaction.checkIncoming`. */
  check(stop: AbortSignal): Promise<readonly CheckResult[]>;
  close(): Promise<void>;
}
