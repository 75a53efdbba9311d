import { getCompileCacheDir } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { FileChanged, FileRefused } from '../model/errors.ts';
import { type ParseEnd, type ParseOptions, type ParsedBatch, parse } from './parse.ts';
import { type FromThread, type ToThread, buffersOf } from './parser-messages.ts';
import type { Source } from './source.ts';

/** Files from this size on are parsed beside the merging; below it, starting would cost more than it brings. */
const THREAD_FROM_BYTES = 4 * 1024 * 1024;

/** How many batches there may be, the one in hand included: enough to bridge uneven ones, few enough to bound memory. */
const BATCHES_AHEAD = 3;

/** A file parsed to its end: what it is, and the SHA-256 (hex) of the bytes that were parsed. */
export interface ParsedFile {
  readonly end: ParseEnd;
  readonly sha256: string;
}

/**
 * Parses an open file batch by batch: in this thread, or for a large file in the parsing thread, which is kept for the next one.
 * @throws FileRefused, FileChanged, or whatever reading raises
 */
export async function* parseFile(
  source: Source,
  bytes: number,
  options: ParseOptions,
): AsyncGenerator<ParsedBatch, ParsedFile> {
  if (needsThread(bytes)) return yield* parseInThread(source, bytes, options);
  const walk = source.walkText();
  const end = yield* parse(walk.chunks, options);
  return { end, sha256: walk.digest() };
}

let thread: Worker | null = null;
let jobs = 0;

/** Starts the parsing thread before a large file needs it: it takes some 50 ms to load. */
export function readyParser(): void {
  thread ??= startThread();
}

/** Whether a file of so many bytes is parsed in the thread. */
export function needsThread(bytes: number): boolean {
  return bytes >= THREAD_FROM_BYTES;
}

async function* parseInThread(
  source: Source,
  bytes: number,
  options: ParseOptions,
): AsyncGenerator<ParsedBatch, ParsedFile> {
  const worker = (thread ??= startThread());
  const job = ++jobs;
  const inbox: FromThread[] = [];
  let wake: () => void = () => undefined;
  const onMessage = (message: FromThread) => {
    if (message.job !== job) return;
    inbox.push(message);
    wake();
  };
  const onError = (error: unknown) => {
    onMessage({ kind: 'failed', job, error });
  };
  const onExit = () => {
    onError(new Error('the parsing thread ended'));
  };
  worker.on('message', onMessage);
  worker.on('error', onError);
  worker.on('exit', onExit);
  const send = (message: ToThread, transfer: ArrayBuffer[] = []) => {
    worker.postMessage(message, transfer);
  };
  worker.ref();
  try {
    send({ kind: 'parse', job, credits: BATCHES_AHEAD, handle: source.handle, bytes, options });
    for (;;) {
      const message = inbox.shift();
      if (message === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      switch (message.kind) {
        case 'batch': {
          const { batch } = message;
          yield batch;
          // Left to the collector, tens of megabytes would pile up: this thread makes so little garbage that it hardly runs.
          const spare = buffersOf(batch);
          send({ kind: 'credit', job, spare }, spare);
          break;
        }
        case 'end':
          return message;
        case 'refused':
          throw new FileRefused(message.code, message.reason);
        case 'changed':
          throw new FileChanged(message.reason);
        case 'failed':
          throw message.system === undefined ? message.error : Object.assign(new Error(), message.system);
      }
    }
  } finally {
    // An ingest that ends early leaves the thread in the middle of the file.
    send({ kind: 'drop' });
    worker.off('message', onMessage);
    worker.off('error', onError);
    worker.off('exit', onExit);
    worker.unref();
  }
}

/** A thread that died is not used again. It does not keep the process alive but while it parses. */
function startThread(): Worker {
  // Where what the first rows make happens to live long, V8 would put all that later ones make among its old objects: by chance, two to three
  // times as many full collections.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // A thread does not inherit it; without it, it starts twice as long.
  const cache = getCompileCacheDir();
  const worker = new Worker(new URL('./parser-thread.ts', import.meta.url), {
    ...(cache === undefined ? {} : { env: { NODE_COMPILE_CACHE: cache } }),
    resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 96 },
  });
  const forget = () => {
    if (thread === worker) thread = null;
  };
  worker.on('error', forget);
  worker.once('exit', forget);
  worker.unref();
  return worker;
}
