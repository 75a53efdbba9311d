/**
 * Loaded into the daemon's processes by the soak (`--import`): writes down now and then what keeps them busy, which
 * cannot be seen from outside. One line of JSON each time, to the file named by LANDFALL_SOAK_RESOURCES.
 */
import { appendFileSync } from 'node:fs';

export interface Resources {
  readonly pid: number;
  /** Timers that are set, this script's own among them. */
  readonly timers: number;
  /** All that is open: timers, watchers, pipes. */
  readonly resources: number;
}

const EVERY_MS = 1000;

const file = process.env['LANDFALL_SOAK_RESOURCES'];
if (file !== undefined) {
  setInterval(() => {
    const active = process.getActiveResourcesInfo();
    const timers = active.filter((kind) => kind === 'Timeout').length;
    appendFileSync(
      file,
      `${JSON.stringify({ pid: process.pid, timers, resources: active.length } satisfies Resources)}\n`,
    );
  }, EVERY_MS).unref();
}
