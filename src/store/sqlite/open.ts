import Database from 'better-sqlite3';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import { makePrivateFile, makePrivateFolder } from '../../system/private-files.ts';
import { requireSoundChecks } from './check-queries.ts';
import { checkLedger } from './check-ledger.ts';
import { databaseIsThere, databaseStat, requireReadable } from './database-file.ts';
import { DatabaseFault } from '../database-fault.ts';
import { guardFaults } from './faults.ts';
import { migrate, requireMigrated } from './migrate.ts';
import { cannotReadInPlace, openCopy } from './open-copy.ts';
import { APPLICATION_ID, notOurs, recognise } from './recognise.ts';
import { checkSchema, requireFeed } from './schema.ts';
import type { Probe } from '../../model/ledger.ts';

/** An open database that belongs to a feed. Only the process that holds the writer's lock opens one. */
export interface OpenDatabase {
  readonly db: Database.Database;
  readonly file: string;
  readonly feed: Feed;
  /** The version of Landfall, kept with every ledger entry. */
  readonly program: string;
  /** Names this process, so that an attempt left open by another one is known for a death. */
  readonly process: string;
  readonly probe: Probe;
  /** Device and inode of the file, or null for a database that is only rehearsed on. */
  readonly place: string | null;
}

export interface DatabaseOptions {
  readonly file: string;
  readonly feed: Feed;
  /** The folder of the ledger's migrations, `NNNN_name.sql`. */
  readonly migrations: string;
  readonly program: string;
  /** Page cache in MiB. */
  readonly cacheMib: number;
  /** Called at each instant where a crash must be harmless; the crash campaign kills the process there. */
  readonly probe?: Probe;
}

const NO_PROBE: Probe = () => undefined;

/** How long a statement waits for another program's lock before it is reported as `busy`, in ms. */
const BUSY_TIMEOUT_MS = 1000;

/** What the write-ahead log's file is cut back to once it has been emptied, in bytes. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Opens the database for writing: creates it where it is missing, applies pending migrations, and holds it against the feed.
 * @throws LandfallError when the file is another program's, newer than this one, or does not fit the feed
 * @throws DatabaseFault when it cannot be opened, is damaged, or cannot be written
 */
export function openDatabase(options: DatabaseOptions): OpenDatabase {
  const { file, feed, cacheMib, probe = NO_PROBE } = options;
  recognise(file);
  createPrivately(file);
  requireWritable(file);
  const db = guardFaults('open database', file, () => new Database(file, { timeout: BUSY_TIMEOUT_MS }));
  setUp(db, file, () => {
    adopt(db, file);
    // better-sqlite3 opens WAL databases with NORMAL, which may lose the last commits in a power cut.
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('temp_store = FILE');
    db.pragma(`cache_size = -${cacheMib * 1024}`);
    db.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
    migrate(db, file, options, probe);
    checkSchema(db, file, feed);
    requireSoundChecks(db, feed);
  });
  return { db, file, feed, program: options.program, process: crypto.randomUUID(), probe, place: placeOf(file) };
}

/** Makes an open database ready; closes it where that fails. */
function setUp(db: Database.Database, file: string, work: () => void): void {
  try {
    guardFaults('open database', file, work);
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Opens a database that another process holds the lock of, to leave a request in it. It is that one's to migrate.
 * @throws LandfallError when it is not there, not set up, of another version, or another feed's
 * @throws DatabaseFault when it cannot be opened or written
 */
export function openBeside(options: Omit<DatabaseOptions, 'cacheMib' | 'probe'>): OpenDatabase {
  const { file, feed, program } = options;
  requireReadable(file);
  if (recognise(file) === 'empty') throw notSetUp(file);
  requireWritable(file);
  const db = guardFaults(
    'open database',
    file,
    () => new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS }),
  );
  setUp(db, file, () => {
    db.pragma('synchronous = FULL');
    requireFeed(db, file, feed);
    requireMigrated(db, file, options);
  });
  return { db, file, feed, program, process: crypto.randomUUID(), probe: NO_PROBE, place: placeOf(file) };
}

/**
 * Makes sure that the open file is still the one at its path: SQLite goes on writing to a file that has no name any more.
 * @throws DatabaseFault `replaced`
 */
export function requireInPlace(database: OpenDatabase): void {
  if (database.place !== null && placeOf(database.file) !== database.place)
    throw new DatabaseFault('replaced', 'ingest', database.file, null);
}

function placeOf(file: string): string {
  const stat = databaseStat('ingest', file);
  return stat === null ? 'nowhere' : `${stat.dev}-${stat.ino}`;
}

/** Closes the database; the write-ahead log is merged into it where no other program reads. */
export function closeDatabase(database: OpenDatabase): void {
  database.db.close();
}

/**
 * Opens an existing database to read it, also while a daemon writes, and where nothing can be written: then a copy of it.
 * @throws LandfallError when it is missing or not Landfall's, or cannot be read where it lies
 * @throws DatabaseFault when it cannot be opened or is damaged
 */
export function openForReading(file: string): Database.Database {
  requireReadable(file);
  if (recognise(file) === 'empty') throw notSetUp(file);
  return guardFaults('open database', file, () => {
    try {
      const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
      return readyToRead(db, file);
    } catch (error) {
      if (!cannotReadInPlace(error, file)) throw error;
      return readyToRead(openCopy(file), file);
    }
  });
}

function readyToRead(db: Database.Database, file: string): Database.Database {
  try {
    if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) throw notOurs(file);
    db.pragma('temp_store = MEMORY');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Opens a database for a dry run: read-only, or an empty one in memory where there is none yet.
 * @throws LandfallError, DatabaseFault as `openDatabase` does
 */
export function openForRehearsal(options: Omit<DatabaseOptions, 'cacheMib' | 'probe'>): OpenDatabase {
  const { file, feed, program } = options;
  const exists = databaseIsThere(file);
  const db = exists ? openForReading(file) : new Database(':memory:');
  setUp(db, file, () => {
    if (!exists) migrate(db, ':memory:', options, NO_PROBE);
    requireFeed(db, file, feed);
    checkSchema(db, file, feed);
    requireSoundChecks(db, feed);
    checkLedger(db, file);
    // Rows are copied into temporary tables: on disk, not in memory, however many wait.
    db.pragma('temp_store = FILE');
  });
  return { db, file, feed, program, process: crypto.randomUUID(), probe: NO_PROBE, place: null };
}

/** SQLite would create the file as the umask says; owner and group may write it, since a reader of a WAL database writes its index. */
function createPrivately(file: string): void {
  try {
    makePrivateFolder(path.dirname(file));
    makePrivateFile(file);
  } catch (cause) {
    throw new LandfallError('create database', 'its folder cannot be written', {
      file,
      hint: 'check the owner and mode of the folder, or name another place with --db',
      cause,
    });
  }
}

/** SQLite opens what cannot be written to be read, and says so only at the first write. */
function requireWritable(file: string): void {
  try {
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
    // The write-ahead log is made beside it.
    fs.accessSync(path.dirname(file), fs.constants.W_OK | fs.constants.X_OK);
  } catch (cause) {
    throw new DatabaseFault('readonly', 'open database', file, cause);
  }
}

/** Refuses a database that is another program's; marks an empty one as Landfall's. */
function adopt(db: Database.Database, file: string): void {
  const id = db.pragma('application_id', { simple: true });
  if (id === APPLICATION_ID) return;
  const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (id !== 0 || tables !== 0) throw notOurs(file);
  db.pragma(`application_id = ${APPLICATION_ID}`);
}

function notSetUp(file: string): LandfallError {
  const hint = 'start the daemon once, or name the database with --db';
  return new LandfallError('open database', 'it is empty: it was never set up', { file, hint });
}
