import fs from 'node:fs';
import { z } from 'zod';
import { workSchema } from '../model/work.ts';
import { systemCode } from '../system/system-error.ts';

/** How often the keeper writes that it lives, in ms. */
export const BEAT_MS = 5_000;

/** A beat older than this means that the daemon is not alive, in ms: two may come late. */
const STALE_MS = 3 * BEAT_MS;

const aliveSchema = z.object({
  version: z.string(),
  host: z.string(),
  /** The keeper's process id: the one to send a signal to. */
  pid: z.number(),
  /** The loader's; null while there is none. */
  loaderPid: z.number().nullable(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  /** ISO 8601, UTC: when this was written. */
  beat: z.string(),
  landing: z.string(),
  /** The loader was, or may yet be, killed in the middle of a file in order to stop: that attempt is nobody's fault. */
  cutShort: z.boolean(),
  work: workSchema,
});

/** The content of `<db>.alive`: how `status` learns of a daemon whose database is locked or full. Holds no row value (P8). */
export type Alive = Readonly<z.infer<typeof aliveSchema>>;

/** Where the daemon of a database says that it lives. */
export function alivePath(db: string): string {
  return `${db}.alive`;
}

/**
 * Writes it whole or not at all: a reader never sees half of it. On a full disk, of which it has to tell, it takes the
 * place of the one before, which needs no room; where there was none, or that does not go either, the file is empty, and
 * its time is the beat, or it is gone where the daemon stops.
 * @throws Error as node:fs does
 */
export function writeAlive(db: string, alive: Alive): void {
  const file = alivePath(db);
  const draft = `${file}.new`;
  const text = `${JSON.stringify(alive)}\n`;
  try {
    write(draft, 'w', text);
    fs.renameSync(draft, file);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    fs.rmSync(draft, { force: true });
    try {
      write(file, 'r+', text);
    } catch {
      if (alive.work.doing === 'stopped') fs.rmSync(file, { force: true });
      else write(file, 'w', '', new Date(alive.beat));
    }
  }
}

function write(file: string, flags: 'w' | 'r+', text: string, time: Date | null = null): void {
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
export function readAlive(db: string): Alive | null {
  try {
    const read = aliveSchema.safeParse(JSON.parse(fs.readFileSync(alivePath(db), 'utf8')));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}

/** When a daemon stopped by killing its loader in the middle of what it did, ISO 8601, UTC; null: it did not. */
export function cutShortAt(alive: Alive | null): string | null {
  return alive?.cutShort === true ? alive.beat : null;
}

/** The last beat of a daemon that had no room to say more; null: it said more, or nothing. */
export function readMuteBeat(db: string): Date | null {
  try {
    const { size, mtime } = fs.statSync(alivePath(db));
    return size === 0 ? mtime : null;
  } catch {
    return null;
  }
}

/** Whether the daemon that wrote this still lives, as far as it says itself. */
export function isAlive(alive: Alive | null, now: Date): boolean {
  if (alive === null || alive.work.doing === 'stopped') return false;
  return isFresh(new Date(alive.beat), now);
}

/** Whether a beat is of late. One from the future is none: the clock was set back since. */
export function isFresh(beat: Date, now: Date): boolean {
  return Math.abs(now.getTime() - beat.getTime()) <= STALE_MS;
}
