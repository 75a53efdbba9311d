import { createTask } from 'node-cron';

/** Calls back by the clock, whatever the watcher hears: a network mount makes no events. */
export interface Schedule {
  stop(): void;
}

export interface ScheduleOptions {
  /** A cron expression, read in UTC: no time of the day is skipped or comes twice there when clocks are changed. */
  readonly expression: string;
  readonly onDue: () => void;
  /** The wall clock, ms since 1970. */
  readonly wall: () => number;
}

/** Between two looks at the wall clock lies at most this, in ms: it may be set, and the machine may sleep. */
const LOOK_MS = 60_000;

/**
 * Starts a schedule. node-cron says when the next moment is, and a timer of our own waits for it: node-cron's own waits for
 * as long as the clock was set back, and goes through each moment that was missed where it was set forth.
 * Of moments that were missed one is made up for; a clock that was set back is a reason to be due, too.
 */
export function startSchedule(options: ScheduleOptions): Schedule {
  const { expression, onDue, wall } = options;
  const task = createTask(expression, () => undefined, { timezone: 'UTC' });
  const following = (): number => task.getNextRuns(1)[0]?.getTime() ?? Infinity;
  let next = following();
  let lookedAt = wall();
  let timer = wait();

  function wait(): NodeJS.Timeout {
    return setTimeout(look, Math.min(next - lookedAt, LOOK_MS));
  }

  function look(): void {
    const now = wall();
    const isDue = now >= next || now < lookedAt;
    next = following();
    lookedAt = now;
    timer = wait();
    if (isDue) onDue();
  }

  return {
    stop() {
      clearTimeout(timer);
      void task.destroy();
    },
  };
}
