import Database from 'better-sqlite3';
import { LandfallError } from '../model/errors.ts';
import { EXIT_DAMAGED, EXIT_FAILED } from '../model/exit-codes.ts';
import { fullTemporaryFolder } from './sqlite/temporary-folder.ts';

/**
 * - `busy`: another program holds the write lock; passes by itself
 * - `full`: the disk of the database, or that of SQLite's temporary files, is full; passes when there is room
 * - `io`: the disk failed to read or write; may pass
 * - `readonly`: the file cannot be written
 * - `memory`: the machine has none left for SQLite; may pass
 * - `corrupt`: the database is damaged; the daemon stops
 * - `trigger`: a trigger of the user's ended the transaction, or refused what the ledger wrote; passes when the trigger is mended
 * - `replaced`: the file was removed or replaced while it was open, and what is written is lost; the daemon stops
 */
export type FaultKind = 'busy' | 'full' | 'io' | 'readonly' | 'memory' | 'trigger' | 'corrupt' | 'replaced';

interface Words {
  readonly problem: string;
  readonly hint: string;
}

const WORDS: Readonly<Record<FaultKind, Words>> = {
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

  constructor(kind: FaultKind, operation: string, file: string, cause: unknown) {
    const { problem, hint } = wordsFor(kind, file);
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

function wordsFor(kind: FaultKind, file: string): Words {
  const folder = kind === 'full' ? fullTemporaryFolder(file) : null;
  if (folder === null) return WORDS[kind];
  return {
    problem: `no room left in ${folder}, where SQLite keeps temporary files`,
    hint: 'free space there, or name a folder on a larger disk with SQLITE_TMPDIR',
  };
}

/** The fault that an SQLite result code stands for, or null for an error that is none (https://sqlite.org/rescode.html). */
function faultKind(code: string): FaultKind | null {
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return 'busy';
  if (code === 'SQLITE_FULL') return 'full';
  if (code === 'SQLITE_NOMEM') return 'memory';
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return 'corrupt';
  if (/^SQLITE_(READONLY|PERM)/.test(code)) return 'readonly';
  if (/^SQLITE_(IOERR|CANTOPEN|PROTOCOL)/.test(code)) return 'io';
  // What a trigger refuses of a row never comes so far: see savepoint.ts.
  if (code === 'SQLITE_CONSTRAINT_TRIGGER') return 'trigger';
  return null;
}

/**
 * Runs `work` and turns an SQLite error that is a fault of the database or its disk into a DatabaseFault.
 * Every other error passes unchanged.
 */
export function guardFaults<T>(operation: string, file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asFault(operation, file, error);
  }
}

/** The DatabaseFault that `error` is, or `error` itself. */
export function asFault(operation: string, file: string, error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const kind = faultKind(error.code);
  return kind === null ? error : new DatabaseFault(kind, operation, file, error);
}

/** Whether SQLite says by an error that the database is damaged. */
export function saysDamaged(error: unknown): boolean {
  return error instanceof Database.SqliteError && faultKind(error.code) === 'corrupt';
}

/** For what kind of constraint the database refuses a statement: a reference, or any other. */
export type ConstraintRefusal = 'foreign_key' | 'other';

/** Rows were left out without an error: a trigger did it, by RAISE(IGNORE). Which ones is not known. */
export class RowsLeftOut extends Error {
  override readonly name = 'RowsLeftOut';
}

/** An expression of the user's failed on a row: of an index, a generated column, a constraint or a trigger. On which is not known. */
export class ExpressionFailed extends Error {
  override readonly name = 'ExpressionFailed';
}

/** Whether the database refused rows of a statement, and for which kind of constraint; null: the error is no refusal. */
export function constraintRefusal(error: unknown): ConstraintRefusal | null {
  if (error instanceof RowsLeftOut || error instanceof ExpressionFailed) return 'other';
  if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_CONSTRAINT')) return null;
  return error.code === 'SQLITE_CONSTRAINT_FOREIGNKEY' ? 'foreign_key' : 'other';
}
