import type { FaultBook } from '../status/faults.ts';
import { createFaultWait, type FaultWaitOptions } from './fault-wait.ts';
import type { Scan } from './intake.ts';
import type { Waker } from './waker.ts';

/** Pokes come in swarms: between two listings lies this, in ms, and this many times what a listing takes. */
const GAP_MS = 20;
const GAP_SHARE = 3;

export interface LoopOptions extends FaultWaitOptions {
  /** Takes what is due. */
  readonly scan: () => Promise<Scan>;
  /** `all taken`: ends when nothing is left that comes by itself; `stopped`: goes on until stopped. */
  readonly until: 'stopped' | 'all taken';
  readonly stop: AbortSignal;
}

/**
 * Scans the landing folder again and again, woken by a poke or by the clock. A fault of the database or the folder makes the whole loop
 * wait (P7).
 * @throws DatabaseFault when the database is damaged, or its fault outlasts the patience
 * @throws FolderFault when its fault outlasts the patience
 */
export async function runLoop(options: LoopOptions): Promise<void> {
  const { scan, waker, faults, until, stop } = options;
  const fault = createFaultWait(options);
  while (!stop.aborted) {
    waker.clear();
    try {
      const done = await scan();
      fault.over();
      endFaults(faults, done);
      if (until === 'all taken' && done.open === 0 && !waker.poked()) return;
      await rest(waker, done);
    } catch (error) {
      await fault.wait(error);
    }
  }
}

function endFaults(faults: FaultBook, { open }: Scan): void {
  faults.end('landing');
  // While files are still to come the scan may have written nothing; a file that goes in ends the fault, too.
  if (open === 0) faults.end('database');
}

/** Sleeps until there is something to do. */
async function rest(waker: Waker, { wakeMs, listMs }: Scan): Promise<void> {
  if (wakeMs === 0) return;
  const gapMs = Math.max(GAP_MS, GAP_SHARE * listMs);
  await waker.sleep(wakeMs === null ? gapMs : Math.min(gapMs, wakeMs), false);
  if (wakeMs === null) await waker.sleep(null, true);
  else if (wakeMs > gapMs) await waker.sleep(wakeMs - gapMs, true);
}
