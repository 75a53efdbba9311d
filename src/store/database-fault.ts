import { LandfallError } from '../model/errors.ts';
import { EXIT_DAMAGED, EXIT_FAILED } from '../model/exit-codes.ts';

/**
 * - `busy`: another program holds the write lock; passes by itself
 * - `full`: the disk of the database, or that of SQLite's temporary files, is full; passes when there is room
 * - `io`: the disk failed to read or write; may pass
 * - `readonly`: the file cannot be written
 * - `memory`: the machine has none left for SQLite; may pass
 * - `corrupt`: the database is damaged; the daemon stops
 * - `trigger`: a trigger of the user's ended the transaction, or refused what the ledger wrote; passes when the trigger is mended
 * - `unreachable`: the server, or the way to it, is away; passes when it is back
 * - `denied`: the server does not let the user in, or do what has to be done; passes when somebody mends that
 * - `changed`: a table is gone or another one; passes when somebody mends that
 * - `replaced`: the file was removed or replaced while it was open, and what is written is lost; the daemon stops
 */
export type FaultKind =
  | 'busy'
  | 'full'
  | 'io'
  | 'readonly'
  | 'memory'
  | 'trigger'
  | 'corrupt'
  | 'replaced'
  | 'unreachable'
  | 'denied'
  | 'changed';

/** What is wrong, one clause, and what to do. */
export interface FaultWords {
  readonly problem: string;
  readonly hint: string;
}

const WORDS: Readonly<Record<FaultKind, FaultWords>> = {
  busy: { problem: 'another program holds the write lock', hint: 'end its open edit or transaction' },
  full: { problem: 'no room left', hint: 'free space on the disk of the database' },
  io: {
    problem: 'the disk could not be read or written',
    hint: 'check the disk and its mount, and the owner and mode of the file and its folder',
  },
  readonly: { problem: 'it cannot be written', hint: 'check the owner and mode of the file and its folder' },
  memory: { problem: 'there is no memory left', hint: 'lower --cache-mib, or give the machine more' },
  trigger: {
    problem: 'a trigger in it rolls back more than the row it refuses',
    hint: 'let it say RAISE(ABORT, …), and keep triggers off the tables of the ledger',
  },
  unreachable: { problem: 'the server cannot be reached', hint: 'check the network and the server' },
  denied: { problem: 'the server refuses it', hint: 'check the user, its password and its rights' },
  changed: { problem: 'its tables are not as they were', hint: 'put them back, then restart the daemon' },
  replaced: {
    problem: 'it was removed or replaced while it was open',
    hint: 'put the file back with its own -wal and -shm, or move those away, too, before you restore a backup or refill a new one: see docs/backup.md',
  },
  corrupt: {
    problem: 'it is not a sound SQLite database',
    hint: 'stop, keep a copy, and restore a backup or refill an empty one, without the -wal and -shm that lie there: see docs/backup.md; "landfall verify" tells what is damaged as far as it can be read',
  },
};

/** A fault of the database or its disk: no file's fault, so the whole loop waits, or stops where waiting cannot help. */
export class DatabaseFault extends LandfallError {
  readonly kind: FaultKind;

  /** @param words where the store can say more than what is said of every fault of the kind */
  constructor(kind: FaultKind, operation: string, file: string, cause: unknown, words: FaultWords = WORDS[kind]) {
    const { problem, hint } = words;
    super(operation, problem, { file, hint, cause });
    this.kind = kind;
  }

  /** Whether going on could only do harm: a person has to look at the database first. */
  get isFinal(): boolean {
    return this.kind === 'corrupt' || this.kind === 'replaced';
  }

  override get exitCode(): number {
    return this.isFinal ? EXIT_DAMAGED : EXIT_FAILED;
  }
}
