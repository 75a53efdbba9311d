import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../../model/errors.ts';
import { systemCode } from '../../system/system-error.ts';
import { databaseStat } from './database-file.ts';
import { DatabaseFault } from '../database-fault.ts';

/** Marks a database as Landfall's (`PRAGMA application_id`): "Land" in ASCII. */
export const APPLICATION_ID = 0x4c616e64;

/** How an SQLite database begins, and a journal of one (https://sqlite.org/fileformat.html). */
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');
const JOURNAL_MAGIC = Buffer.from('d9d505f920a163d7', 'hex');

/** The longest name of a file beside it, `NAME.lock-journal`, has to be a file's name, too: 255 bytes on all usual file systems. */
const NAME_BYTES = 255 - '.lock-journal'.length;

/** The header of a database; one that is shorter was cut off. */
const HEADER_BYTES = 100;

/**
 * Looks at what lies at the path of a database, before anything is written there or beside it: a lock file, a folder or a
 * write-ahead log beside a file of somebody else may do harm (`/etc/passwd.lock` keeps `useradd` out).
 * Not for a process that has the database open: the system drops all its locks when it closes a file of it
 * (https://sqlite.org/howtocorrupt.html, 2.2).
 * @returns `ours`: Landfall's, sound or not; `empty`: a file without content, as a death right after its creation leaves it; `none`
 * @throws LandfallError when it is something else, or a file that has, or may have, a second name
 * @throws DatabaseFault when it may not be read, was cut off, or its disk fails
 */
export function recognise(file: string): 'ours' | 'empty' | 'none' {
  const bytes = Buffer.byteLength(path.basename(file));
  if (bytes > NAME_BYTES)
    throw refusal(file, `its name is too long: at most ${NAME_BYTES} bytes`, 'give it a shorter name');
  const stat = databaseStat('open database', file);
  if (stat === null) return 'none';
  if (stat.isDirectory()) throw refusal(file, 'it is a folder', 'name a file with --db');
  if (!stat.isFile()) throw refusal(file, 'it is a device, a pipe or a socket', 'name a file with --db');
  requireOneName(file, stat.nlink);
  if (stat.size === 0n) return 'empty';
  const header = beginningOf(file, HEADER_BYTES);
  // SQLite would take some of these for an empty database.
  if (header.length < HEADER_BYTES && !isHalfMade(file) && (startsWith(header, MAGIC) || wasLocked(file)))
    throw new DatabaseFault('corrupt', 'open database', file, null);
  const isDatabase = startsWith(header, MAGIC);
  const isMarked = header.length === HEADER_BYTES && header.readUInt32BE(68) === APPLICATION_ID;
  // What is damaged is SQLite's to tell; a lock file shows that it was ours. Where a power cut ended its making, SQLite has a
  // journal with which it makes it empty again.
  if (isMarked || (!isDatabase && (wasLocked(file) || isHalfMade(file)))) return 'ours';
  if (isDatabase) throw notOurs(file);
  throw refusal(
    file,
    'it is not a database',
    'nothing was changed; name another file with --db, or restore a backup if it once was a database of Landfall',
  );
}

/** The error for a database of SQLite that is not Landfall's. */
export function notOurs(file: string): LandfallError {
  const hint = 'nothing was changed; name another file with --db';
  return refusal(file, "it is another program's database, or one that was never set up", hint);
}

/** The lock of a database lies beside it. */
export function lockPath(db: string): string {
  return `${db}.lock`;
}

/** The one table of a lock, as SQLite keeps its text: on the first page, by which a lock is told from other files. */
export const HOLDER_TABLE = 'CREATE TABLE holder (pid INTEGER, host TEXT, command TEXT, since TEXT)';

/** How much is read of what may be a lock, in bytes: one has two pages. */
const LOCK_BYTES = 8192;

/**
 * What is wrong with what lies at the path of a lock; null: it is a lock, or nothing is there. Reads it: not for a process that
 * holds it (see `recognise`).
 * @throws DatabaseFault when it may not be looked at
 */
export function lockProblem(file: string): string | null {
  const stat = linkStat(file);
  if (stat === null) return null;
  if (!stat.isFile()) return 'it is not a regular file, where the lock of the database is to be';
  if (stat.size === 0 || isHalfMade(file)) return null;
  const bytes = beginningOf(file, LOCK_BYTES);
  // A write-ahead log, which bytes 18 and 19 tell (https://sqlite.org/fileformat2.html#file_format_version_numbers), would be emptied.
  const isLock = startsWith(bytes, MAGIC) && bytes.readUInt16BE(18) === 0x0101 && bytes.includes(HOLDER_TABLE);
  return isLock ? null : 'it is not a lock of Landfall, but lies where the lock of the database goes';
}

function linkStat(file: string): fs.Stats | null {
  try {
    return fs.lstatSync(file, { throwIfNoEntry: false }) ?? null;
  } catch (cause) {
    throw new DatabaseFault('readonly', 'lock database', file, cause);
  }
}

/**
 * SQLite finds a write-ahead log by the name of its database: under a second name it is another one, or none, and what the first
 * name's log holds is lost.
 */
function requireOneName(file: string, links: bigint): void {
  if (links > 1n) {
    throw refusal(
      file,
      `it has ${links} names (hard links), and each would have a write-ahead log of its own`,
      `leave it one: "find / -xdev -samefile FILE" lists them; or use a copy of its own`,
    );
  }
  if (isMountPoint(file)) {
    throw refusal(
      file,
      'it is mounted alone, and its write-ahead log would lie elsewhere',
      'mount the folder that it lies in, not the file',
    );
  }
}

/** The fifth field is the mount point, with blanks and backslashes in octal (proc_pid_mountinfo(5)). */
function isMountPoint(file: string): boolean {
  let mounts: string;
  try {
    mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // Another system than Linux.
    return false;
  }
  const escaped = file.replace(/[ \t\n\\]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return mounts.includes(` ${escaped} `) && mounts.split('\n').some((line) => line.split(' ')[4] === escaped);
}

/** A lock file of ours is whole pages of SQLite; those of others hold a line. It is not opened: this process may hold a lock on it. */
function wasLocked(file: string): boolean {
  const bytes = databaseStat('open database', lockPath(file))?.size ?? 0n;
  return bytes > 0n && bytes % 4096n === 0n;
}

function isHalfMade(file: string): boolean {
  return fs.existsSync(`${file}-journal`) && startsWith(beginningOf(`${file}-journal`, 8), JOURNAL_MAGIC);
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}

/** The first bytes of a file, fewer where it is shorter. */
function beginningOf(file: string, length: number): Buffer {
  let handle: number | null = null;
  try {
    // What has become a pipe meanwhile is not waited for.
    handle = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, fs.readSync(handle, buffer, 0, length, 0));
  } catch (cause) {
    const kind = systemCode(cause) === 'EACCES' ? 'readonly' : 'io';
    throw new DatabaseFault(kind, 'open database', file, cause);
  } finally {
    if (handle !== null) fs.closeSync(handle);
  }
}

function refusal(file: string, problem: string, hint: string): LandfallError {
  return new LandfallError('open database', problem, { file, hint });
}
