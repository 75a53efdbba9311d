import { setTimeout as sleep } from 'node:timers/promises';
import { FolderFault } from '../landing/folder-fault.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { backOff } from './back-off.ts';
import type { Drain } from './intake.ts';
import type { FaultBook } from '../status/faults.ts';

/** Wakes the loop. A poke that comes while it works is kept. */
export interface Waker {
  poke(): void;
  poked(): boolean;
  /**
   * Sleeps until poked, or until `ms` are over (null: no end), or until stopped.
   * @param heedPokes false: a poke is kept for later
   */
  sleep(ms: number | null, heedPokes: boolean): Promise<void>;
  /** Forgets the poke: the folder is about to be listed. */
  clear(): void;
}

/** @param stop aborted: nothing sleeps any more */
export function createWaker(stop: AbortSignal): Waker {
  let poked = false;
  let wake: (() => void) | null = null;

  return {
    poke() {
      poked = true;
      wake?.();
    },
    poked: () => poked,
    clear() {
      poked = false;
    },
    async sleep(ms, heedPokes) {
      if (stop.aborted || (heedPokes && poked)) return;
      const woken = new AbortController();
      if (heedPokes) {
        wake = () => {
          woken.abort();
        };
      }
      try {
        // Longer than a timer can count is for ever.
        await sleep(Math.min(Math.ceil(ms ?? MAX_SLEEP_MS), MAX_SLEEP_MS), undefined, {
          signal: AbortSignal.any([stop, woken.signal]),
        });
      } catch {
        // Woken.
      } finally {
        wake = null;
      }
    },
  };
}

const MAX_SLEEP_MS = 86_400_000;

/** Waits of the whole loop while the folder or the database is at fault, in ms. */
export const FAULT_FIRST_MS = 250;
export const FAULT_CAP_MS = 10_000;
/** Whoever holds the write lock may let go of it any moment, and asking costs nothing. */
export const BUSY_CAP_MS = 1_000;

/** Pokes come in swarms: between two listings lies this, in ms, and this many times what a listing takes. */
const GAP_MS = 20;
const GAP_SHARE = 3;

export interface LoopOptions {
  readonly drain: Drain;
  readonly waker: Waker;
  readonly faults: FaultBook;
  /** `drained`: ends when nothing is left that comes by itself; `stopped`: goes on until stopped. */
  readonly until: 'stopped' | 'drained';
  readonly stop: AbortSignal;
  /** How long a fault of the folder or the database may last before the loop gives up, in ms; null: for ever. */
  readonly patienceMs: number | null;
  readonly monotonic: () => number;
}

/**
 * Runs rounds, each woken by a poke or by the clock. A fault of the database or the folder makes the whole loop wait,
 * longer each time up to 10 s (1 s while another program holds the write lock); nothing is skipped, its begin and its end are logged once (P7).
 * @throws DatabaseFault when the database is damaged, or its fault outlasts the patience
 * @throws FolderFault when its fault outlasts the patience
 */
export async function runLoop(options: LoopOptions): Promise<void> {
  const { drain, waker, faults, stop } = options;
  let failures = 0;
  let faultySince: number | null = null;

  while (!stop.aborted) {
    waker.clear();
    try {
      const round = await drain.round();
      failures = 0;
      faultySince = null;
      faults.end('landing');
      // While files are still to come the round may have written nothing; a file that goes in ends the fault, too.
      if (round.open === 0) faults.end('database');
      if (options.until === 'drained' && round.open === 0 && !waker.poked()) return;
      if (round.wakeMs === 0) continue;
      const gapMs = Math.max(GAP_MS, GAP_SHARE * round.listMs);
      await waker.sleep(round.wakeMs === null ? gapMs : Math.min(gapMs, round.wakeMs), false);
      if (round.wakeMs !== null && round.wakeMs <= gapMs) continue;
      await waker.sleep(round.wakeMs === null ? null : round.wakeMs - gapMs, true);
    } catch (error) {
      if (!(error instanceof DatabaseFault) && !(error instanceof FolderFault)) throw error;
      if (error instanceof DatabaseFault && error.isFinal) throw error;
      faultySince ??= options.monotonic();
      if (options.patienceMs !== null && options.monotonic() - faultySince >= options.patienceMs) throw error;
      const isFolder = error instanceof FolderFault;
      faults.begin({ kind: isFolder ? 'landing' : 'database', file: null, problem: error.message });
      failures += 1;
      // A folder that comes back is heard of; a database is not.
      const capMs = error instanceof DatabaseFault && error.kind === 'busy' ? BUSY_CAP_MS : FAULT_CAP_MS;
      await waker.sleep(backOff(failures, FAULT_FIRST_MS, capMs), isFolder);
    }
  }
}
