import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { FileMoved, FileRefused } from '../errors.ts';
import { type Run, parse } from './parse.ts';
import { walkFile } from './source.ts';
import type { FromThread, Job, ToThread } from './parser.ts';

/**
 * The thread that parses large files while the main one merges what it has parsed. It is given a job and as many credits as it may
 * be batches ahead; each batch taken gives one back.
 */
const port = parentPort;
if (port === null) throw new Error('this module is started as a worker thread');

const toJsonb = new Database(':memory:').prepare<[string], Uint8Array>('SELECT jsonb(?)').pluck();
const waiting: { job: number; credits: number; wake: () => void } = { job: 0, credits: 0, wake: () => undefined };

port.on('message', (message: ToThread) => {
  if (message.kind === 'credit') {
    if (message.job === waiting.job) waiting.credits++;
  } else {
    // A new job ends the one before it; job 0 only ends it.
    waiting.job = message.job;
    waiting.credits = message.credits;
    if (message.kind === 'parse') void run(message);
  }
  waiting.wake();
});

/** JSONB in memory of its own, which can be handed over instead of copied. */
function toBinary(run: Run): { rows: Uint8Array<ArrayBuffer>; places: Float64Array<ArrayBuffer> } {
  const jsonb = typeof run.rows === 'string' ? toJsonb.get(run.rows) : run.rows;
  return { rows: new Uint8Array(jsonb ?? []), places: new Float64Array(run.places) };
}

async function run(job: Job): Promise<void> {
  const send = (message: FromThread, transfer: ArrayBuffer[] = []) => {
    port?.postMessage(message, transfer);
  };
  try {
    const walk = walkFile(job.handle, job.bytes);
    const batches = parse(walk.chunks, job.options);
    for (;;) {
      const next = batches.next();
      if (waiting.job !== job.job) return;
      if (next.done === true) {
        send({ kind: 'end', job: job.job, end: next.value, sha256: walk.digest() });
        return;
      }
      const runs = next.value.runs.map((one) => toBinary(one));
      send(
        { kind: 'batch', job: job.job, batch: { ...next.value, runs } },
        runs.flatMap((one) => [one.rows.buffer, one.places.buffer]),
      );
      waiting.credits--;
      while (waiting.credits <= 0 && waiting.job === job.job) await new Promise<void>((wake) => (waiting.wake = wake));
      if (waiting.job !== job.job) return;
    }
  } catch (error) {
    if (error instanceof FileRefused) send({ kind: 'refused', job: job.job, code: error.code, reason: error.message });
    else if (error instanceof FileMoved) send({ kind: 'moved', job: job.job, reason: error.message });
    else send({ kind: 'failed', job: job.job, error });
  }
}
