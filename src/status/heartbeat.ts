import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { LandfallError } from '../model/errors.ts';
import { workSchema } from '../model/work.ts';
import { isUrl, parseDatabaseUrl, withoutPassword } from '../settings/database-url.ts';
import type { Settings } from '../settings/settings.ts';
import type { BootTime } from '../system/boot-clock.ts';
import { makePrivateFolder } from '../system/private-files.ts';
import { systemCode } from '../system/system-error.ts';

/** How often the supervisor writes that it lives, in ms. */
export const BEAT_MS = 5_000;

/** A beat older than this means that the daemon is not alive, in ms: two may come late. */
const STALE_MS = 3 * BEAT_MS;

const heartbeatSchema = z.preprocess(
  withNewNames,
  z.object({
    version: z.string(),
    host: z.string(),
    /** The supervisor's process id: the one to send a signal to. */
    pid: z.number(),
    /** The worker's; null while there is none. */
    workerPid: z.number().nullable(),
    /** ISO 8601, UTC. */
    startedAt: z.string(),
    /** ISO 8601, UTC: when this was written. */
    beat: z.string(),
    /** The same by a clock that nobody sets. An earlier version does not say it. */
    sinceBoot: z.object({ boot: z.string(), ms: z.number() }).nullable().optional(),
    /** Which list of processes `pid` is in; see `PROCESS_TABLE`. An earlier version does not say it. */
    processTable: z.string().nullable().optional(),
    landing: z.string(),
    /** The worker was, or may yet be, killed in the middle of a file in order to stop: that attempt is nobody's fault. */
    cutShort: z.boolean(),
    work: workSchema,
  }),
);

/** The content of `<place>.alive`: how `status` learns of a daemon whose database is locked or full. Holds no row value (P8). */
export type Heartbeat = Readonly<z.infer<typeof heartbeatSchema>>;

/** An earlier version said `loaderPid`. */
function withNewNames(said: unknown): unknown {
  if (typeof said !== 'object' || said === null || !('loaderPid' in said)) return said;
  return { ...said, workerPid: said.loaderPid };
}

/** What a daemon is known by on its machine. */
export type HeartbeatPlace = Pick<Settings, 'db' | 'landing' | 'stateDir'>;

/**
 * What the files of a daemon's own begin with: they lie beside its database, or, where that is on a server, in a folder for them, one
 * for each database and landing folder.
 */
export function heartbeatPlace({ db, landing, stateDir }: HeartbeatPlace): string {
  if (!isUrl(db)) return db;
  const which = crypto.hash('sha256', `${whichDatabase(db)}\n${landing}`).slice(0, 16);
  return path.join(stateDir, `landfall-${which}`);
}

/** The database that a URL names, and not as whom: `status` may ask as another user, and with a password from another file. */
function whichDatabase(db: string): string {
  const url = parseDatabaseUrl(db);
  if (typeof url === 'string') return withoutPassword(db);
  const { host, port, database, schema } = url;
  return JSON.stringify([host, port, database, schema]);
}

/**
 * Makes the folder for a daemon's own files, where that is not its database's.
 * @throws LandfallError when it cannot be made
 */
export function makeHeartbeatFolder({ db, stateDir }: HeartbeatPlace): void {
  if (!isUrl(db)) return;
  try {
    makePrivateFolder(stateDir);
  } catch (cause) {
    const hint = 'check its owner and mode, or name another folder with --state-dir';
    throw new LandfallError('write heartbeat', 'the folder cannot be made', { file: stateDir, hint, cause });
  }
}

/** Where a daemon says that it lives. */
export function heartbeatPath(place: string): string {
  return `${place}.alive`;
}

/** It is written here first. */
function draftPath(place: string): string {
  return `${heartbeatPath(place)}.new`;
}

/** How a heartbeat begins; zeros are what a power cut may leave of one. */
const BEGINNINGS = [Buffer.from('{"version":'), Buffer.alloc(11)];

/**
 * Makes sure that a heartbeat overwrites nothing but heartbeats.
 * @throws LandfallError naming what lies in its place
 */
export function requireHeartbeatPlace(place: string): void {
  for (const file of [heartbeatPath(place), draftPath(place)]) {
    if (mayBeOverwritten(file)) continue;
    throw new LandfallError('write heartbeat', 'it is not a heartbeat of Landfall, and would be overwritten', {
      file,
      hint: 'nothing was changed; move it away, or name another database with --db',
    });
  }
}

function mayBeOverwritten(file: string): boolean {
  try {
    const stat = fs.lstatSync(file, { throwIfNoEntry: false });
    return stat === undefined || (stat.isFile() && (stat.size === 0 || isHeartbeat(file)));
  } catch (error) {
    if (systemCode(error) === null) throw error;
    // Its folder may not be searched, or its disk fails: the worker meets the same at the database, and says what to do.
    return true;
  }
}

function isHeartbeat(file: string): boolean {
  const handle = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const beginning = Buffer.alloc(11);
    fs.readSync(handle, beginning);
    return BEGINNINGS.some((one) => one.equals(beginning));
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * Writes it whole or not at all: a reader never sees half of it. On a full disk, of which it has to tell, it takes the
 * place of the one before, which needs no room; where there was none, or that does not go either, the file is empty, and
 * its time is the beat, or it is gone where the daemon stops.
 * @throws Error as node:fs does
 */
export function writeHeartbeat(place: string, heartbeat: Heartbeat): void {
  const file = heartbeatPath(place);
  const draft = draftPath(place);
  const text = `${JSON.stringify(heartbeat)}\n`;
  try {
    write(draft, WRITE_NEW, text);
    fs.renameSync(draft, file);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    fs.rmSync(draft, { force: true });
    try {
      write(file, fs.constants.O_RDWR, text);
    } catch {
      if (heartbeat.work.doing === 'stopped') fs.rmSync(file, { force: true });
      else write(file, WRITE_NEW, '', new Date(heartbeat.beat));
    }
  }
}

/** A pipe that lies there is not waited for, nor a link followed. */
const WRITE_NEW =
  fs.constants.O_WRONLY |
  fs.constants.O_CREAT |
  fs.constants.O_TRUNC |
  fs.constants.O_NONBLOCK |
  fs.constants.O_NOFOLLOW;

function write(file: string, flags: number, text: string, time: Date | null = null): void {
  const handle = fs.openSync(file, flags, 0o660);
  try {
    fs.fchmodSync(handle, 0o660);
    fs.ftruncateSync(handle, text === '' ? 0 : fs.writeSync(handle, text, 0));
    if (time !== null) fs.futimesSync(handle, time, time);
  } finally {
    fs.closeSync(handle);
  }
}

/** Reads it; null where there is none, or none that can be understood. */
export function readHeartbeat(place: string): Heartbeat | null {
  try {
    const file = heartbeatPath(place);
    // A pipe would be waited for.
    if (!fs.lstatSync(file).isFile()) return null;
    const read = heartbeatSchema.safeParse(JSON.parse(fs.readFileSync(file, 'utf8')));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}

/** When a daemon stopped by killing its worker in the middle of what it did, ISO 8601, UTC; null: it did not. */
export function cutShortAt(heartbeat: Heartbeat | null): string | null {
  return heartbeat?.cutShort === true ? heartbeat.beat : null;
}

/** The last beat of a daemon that had no room to say more; null: it said more, or nothing. */
export function readMuteBeat(place: string): Date | null {
  try {
    const stat = fs.lstatSync(heartbeatPath(place));
    return stat.isFile() && stat.size === 0 ? stat.mtime : null;
  } catch {
    return null;
  }
}

/**
 * Whether the daemon that wrote this still lives, as far as it says itself. Either clock may say so: that of the wall may have been
 * set since; the other one is this machine's, and a container may have its own.
 */
export function isAlive(heartbeat: Heartbeat | null, now: Date, sinceBoot: BootTime | null): boolean {
  if (heartbeat === null || heartbeat.work.doing === 'stopped') return false;
  if (isFresh(new Date(heartbeat.beat), now)) return true;
  const beat = heartbeat.sinceBoot ?? null;
  return sinceBoot !== null && beat?.boot === sinceBoot.boot && isRecent(sinceBoot.ms - beat.ms);
}

/** Whether a beat is of late by the wall clock. One from the future is none: the clock was set back since. */
export function isFresh(beat: Date, now: Date): boolean {
  return isRecent(now.getTime() - beat.getTime());
}

function isRecent(passedMs: number): boolean {
  return Math.abs(passedMs) <= STALE_MS;
}
