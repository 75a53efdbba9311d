import type { Activity } from './activity.ts';
import type { Work } from '../model/work.ts';
import { isWorking, patienceWith, type Patience } from '../status/health.ts';

/**
 * Tells from outside whether a loading process goes on. What it says counts; while it works, an answer to a ping does not: that shows
 * only that its event loop turns. One that answers nothing is in the middle of something: it goes on as long as its main thread reads
 * or writes, as a long SQLite statement does, or something waits for a disk. An endless computation does neither.
 */
export interface Vigil {
  /** A process was started. */
  begin(): void;
  /** It has said what it does. */
  told(doing: Work['doing']): void;
  /** It has answered a ping. */
  answered(): void;
  /**
   * To be called every few seconds, with a ping.
   * @param activity null where the system tells nothing
   */
  look(activity: Activity | null): void;
  /** How long it has shown no sign of going on, in ms. Of a process that computes only the time for which it had a processor counts. */
  silentMs(): number;
  isWell(): boolean;
}

/** Whoever looks was itself stopped when it has not looked for so long, in ms, and cannot tell what was meanwhile. */
const OWN_GAP_MS = 15_000;

/** @param monotonic ms */
export function createVigil(patience: Patience, monotonic: () => number): Vigil {
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
  let before: Activity | null = null;
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
    look(activity) {
      const now = monotonic();
      const isDeaf = !answers;
      const worked = isDeaf && wasDeaf && activity !== null && activity.bytes !== before?.bytes;
      if (now - lookedAt > OWN_GAP_MS || worked || activity?.waitsForDisk === true) showSign();
      const passedMs = now - countedAt;
      if (isDeaf && activity?.runs === true && before !== null) {
        silentMs += Math.min(passedMs, activity.cpuMs - before.cpuMs);
      } else {
        silentMs += passedMs;
      }
      isBlind = activity === null;
      before = activity;
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
