import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Alive } from '../status/heartbeat.ts';
import { seeDaemon } from '../status/illness.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_FAILED } from '../model/exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { Feed } from '../model/feed.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { checkLedger } from '../store/sqlite/check-ledger.ts';
import { asFault, guardFaults } from '../store/database-fault.ts';
import { databaseIsThere, openForReading, requireReadable } from '../store/sqlite/open.ts';
import {
  checkSetUp,
  listNotes,
  readStatus,
  type DatabaseStatus,
  type FileNote,
  type NoteListName,
} from '../store/sqlite/queries.ts';
import { fileForJson, noteForJson } from './file-json.ts';
import { jsonText } from '../output/json.ts';
import { writePieces } from '../output/sink.ts';

export interface StatusOptions {
  readonly settings: Settings;
  readonly json: boolean;
  /** Say only whether the daemon is well, without looking into the database. */
  readonly check: boolean;
}

/** Files shown in each list of the text; `--json` shows all. */
const FIRST = 20;

/**
 * Shows where things stand: the daemon, the tables, what was refused, what waits.
 * @returns 0; with `check` 1 when the daemon is not alive or cannot work (a fault of the landing folder, the database or the loader)
 * @throws LandfallError when there is neither a daemon nor a database that can be read
 */
export async function status(options: StatusOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const now = io.now();
  const daemon = seeDaemon(settings.db, now);
  const { alive, illness } = daemon;
  // What the daemon says of itself lies beside the database: who may not look there must not be told that there is none.
  if (alive === null && databaseIsThere(settings.db)) requireReadable(settings.db);
  const exitCode = options.check && illness !== null ? EXIT_FAILED : 0;
  // Text has a file of its own, loaded only here and below: the words for times take as long to load as a fifth of the command.
  if (options.check && !options.json) {
    const { daemonLine } = await import('./status-text.ts');
    io.stdout.write(`${daemonLine(daemon, now)}\n`);
    return exitCode;
  }

  const feed = loadFeed(settings.feed);
  const database = lookInto(settings.db, feed, options.json ? 0 : FIRST);
  if (database instanceof LandfallError && !daemon.lives) throw database;
  const bytes = sizeOf(settings.db);
  const walBytes = sizeOf(`${settings.db}-wal`);
  const isThere = (name: string): boolean => existsSync(join(settings.landing, name));
  if (options.json) {
    const found =
      database instanceof LandfallError ? { problem: database.message } : forJson(database, settings.db, isThere);
    const answer = {
      version: io.program.version,
      daemon: {
        alive: daemon.lives,
        problem: illness?.problem ?? null,
        since: illness?.since ?? null,
        ...(alive === null ? {} : daemonForJson(alive)),
      },
      database: { path: settings.db, bytes, wal_bytes: walBytes, problem: null, ...found },
    };
    await writePieces(io.stdout, jsonText(answer));
    return exitCode;
  }

  const { statusText } = await import('./status-text.ts');
  const facts = { daemon, file: settings.db, bytes, walBytes, database, isThere };
  io.stdout.write(statusText(facts, now, io.stdout));
  return exitCode;
}

/** What the database says, or why it cannot be asked: the daemon may still be worth showing. */
function lookInto(file: string, feed: Feed, most: number): DatabaseStatus | LandfallError {
  try {
    const db = openForReading(file);
    try {
      return guardFaults('read database', file, () => {
        checkSetUp(db, file, feed);
        checkLedger(db, file);
        return readStatus(db, feed, most);
      });
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof LandfallError) return error;
    throw error;
  }
}

/** What a daemon says of itself, in the spelling of the database's columns. */
function daemonForJson(alive: Alive): object {
  const { version, host, pid, beat, landing, work } = alive;
  const { doing, file, due, settling, taken, wal, faults } = work;
  return {
    version,
    host,
    pid,
    loader_pid: alive.loaderPid,
    started_at: alive.startedAt,
    beat,
    landing,
    work: {
      doing,
      file: file === null ? null : inHandForJson(file),
      due,
      settling,
      awaiting_parent: work.awaitingParent,
      taken,
      wal,
      faults,
    },
  };
}

function inHandForJson({ name, phase, rows, bytesRead, bytesTotal }: NonNullable<Alive['work']['file']>): object {
  return { name, phase, rows, bytes_read: bytesRead, bytes_total: bytesTotal };
}

/** The lists are read as they are written: what is in them by then may differ from the numbers. */
function forJson(database: DatabaseStatus, file: string, isThere: (name: string) => boolean): object {
  return {
    ...database,
    last_file: database.last_file === null ? null : fileForJson(database.last_file),
    quarantined: allNotes(file, 'quarantined').map((note) => ({
      ...noteForJson(note),
      in_landing: isThere(note.name),
    })),
    not_taken: allNotes(file, 'not_taken').map(noteForJson),
    late: allNotes(file, 'late').map(noteForJson),
    corrected: allNotes(file, 'corrected').map(noteForJson),
    warned: allNotes(file, 'warned').map(noteForJson),
  };
}

/** A whole list of the status, by a connection of its own. */
function* allNotes(file: string, name: NoteListName): Generator<FileNote, void> {
  const db = openForReading(file);
  try {
    yield* listNotes(db, name, null);
  } catch (error) {
    throw asFault('read database', file, error);
  } finally {
    db.close();
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
