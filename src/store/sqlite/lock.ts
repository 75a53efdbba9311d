import Database from 'better-sqlite3';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { LandfallError } from '../../model/errors.ts';
import { makePrivateFile, makePrivateFolder } from '../../system/private-files.ts';
import { systemCode } from '../../system/system-error.ts';
import { DatabaseFault } from '../database-fault.ts';
import { asFault } from './faults.ts';
import type { Holder, LockState } from '../ownership.ts';
import { HOLDER_TABLE, lockPath, lockProblem, recognise } from './recognise.ts';

export interface Lock {
  release(): void;
}

const holderSchema = z.object({ pid: z.number(), host: z.string(), command: z.string(), since: z.string() });

/** How long to wait for a worker that has lost its supervisor and is on its way out, in ms. */
const PATIENCE_MS = 3_000;

const RETRY_MS = 100;

/** Whoever reads the holder's name, or looks whether there is one, is gone again within moments: so long is waited, in ms. */
const READERS_MS = 50;
const LOOK_MS = 10;

/**
 * Takes the right to write a database: one process at a time. The lock is SQLite's own on a small database beside it,
 * so the system lets go of it when the process ends, however it ends, and others can still read who holds it.
 * @returns the lock, or who holds it after 3 s (null: someone who has not written a name)
 * @throws LandfallError when the lock file cannot be written; DatabaseFault when its disk is full or fails
 */
export async function takeLock(db: string, holder: Holder, stop: AbortSignal): Promise<Lock | Holder | null> {
  const file = lockPath(db);
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const lock = tryLock(db, holder);
    if (lock !== null) return lock;
    if (performance.now() >= until || stop.aborted) return readHolder(file);
    await sleep(RETRY_MS);
  }
}

/**
 * Takes the lock if it is free.
 * @returns null where someone holds it
 * @throws LandfallError when the lock file cannot be written, or what lies there is no database of Landfall: then nothing is written
 * @throws DatabaseFault when its disk is full or fails
 */
export function tryLock(db: string, holder: Holder): Lock | null {
  recognise(db);
  const file = lockPath(db);
  requireLock(file);
  const connection = openLockFile(file);
  try {
    // The first transaction leaves a name for others to read; the second is held for life. Readers read beside it.
    connection.exec('BEGIN IMMEDIATE');
    if (connection.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) connection.exec(HOLDER_TABLE);
    connection.exec('DELETE FROM holder');
    connection
      .prepare('INSERT INTO holder (pid, host, command, since) VALUES (?, ?, ?, ?)')
      .run(holder.pid, holder.host, holder.command, holder.since);
    connection.exec('COMMIT');
    connection.exec('BEGIN IMMEDIATE');
  } catch (error) {
    connection.close();
    if (isBusy(error)) return null;
    throw unusable(file, error);
  }
  return {
    release() {
      connection.close();
    },
  };
}

/** Looks whether someone holds the lock of a database, which the system takes back from the dead; makes nothing. */
export function lookAtLock(db: string): LockState {
  const file = lockPath(db);
  try {
    if (lockProblem(file) !== null) return { kind: 'unknown' };
    // One without content was made and never held, for want of room.
    if (fs.statSync(file).size === 0) return { kind: 'free' };
    // Of what it may only read SQLite says that nobody holds it.
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
    const connection = new Database(file, { fileMustExist: true, timeout: LOOK_MS });
    try {
      connection.exec('BEGIN IMMEDIATE');
      return { kind: 'free' };
    } finally {
      connection.close();
    }
  } catch (error) {
    if (isBusy(error)) return { kind: 'held', holder: readHolder(file) };
    return { kind: 'unknown' };
  }
}

/** The error for someone who wants to write a database that another process writes. */
export function heldBy(db: string, holder: Holder | null): LandfallError {
  const who = holder === null ? 'another process' : `"${holder.command}", process ${holder.pid} on ${holder.host}`;
  const since = holder === null ? 'for some time' : `since ${holder.since}`;
  return new LandfallError('lock database', `it has been in use ${since} by ${who}`, {
    file: db,
    hint: 'only one process writes a database: stop that one first, or name another database with --db',
  });
}

/** @throws LandfallError where something else lies in the place of a lock */
function requireLock(file: string): void {
  const problem = lockProblem(file);
  if (problem === null) return;
  throw new LandfallError('lock database', problem, {
    file,
    hint: 'nothing was changed; move it away while no daemon runs, or name another database with --db',
  });
}

function openLockFile(file: string): Database.Database {
  try {
    makePrivateFolder(path.dirname(file));
    makePrivateFile(file);
    // SQLite would call a file that it may not open a fault of the disk, which may pass.
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
    return new Database(file, { timeout: READERS_MS });
  } catch (error) {
    throw unusable(file, error);
  }
}

function readHolder(file: string): Holder | null {
  try {
    const connection = new Database(file, { readonly: true, timeout: 0 });
    try {
      const read = holderSchema.safeParse(connection.prepare('SELECT pid, host, command, since FROM holder').get());
      return read.success ? read.data : null;
    } finally {
      connection.close();
    }
  } catch {
    // Being written just now, or not to be read: who it is does not matter enough to fail for it.
    return null;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function unusable(file: string, cause: unknown): LandfallError {
  const fault =
    systemCode(cause) === 'ENOSPC'
      ? new DatabaseFault('full', 'lock database', file, cause)
      : asFault('lock database', file, cause);
  // A full or failing disk passes; all else wants somebody's hand.
  if (fault instanceof DatabaseFault && (fault.kind === 'full' || fault.kind === 'io')) return fault;
  return new LandfallError('lock database', 'the lock file beside it cannot be written', {
    file,
    hint: 'check the owner and mode of the folder; a damaged lock file may be removed while no daemon runs',
    cause,
  });
}
