import Database from 'better-sqlite3';
import { DatabaseFault, type FaultKind, type FaultWords } from '../database-fault.ts';
import { fullTemporaryFolder, lacksTemporaryFolder } from '../../system/temporary-folder.ts';

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
  return kind === null ? error : new DatabaseFault(kind, operation, file, error, temporaryTrouble(kind, file));
}

/** What is wrong with the folder for temporary files, of which SQLite says no more than of the database's; undefined: nothing. */
function temporaryTrouble(kind: FaultKind, file: string): FaultWords | undefined {
  if (kind === 'io' && lacksTemporaryFolder()) {
    return {
      problem: 'there is no folder that SQLite may keep temporary files in',
      hint: 'make /var/tmp writable, or name a folder with SQLITE_TMPDIR, such as that of the database',
    };
  }
  const full = kind === 'full' ? fullTemporaryFolder(file) : null;
  if (full === null) return undefined;
  return {
    problem: `no room left in ${full}, where SQLite keeps temporary files`,
    hint: 'free space there, or name a folder on a larger disk with SQLITE_TMPDIR',
  };
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
