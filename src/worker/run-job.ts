import { readyParser } from '../ingest/parser.ts';
import { LandfallError } from '../model/errors.ts';
import { isAtRest } from '../model/work.ts';
import { every } from '../system/timers.ts';
import { takeFromLanding } from './intake-session.ts';
import type { Intake } from './intake-state.ts';
import type { Supervised } from './supervisor-link.ts';
import type { Waker } from './waker.ts';

/**
 * How often an idle worker looks whether someone has asked for a file to be read again, and whether there is memory to give back, in ms:
 * as seldom as the supervisor beats, since wake-ups are what an idle daemon costs.
 */
const LOOK_MS = 5_000;

/** An idle worker gives back the memory of the work it has done at most this often, in ms. */
const COLLECT_MS = 60_000;

/**
 * What `run` does in its own process: takes the database, takes files until stopped, and lets go of it.
 * @returns 0, or the exit code and the problem with which it cannot go on
 */
export async function performRun(supervised: Supervised): Promise<{ exitCode: number; problem: string | null }> {
  try {
    await takeFromLanding(supervised, {
      command: 'run',
      patienceMs: null,
      onOpen(intake, ending) {
        readyParser();
        const [lookForRetries, collect] = [createRetryLook(intake, supervised.waker), createCollector(intake)];
        every(ending, LOOK_MS, () => {
          if (!isAtRest(intake.work.now().doing)) return;
          void lookForRetries();
          collect();
        });
      },
    });
    return { exitCode: 0, problem: null };
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    return { exitCode: error.exitCode, problem: error.message };
  }
}

/** `landfall retry` leaves its wish in the database, which makes no event. */
function createRetryLook({ store }: Intake, waker: Waker): () => Promise<void> {
  let seen: ReadonlyMap<string, string> = new Map();
  return async () => {
    try {
      const wished = await store.pendingRetries();
      // A wish for a file that is not there stays: it is no news.
      if ([...wished].some(([name, at]) => seen.get(name) !== at)) waker.poke();
      seen = wished;
    } catch {
      // The loop meets the same fault, and reports it.
    }
  };
}

/** V8 collects all garbage only when the heap has grown by a share of itself: with a small file now and then, after hours. */
function createCollector({ work, monotonic }: Intake): () => void {
  let filesCollected = 0;
  let notBefore = -Infinity;
  return () => {
    const { files } = work.now().taken;
    if (files === filesCollected || monotonic() < notBefore) return;
    filesCollected = files;
    notBefore = monotonic() + COLLECT_MS;
    globalThis.gc?.();
  };
}
