import type { Work } from '../model/work.ts';
import type { ProcessStats } from './process-stats.ts';

/**
 * How long a worker may show no sign of going on before it counts as hung, in ms. Inside a file it says something between batches, and
 * reads or writes in every statement; where the system does not tell of that (not on Linux), it has as long as in `working`. A listing,
 * a move to the archive or a start (which may migrate) show less of what they do.
 */
export interface Patience {
  readonly idleMs: number;
  readonly fileMs: number;
  readonly workingMs: number;
  readonly startingMs: number;
  /** One step of the work ends within this, however much it reads and writes. */
  readonly endlessMs: number;
}

export const PATIENCE: Patience = {
  idleMs: 30_000,
  // It is looked at every 5 s: noticed within a minute.
  fileMs: 50_000,
  workingMs: 600_000,
  startingMs: 3_600_000,
  endlessMs: 3_600_000,
};

/** By what it does: which patience there is with a worker; null: it is on its way out. */
const PATIENCE_WITH: Readonly<Record<Work['doing'], 'idleMs' | 'fileMs' | 'workingMs' | 'startingMs' | null>> = {
  starting: 'startingMs',
  idle: 'idleMs',
  waiting: 'idleMs',
  listing: 'workingMs',
  ingesting: 'fileMs',
  archiving: 'workingMs',
  emptying: 'workingMs',
  stopping: null,
  stopped: null,
};

/** Whether a worker that does this shows only by its work that it goes on: while it works it answers no ping. */
function isWorking(doing: Work['doing']): boolean {
  return PATIENCE_WITH[doing] === 'workingMs' || PATIENCE_WITH[doing] === 'fileMs';
}

/**
 * How long a worker that does this may show no sign of going on.
 * @param doing what it last said it was doing
 * @param isBlind the system tells nothing of what it reads and writes
 * @returns ms; null: it is on its way out
 */
function patienceWith(doing: Work['doing'], patience: Patience, isBlind: boolean): number | null {
  const limit = PATIENCE_WITH[doing];
  if (limit === null) return null;
  return patience[limit === 'fileMs' && isBlind ? 'workingMs' : limit];
}

/**
 * Tells from outside whether a worker goes on. What it says counts; while it works, an answer to a ping does not: that shows
 * only that its event loop turns. One that answers nothing is in the middle of something: it goes on as long as its main thread reads
 * or writes, as a long SQLite statement does, or something waits for a disk. An endless computation does neither.
 */
export interface HangDetector {
  /** A process was started. */
  begin(): void;
  /** It has said what it does. */
  told(doing: Work['doing']): void;
  /** It has answered a ping. */
  answered(): void;
  /**
   * To be called every few seconds, with a ping.
   * @param read gives null where the system tells nothing. It reads some twenty files, and is not called for a worker that answers and has nothing to do
   */
  look(read: () => ProcessStats | null): void;
  /** How long it has shown no sign of going on, in ms. Of a process that computes only the time for which it had a processor counts. */
  silentMs(): number;
  isWell(): boolean;
}

/** Whoever looks was itself stopped when it has not looked for so long, in ms, and cannot tell what was meanwhile. */
const OWN_GAP_MS = 15_000;

/** @param monotonic ms */
export function createHangDetector(patience: Patience, monotonic: () => number): HangDetector {
  let doing: Work['doing'] = 'starting';
  let toldAt = 0;
  let lookedAt = 0;
  let silentMs = 0;
  /** Up to when `silentMs` counts. */
  let countedAt = 0;
  /** Whether it has answered since the last look. */
  let answers = true;
  /** Whether it had not answered at the last look, and what it was like. */
  let wasDeaf = false;
  let before: ProcessStats | null = null;
  let isBlind = false;

  function showSign(): void {
    silentMs = 0;
    countedAt = monotonic();
  }

  return {
    begin() {
      doing = 'starting';
      toldAt = lookedAt = monotonic();
      answers = true;
      wasDeaf = false;
      before = null;
      showSign();
    },
    told(now) {
      doing = now;
      toldAt = monotonic();
      showSign();
    },
    answered() {
      answers = true;
      if (!isWorking(doing)) showSign();
    },
    look(read) {
      const now = monotonic();
      const isDeaf = !answers;
      const stats = isDeaf || isWorking(doing) ? read() : before;
      const worked = isDeaf && wasDeaf && stats !== null && stats.bytes !== before?.bytes;
      const wasStopped = now - lookedAt > OWN_GAP_MS;
      if (wasStopped) toldAt += now - lookedAt;
      if (wasStopped || worked || stats?.waitsForDisk === true) showSign();
      const passedMs = now - countedAt;
      if (isDeaf && stats?.runs === true && before !== null) {
        silentMs += Math.min(passedMs, stats.cpuMs - before.cpuMs);
      } else {
        silentMs += passedMs;
      }
      isBlind = (isDeaf || isWorking(doing)) && stats === null;
      before = stats;
      wasDeaf = isDeaf;
      answers = false;
      lookedAt = countedAt = now;
    },
    silentMs: () => silentMs,
    isWell() {
      const limitMs = patienceWith(doing, patience, isBlind);
      if (limitMs === null) return true;
      // What goes on and on without getting anywhere is ended some day, too.
      const endless = isWorking(doing) && monotonic() - toldAt > patience.endlessMs;
      return silentMs <= limitMs && !endless;
    },
  };
}
