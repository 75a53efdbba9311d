import { Worker } from 'node:worker_threads';

/**
 * Has this process end when its parent has gone, whatever its main thread is doing.
 * @param parentPid who that is
 */
export function watchParent(parentPid: number): void {
  const thread = new Worker(new URL('./parent-watch-thread.ts', import.meta.url), {
    workerData: parentPid,
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  thread.unref();
}
