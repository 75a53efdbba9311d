/* eslint-disable no-restricted-globals -- the entry of a thread, as main.ts is the entry of the process: nobody could hand it the process. */
import { workerData } from 'node:worker_threads';

// Ends its process once the parent has gone. A running SQLite statement cannot be interrupted, and the main thread hears
// nothing while it runs; a worker without its supervisor must not go on writing for minutes. Killing it is safe (P2).

/** How often to look, in ms. */
const LOOK_MS = 1_000;

const parent: unknown = workerData;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
