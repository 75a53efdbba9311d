import { createTask } from 'node-cron';

/** Pokes the loop by the clock, whatever the watcher hears (P6: a network mount makes no events). */
export interface Schedule {
  /** Call it every few seconds: notices that the clock was set, or the process stopped, and starts to count anew. */
  check(): void;
  stop(): void;
}

export interface ScheduleOptions {
  /** A cron expression. */
  readonly expression: string;
  readonly onDue: () => void;
  /** Something that node-cron has to say. */
  readonly onTrouble: (error: unknown) => void;
  readonly wall: () => number;
  readonly monotonic: () => number;
}

/** The clocks may drift apart by so much between two checks, in ms. */
const DRIFT_MS = 2_000;

/**
 * node-cron waits until the wall clock shows the next moment of the schedule: set back by an hour, it would not fire for an hour.
 */
export function startSchedule(options: ScheduleOptions): Schedule {
  const { onDue, onTrouble, wall, monotonic } = options;
  const silent = (): void => undefined;
  const task = createTask(options.expression, onDue, {
    suppressMissedWarning: true,
    logger: { info: silent, warn: silent, debug: silent, error: onTrouble },
  });
  // The moment has passed while the process was busy or stopped: late is better than not.
  task.on('execution:missed', onDue);
  let apart = wall() - monotonic();
  void task.start();

  return {
    check() {
      const now = wall() - monotonic();
      if (Math.abs(now - apart) > DRIFT_MS) {
        void task.stop();
        void task.start();
        onDue();
      }
      apart = now;
    },
    stop() {
      void task.destroy();
    },
  };
}
