import type { FileStat } from '../model/ledger.ts';
import { sameStat } from './file-stat.ts';

/** The two clocks, read together, in ms: `monotonic` for spans (never jumps), `wall` to compare with stamps and file times. */
export interface Clock {
  readonly monotonic: number;
  readonly wall: number;
}

/** Whatever has a name and a stat can settle. */
export interface Settling {
  readonly name: string;
  readonly stat: FileStat;
}

/** What one look found. */
export interface Look<T> {
  /** Still for long enough. */
  readonly settled: readonly T[];
  /** Not yet; in the order they were given. */
  readonly unsettled: readonly T[];
  /** When the first of the unsettled will have settled if nothing touches it, in ms from now; null: none is unsettled. */
  readonly nextLookMs: number | null;
}

/** Remembers since when each file has been as it is. One look takes every file of the folder: what is not given is forgotten. */
export interface Settler {
  look<T extends Settling>(files: readonly T[], clock: Clock): Look<T>;
}

/** Files whose own times are believed have long been still when these are older than this (or than the settle time), in ms. */
const LONG_STILL_MS = 60_000;

export interface SettleOptions {
  /** How long a file must have been still, in ms; 0: every file has settled. */
  readonly settleMs: number;
  /**
   * Whether a file whose own times are old is not waited for. Never where it is to be read: with a clock that is ahead of the file
   * server's, one that is just being written looks old.
   */
  readonly believeTimes: boolean;
}

interface Sighting {
  readonly stat: FileStat;
  /** Monotonic ms at which the file was first seen so. */
  readonly since: number;
}

/**
 * Makes a settler (P1: whole files only). A file has settled once its size, times and inode have been the same for
 * `settleMs` since it was first seen so. The monotonic clock measures that span, since the wall clock may be set and a
 * sender's or a file server's clock may be wrong.
 */
export function createSettler({ settleMs, believeTimes }: SettleOptions): Settler {
  let sightings = new Map<string, Sighting>();

  function look<T extends Settling>(files: readonly T[], clock: Clock): Look<T> {
    const settled: T[] = [];
    const unsettled: T[] = [];
    const seen = new Map<string, Sighting>();
    let nextLookMs: number | null = null;
    for (const file of files) {
      const before = sightings.get(file.name);
      const sighting =
        before !== undefined && sameStat(before.stat, file.stat) ? before : { stat: file.stat, since: clock.monotonic };
      seen.set(file.name, sighting);
      const remainingMs = sighting.since + settleMs - clock.monotonic;
      if (remainingMs <= 0 || (believeTimes && longStill(file.stat, settleMs, clock.wall))) {
        settled.push(file);
      } else {
        unsettled.push(file);
        nextLookMs = Math.min(nextLookMs ?? remainingMs, remainingMs);
      }
    }
    sightings = seen;
    return { settled, unsettled, nextLookMs };
  }

  return { look };
}

/** Both times count: a sender may set mtime to anything, and a file moved in by rename keeps its old mtime. */
function longStill(stat: FileStat, settleMs: number, wall: number): boolean {
  const oldest = BigInt(Math.floor(wall - Math.max(settleMs, LONG_STILL_MS))) * 1_000_000n;
  return stat.mtimeNs < oldest && stat.ctimeNs < oldest;
}
