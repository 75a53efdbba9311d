/* eslint-disable no-restricted-globals -- the entry of a thread, as main.ts is the entry of the process: nobody could hand it the process. */
import { Socket } from 'node:net';

// Ends its process once the parent has gone. A running SQLite statement cannot be interrupted, and the main thread hears
// nothing while it runs; a worker without its supervisor must not go on writing for minutes. Killing it is safe (P2).

/** Standard input: a pipe whose other end the parent alone holds, and never writes to. The system closes it when the parent ends. */
const FROM_PARENT = 0;

/** The main thread hears of the same, and may have ended by itself until then, in ms. */
const GRACE_MS = 500;

const parent = new Socket({ fd: FROM_PARENT, readable: true, writable: false });
// However it ends, `close` follows.
parent.on('error', () => undefined);
parent.once('close', () => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS);
});
parent.resume();
