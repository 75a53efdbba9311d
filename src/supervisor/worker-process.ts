import { spawn, type ChildProcess } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import type { Readable } from 'node:stream';
import type { Settings } from '../settings/settings.ts';
import { readActivity } from './activity.ts';
import type { Work } from '../model/work.ts';
import { retryAgain, waitMs, type BackOff, type Retry } from '../worker/back-off.ts';
import type { Patience } from '../status/health.ts';
import { fromWorkerSchema, type Job, type ToWorker } from '../worker/messages.ts';
import { createVigil } from './vigil.ts';

/** How the loading process ended: it said that starting again would not help, or it just ended. */
export type LoaderEnd =
  | { readonly kind: 'done'; readonly problem: string | null; readonly exitCode: number }
  | { readonly kind: 'died'; readonly how: string };

export interface LoaderOptions {
  readonly settings: Settings;
  readonly job: Job;
  /** What starts this program: node, its arguments, main.ts. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly supervisorPid: number;
  /** When an earlier daemon stopped by killing its loader, ISO 8601, UTC; null: it did not. */
  readonly cutShortAt: string | null;
  /** Something may be written beside the database. */
  readonly onFound: () => void;
  /** It holds the writer's lock. */
  readonly onOwner: () => void;
  readonly onReady: () => void;
  readonly onWork: (work: Work) => void;
  /** A line of its log, without the line break. */
  readonly onLogLine: (line: string) => void;
  /** What it, or Node, writes to standard error. */
  readonly onErrorText: (text: string) => void;
  readonly onEnd: (end: LoaderEnd) => void;
  readonly patience: Patience;
}

/** The keeper's side of the loading process. */
export interface LoaderHandle {
  start(): void;
  /** Starts it again, later each time that it does not live long. */
  startAgain(): void;
  /** A message to a process that is not there is dropped. */
  send(message: ToWorker): void;
  /** Has it commit the file in hand if that takes under so many ms, else give it up, and end; one that has not begun ends at once. */
  stop(graceMs: number): void;
  /** Ends it at once, or keeps it from being started again. */
  kill(): void;
  /** Null while there is none. */
  pid(): number | null;
  /**
   * To be called every `BEAT_MS`: asks for a sign of life, and ends it when it hangs.
   * @returns for how long one that hangs has shown none, in ms; null: it does not, or there is none
   */
  check(): number | null;
  /** Whether it goes on, as of the last check. */
  isWell(): boolean;
}

/**
 * V8's space for young objects, in MB: with the 16 that are usual, listing 100,000 files takes 55 MB more, and loading rows
 * is no faster.
 */
const SMALL_NURSERY = '--max-semi-space-size=4';

/** Lets it collect garbage when it has nothing else to do. */
const MAY_COLLECT = '--expose-gc';

/** Waits before it is started again. */
const BACK_OFF: BackOff = { firstMs: 250, capMs: 30_000 };

/** One that lived so long did not die of its start, in ms. */
const LONG_LIFE_MS = 60_000;

/** Calls back for each line of a text; only LF ends one, since a file's name may hold other line breaks. */
function forEachLine(stream: Readable, onLine: (line: string) => void): void {
  let begun = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (begun + text).split('\n');
    begun = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  stream.on('end', () => {
    if (begun !== '') onLine(begun);
  });
}

/** Signals that a process brings upon itself (signal(7)): V8 ends with them, too, when its heap is full. */
const OF_ITS_OWN = new Set<NodeJS.Signals>(['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP']);

/**
 * Whether a process that ended unasked has crashed by itself: by such a signal, or by an exit code, as after an exception that
 * nobody caught. All other signals come from outside. So does SIGKILL: the system sends it when memory runs out, to whichever
 * process is the largest, which says little of the file in hand; a heap that grows too large ends with SIGABRT before.
 */
function isCrash(signal: NodeJS.Signals | null): boolean {
  return signal === null || OF_ITS_OWN.has(signal);
}

/** A handle with no process yet. */
export function createLoaderHandle(options: LoaderOptions): LoaderHandle {
  const { settings, job, supervisorPid, cutShortAt } = options;
  const [node, ...args] = options.command;
  let child: ChildProcess | null = null;
  /** Whether the last one that had the database open has crashed, or was ended for a hang. */
  let crashed = false;
  let retry: Retry | null = null;
  let startedAt = 0;
  const vigil = createVigil(options.patience, () => performance.now());
  let hangs = false;
  let born = false;
  let again: NodeJS.Timeout | null = null;

  function start(): void {
    startedAt = performance.now();
    vigil.begin();
    let done: LoaderEnd | null = null;
    hangs = false;
    born = false;
    let ready = false;
    const cache = getCompileCacheDir();
    const started = spawn(node, [SMALL_NURSERY, MAY_COLLECT, ...args, 'worker'], {
      // Not inherited: a process that is spawned or ends switches an output that it shares back to blocking.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...options.env, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
    });
    child = started;
    started.on('message', (message) => {
      const read = fromWorkerSchema.safeParse(message);
      if (!read.success) return;
      switch (read.data.kind) {
        case 'born':
          born = true;
          send({ kind: 'start', job, settings, supervisorPid, before: { crashed, cutShortAt } });
          return;
        case 'found':
          options.onFound();
          return;
        case 'owner':
          options.onOwner();
          return;
        case 'ready':
          ready = true;
          options.onReady();
          return;
        case 'work':
          vigil.told(read.data.work.doing);
          options.onWork(read.data.work);
          return;
        case 'done':
          done = read.data;
          return;
        case 'pong':
          vigil.answered();
          return;
      }
    });
    if (started.stdout !== null) forEachLine(started.stdout, options.onLogLine);
    started.stderr?.setEncoding('utf8').on('data', options.onErrorText);
    started.once('error', () => {
      // It could not be started at all; there is no 'close' then.
      if (started.pid === undefined) end({ kind: 'died', how: 'it could not be started' });
    });
    // 'close' comes after the last message, 'exit' may come before.
    started.once('close', (code, signal) => {
      // One that never had the database open leaves what the one before it left.
      if (ready) crashed = hangs || isCrash(signal);
      end(done ?? { kind: 'died', how: signal ?? `exit code ${code ?? 'unknown'}` });
    });
  }

  function end(how: LoaderEnd): void {
    child = null;
    options.onEnd(how);
  }

  function send(message: ToWorker): void {
    if (child?.connected === true) child.send(message, () => undefined);
  }

  return {
    start,
    startAgain() {
      const now = performance.now();
      retry = retryAgain(now - startedAt > LONG_LIFE_MS ? null : retry, BACK_OFF, now);
      again = setTimeout(start, waitMs(retry, now));
    },
    send,
    stop(graceMs) {
      if (born) send({ kind: 'stop', graceMs });
      else child?.kill('SIGKILL');
    },
    kill() {
      if (again !== null) clearTimeout(again);
      child?.kill('SIGKILL');
    },
    check() {
      if (child?.pid === undefined) return null;
      vigil.look(readActivity(child.pid));
      send({ kind: 'ping' });
      if (vigil.isWell()) return null;
      hangs = true;
      child.kill('SIGKILL');
      return vigil.silentMs();
    },
    isWell: () => child === null || vigil.isWell(),
    pid: () => child?.pid ?? null,
  };
}
