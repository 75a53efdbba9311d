import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** The machine counts as quiet when its processors were idle for this share of a look. */
const IDLE_SHARE = 0.93;
const LOOK_MS = 1500;

/**
 * Waits until nothing else runs on this machine, so that a measurement is of what is measured.
 * @param patienceMs how long to wait at most; 0 does not wait
 * @returns whether it is quiet
 */
export async function untilQuiet(patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const before = processorTimes();
    await sleep(LOOK_MS);
    const after = processorTimes();
    if (after.idle - before.idle > IDLE_SHARE * (after.all - before.all)) return true;
  }
  return patienceMs === 0;
}

/** Ticks of all processors together since the machine started. */
function processorTimes(): { idle: number; all: number } {
  const times = cpus().map((each) => each.times);
  const idle = times.reduce((sum, each) => sum + each.idle, 0);
  const all = times.reduce((sum, each) => sum + each.user + each.nice + each.sys + each.idle + each.irq, 0);
  return { idle, all };
}
