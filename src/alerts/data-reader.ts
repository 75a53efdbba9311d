import { Worker } from 'node:worker_threads';
import type { Known } from './alerter.ts';
import type { DataSettings } from './data-conditions.ts';

/** Asks the database in a thread of its own. */
export interface DataReader {
  /** What is known of the data; nothing, where the thread has no answer in time or has died: it is started again. */
  readonly read: (now: Date) => Promise<Known>;
  readonly close: () => void;
}

/** The database of 100,000 files answers within a second; a dead mount never. In ms. */
const ANSWER_WITHIN_MS = 60_000;

const UNKNOWN: Known = { conditions: [], isComplete: false };

/** The thread is started with the first question. One is asked after the other. */
export function createDataReader({ db, feed, env, alertRejected }: DataSettings): DataReader {
  let thread: Worker | null = null;
  let answer: (known: Known) => void = () => undefined;

  function start(): Worker {
    const workerData: DataSettings = { db, feed, env, alertRejected };
    const started = new Worker(new URL('./data-thread.ts', import.meta.url), { workerData });
    // What it dies of the worker process meets as well, and tells.
    const gone = (): void => {
      if (thread === started) end();
    };
    started.on('message', (known: Known) => {
      answer(known);
    });
    started.on('error', gone);
    started.on('exit', gone);
    return started;
  }

  function end(): void {
    void thread?.terminate();
    thread = null;
    answer(UNKNOWN);
  }

  return {
    async read(now) {
      const { promise, resolve } = Promise.withResolvers<Known>();
      answer = resolve;
      thread ??= start();
      const timer = setTimeout(end, ANSWER_WITHIN_MS);
      thread.postMessage(now.toISOString());
      const known = await promise;
      clearTimeout(timer);
      return known;
    },
    close: end,
  };
}
