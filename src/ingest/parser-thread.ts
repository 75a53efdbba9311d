import { parentPort } from 'node:worker_threads';
import { FileChanged, FileRefused } from '../model/errors.ts';
import { systemCode } from '../system/system-error.ts';
import { parse } from './parse.ts';
import { type FromThread, type Job, type SystemError, type ToThread, buffersOf } from './parser-messages.ts';
import { walkFile } from './source.ts';

/**
 * The thread that parses large files while the main one merges what it has parsed. It is given a job and as many credits as it may
 * be batches ahead; each batch taken gives one back.
 */
const port = parentPort;
if (port === null) throw new Error('this module is started as a worker thread');

/** The job in hand, and how it is woken where it waits for a credit. */
const current: { job: number; credits: number; wake: () => void } = { job: 0, credits: 0, wake: () => undefined };

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'credit':
      spares.push(...message.spare);
      if (message.job === current.job) current.credits++;
      break;
    case 'parse':
      // It ends the job before it.
      current.job = message.job;
      current.credits = message.credits;
      void parseJob(message);
      break;
    case 'drop':
      current.job = 0;
      break;
  }
  current.wake();
});

/** Memory of batches that were merged. */
const spares: ArrayBuffer[] = [];

/** More of them than are in use at a time only take up room. */
const MOST_SPARES = 8;

function allocate(bytes: number): ArrayBuffer {
  const fitting = spares.findIndex((spare) => spare.byteLength >= bytes && spare.byteLength <= bytes * 4);
  const [spare] = fitting === -1 ? [] : spares.splice(fitting, 1);
  spares.splice(0, spares.length - MOST_SPARES);
  // Somewhat larger than need be: the next batch is hardly ever of the same size.
  return spare ?? new ArrayBuffer(Math.ceil(bytes * 1.25));
}

/** What an error of the system would lose on its way to the other thread: there it must still be a fault of the file (P7). */
function systemPart(error: unknown): { system?: SystemError } {
  const code = systemCode(error);
  return code === null ? {} : { system: { code, syscall: 'read' } };
}

async function parseJob(job: Job): Promise<void> {
  const send = (message: FromThread, transfer: ArrayBuffer[] = []) => {
    port?.postMessage(message, transfer);
  };
  try {
    const walk = walkFile(job.handle, job.bytes);
    const batches = parse(walk.chunks, job.options, allocate);
    for (;;) {
      const next = batches.next();
      if (current.job !== job.job) return;
      if (next.done === true) {
        send({ kind: 'end', job: job.job, end: next.value, sha256: walk.digest() });
        return;
      }
      send({ kind: 'batch', job: job.job, batch: next.value }, buffersOf(next.value));
      current.credits--;
      while (current.credits <= 0 && current.job === job.job) await new Promise<void>((wake) => (current.wake = wake));
      if (current.job !== job.job) return;
    }
  } catch (error) {
    if (error instanceof FileRefused) send({ kind: 'refused', job: job.job, code: error.code, reason: error.message });
    else if (error instanceof FileChanged) send({ kind: 'changed', job: job.job, reason: error.message });
    else send({ kind: 'failed', job: job.job, error, ...systemPart(error) });
  }
}
