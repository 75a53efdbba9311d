import { setTimeout as sleep } from 'node:timers/promises';

/** Wakes the loop. A poke that comes while it works is kept. */
export interface Waker {
  readonly poke: () => void;
  readonly poked: () => boolean;
  /**
   * Sleeps until poked, or until `ms` are over (null: no end), or until stopped.
   * @param heedPokes false: a poke is kept for later
   */
  sleep(ms: number | null, heedPokes: boolean): Promise<void>;
  /** Forgets the poke: the folder is about to be listed. */
  clear(): void;
}

/** Longer than a timer can count is for ever. */
const MAX_SLEEP_MS = 86_400_000;

/** @param stop aborted: nothing sleeps any more */
export function createWaker(stop: AbortSignal): Waker {
  let poked = false;
  let wake: (() => void) | null = null;

  return {
    poke: () => {
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
