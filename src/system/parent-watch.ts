import { Worker } from 'node:worker_threads';

/**
 * Has this process end when its parent has gone, whatever its main thread is doing: the parent must have given it a pipe as standard
 * input. The thread that waits for its end sleeps until then.
 */
export function watchParent(): void {
  const thread = new Worker(new URL('./parent-watch-thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  thread.unref();
}
