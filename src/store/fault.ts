import { LandfallError } from '../errors.ts';

/**
 * - `busy`: another program holds the write lock; passes by itself
 * - `full`: the disk (or a page limit) is full; passes when there is room
 * - `io`: the disk failed to read or write; may pass
 * - `readonly`: the file cannot be written
 * - `corrupt`: the database is damaged; the daemon stops
 */
export type FaultKind = 'busy' | 'full' | 'io' | 'readonly' | 'corrupt';

/** A fault of the database or its disk: no file's fault, so the whole loop waits (or, for `corrupt`, stops). */
export class DatabaseFault extends LandfallError {
  readonly kind: FaultKind;

  constructor(kind: FaultKind, operation: string, problem: string, details: { file?: string; hint?: string; cause?: unknown }) {
    super(operation, problem, details);
    this.kind = kind;
  }
}
