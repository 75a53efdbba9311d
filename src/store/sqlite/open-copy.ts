import Database from 'better-sqlite3';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../../model/errors.ts';
import { systemCode } from '../../system/system-error.ts';
import { databaseStat } from './database-file.ts';
import { DatabaseFault } from '../database-fault.ts';
import { roomIn, temporaryFolder } from '../../system/temporary-folder.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

/** So much room is left to others in the folder for temporary files, in bytes. */
const RESERVE_BYTES = 64 * 1024 * 1024;

/** Both say in a database's header that it has a write-ahead log, or with 1 that it has none (https://sqlite.org/fileformat.html). */
const FORMAT_OFFSETS = [18, 19] as const;

/**
 * Whether SQLite could not open a database since it makes a -wal and a -shm beside it even in order to read. On what cannot change it
 * does without where it is told so (`immutable=1`), but better-sqlite3 has no word for that.
 */
export function cannotReadInPlace(error: unknown, file: string): boolean {
  if (!(error instanceof Database.SqliteError) || !/^SQLITE_(CANTOPEN|READONLY)/.test(error.code)) return false;
  try {
    fs.accessSync(path.dirname(file), fs.constants.W_OK);
    return false;
  } catch {
    return true;
  }
}

/**
 * Opens a copy of a database that lies where nothing can be written. It is made in the folder for temporary files and has no name
 * there, as SQLite's own: however this process ends, it leaves nothing.
 * @throws LandfallError when its newest rows stand in a write-ahead log that cannot be read, a program writes it, or room is missing
 * @throws DatabaseFault when its disk fails
 */
export function openCopy(file: string): Database.Database {
  const before = stateOf(file);
  const folder = temporaryFolder();
  requireRoom(file, folder);
  const name = path.join(folder, `landfall-${crypto.randomUUID()}`);
  const target = fs.openSync(name, 'wx', 0o600);
  let db: Database.Database | null = null;
  try {
    db = new Database(name, { readonly: true });
    fs.rmSync(name);
    copyInto(target, file);
    if (stateOf(file) !== before) throw refusal(file, 'it was written to while it was read', 'run this once more');
    return db;
  } catch (error) {
    db?.close();
    fs.rmSync(name, { force: true });
    throw systemCode(error) === null ? error : new DatabaseFault('io', 'open database', file, error);
  } finally {
    // Before the first statement: the system drops a process's locks on a file when it closes any descriptor of it.
    fs.closeSync(target);
  }
}

function copyInto(target: number, file: string): void {
  const source = fs.openSync(file, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let at = 0; ;) {
      const length = fs.readSync(source, chunk, 0, chunk.length, at);
      if (length === 0) return;
      if (at === 0) for (const offset of FORMAT_OFFSETS) chunk[offset] = 1;
      fs.writeSync(target, chunk, 0, length, at);
      at += length;
    }
  } finally {
    fs.closeSync(source);
  }
}

/** What changes when somebody writes. The database is whole only where nobody has it open, and its log is empty. */
function stateOf(file: string): string {
  if (databaseStat('open database', `${file}-shm`) !== null) {
    const hint = "run this as the service's user, or as a member of its group";
    throw refusal(file, 'a program has it open, and the -shm beside it may not be read', hint);
  }
  if ((databaseStat('open database', `${file}-wal`)?.size ?? 0n) > 0n) {
    const hint = 'copy both to a folder that you may write, and name the copy with --db';
    throw refusal(file, 'its newest rows stand in the -wal beside it, and nothing can be written there', hint);
  }
  const stat = databaseStat('open database', file);
  return [stat?.ino, stat?.size, stat?.mtimeNs, stat?.ctimeNs].join();
}

function requireRoom(file: string, folder: string): void {
  const bytes = Number(databaseStat('open database', file)?.size ?? 0);
  if (roomIn(folder) >= bytes + RESERVE_BYTES) return;
  const mib = Math.ceil((bytes + RESERVE_BYTES) / 1024 / 1024);
  throw refusal(
    file,
    `nothing can be written beside it, and a copy to read needs ${mib} MiB in ${folder}`,
    'free space there, or name a folder on a larger disk with SQLITE_TMPDIR',
  );
}

function refusal(file: string, problem: string, hint: string): LandfallError {
  return new LandfallError('open database', problem, { file, hint });
}
