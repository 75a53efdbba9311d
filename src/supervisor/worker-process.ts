import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Work } from '../model/work.ts';
import type { Settings } from '../settings/settings.ts';
import { cutShortAt, type Heartbeat } from '../status/heartbeat.ts';
import type { CommandIo } from '../system/io.ts';
import { spawnSelf } from '../system/spawn-self.ts';
import { retryAgain, waitMs, type BackOff, type Retry } from '../worker/back-off.ts';
import { fromWorkerSchema, type FromWorker, type Job, type ToWorker } from '../worker/messages.ts';
import { createHangDetector, PATIENCE, type HangDetector, type Patience } from './hang-detector.ts';
import { readProcessStats } from './process-stats.ts';

/** How a worker ended: it said that starting again would not help, or it just ended. */
export type WorkerEnd =
  | { readonly kind: 'done'; readonly problem: string | null; readonly exitCode: number }
  | { readonly kind: 'died'; readonly how: string };

/**
 * How far a worker is with the database.
 * - `found`: something may be written beside it
 * - `owner`: the worker holds the writer's lock
 * - `ready`: it is open
 */
export type Stage = 'found' | 'owner' | 'ready';

export interface WorkerProcessOptions {
  readonly settings: Settings;
  readonly job: Job;
  /** Of the supervisor's own process. */
  readonly io: Pick<CommandIo, 'env' | 'program' | 'stderr'>;
  /** Takes a line of the worker's log, without the line break. */
  readonly relay: (line: string) => void;
  /** How long a silent worker is waited for; by default `PATIENCE`. */
  readonly patience?: Patience;
  /** What the daemon before has said; null: nothing. */
  readonly before: Heartbeat | null;
  readonly onStage?: (stage: Stage) => void;
  /** The folders in the landing folder that are to be watched, too, as paths below it. */
  readonly onFolders?: (folders: readonly string[]) => void;
  readonly onWork: (work: Work) => void;
  readonly onEnd: (end: WorkerEnd) => void;
}

/** The supervisor's side of its worker: one process at a time. */
export interface WorkerProcess {
  readonly options: WorkerProcessOptions;
  readonly hangDetector: HangDetector;
  /** Null while there is none. */
  child: ChildProcess | null;
  life: Life;
  /** Whether the last one that had the database open has crashed, or was ended for a hang. */
  crashed: boolean;
  /** The last ones died, each soon after its start. */
  retry: Retry | null;
  /** Starts the next one. */
  timer: NodeJS.Timeout | null;
}

/** What is known of the process that runs, or ran last. */
interface Life {
  readonly startedAt: number;
  /** It can be spoken to. */
  born: boolean;
  /** It has had the database open. */
  ready: boolean;
  hung: boolean;
  done: WorkerEnd | null;
}

/** It collects garbage itself when it has nothing else to do; by V8's memory reducer it would wake every 8 s, for minutes after each file. */
const COLLECTS_ITSELF = ['--expose-gc', '--no-memory-reducer'];

/** Waits before it is started again. */
const BACK_OFF: BackOff = { firstMs: 250, capMs: 30_000 };

/** One that lived so long did not die of its start, in ms. */
const LONG_LIFE_MS = 60_000;

/** No process yet. */
export function createWorkerProcess(options: WorkerProcessOptions): WorkerProcess {
  return {
    options,
    hangDetector: createHangDetector(options.patience ?? PATIENCE, () => performance.now()),
    child: null,
    life: newLife(),
    crashed: false,
    retry: null,
    timer: null,
  };
}

function newLife(): Life {
  return { startedAt: performance.now(), born: false, ready: false, hung: false, done: null };
}

/** Starts it. What it says and how it ends is called back. */
export function startWorker(worker: WorkerProcess): void {
  const { options, hangDetector } = worker;
  hangDetector.begin();
  const life = newLife();
  worker.life = life;
  const child = spawnSelf(options.io.program, options.io.env, 'worker', COLLECTS_ITSELF);
  if (child === null) {
    setImmediate(options.onEnd, { kind: 'died', how: 'it could not be started' });
    return;
  }
  worker.child = child;
  child.on('message', (message) => {
    const read = fromWorkerSchema.safeParse(message);
    if (read.success) heed(worker, read.data);
  });
  if (child.stdout !== null) forEachLine(child.stdout, options.relay);
  child.stderr?.setEncoding('utf8').on('data', options.io.stderr.write);
  // 'close' comes after the last message, 'exit' may come before.
  child.once('close', (code, signal) => {
    // One that never had the database open leaves what the one before it left.
    if (life.ready) worker.crashed = life.hung || isCrash(signal);
    worker.child = null;
    options.onEnd(life.done ?? { kind: 'died', how: signal ?? `exit code ${code ?? 'unknown'}` });
  });
}

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

function heed(worker: WorkerProcess, message: FromWorker): void {
  const { options, hangDetector, life, crashed } = worker;
  const { job, settings, io } = options;
  switch (message.kind) {
    case 'born': {
      life.born = true;
      const before = { crashed, cutShortAt: cutShortAt(options.before) };
      sendToWorker(worker, { kind: 'start', job, settings, supervisorPid: io.program.pid, before });
      return;
    }
    case 'found':
    case 'owner':
    case 'ready':
      life.ready ||= message.kind === 'ready';
      options.onStage?.(message.kind);
      return;
    case 'folders':
      options.onFolders?.(message.folders);
      return;
    case 'work':
      hangDetector.told(message.work.doing);
      options.onWork(message.work);
      return;
    case 'done':
      life.done = message;
      return;
    case 'pong':
      hangDetector.answered();
      return;
  }
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

/** Starts it again, later each time that it does not live long. */
export function restartWorker(worker: WorkerProcess): void {
  const now = performance.now();
  worker.retry = retryAgain(now - worker.life.startedAt > LONG_LIFE_MS ? null : worker.retry, BACK_OFF, now);
  worker.timer = setTimeout(startWorker, waitMs(worker.retry, now), worker);
}

/** A message to a process that is not there is dropped. */
export function sendToWorker({ child }: WorkerProcess, message: ToWorker): void {
  if (child?.connected === true) child.send(message, () => undefined);
}

/** Has it commit the file in hand if that takes under so many ms, else give it up, and end; one that has not begun ends at once. */
export function stopWorker(worker: WorkerProcess, graceMs: number): void {
  if (worker.life.born) sendToWorker(worker, { kind: 'stop', graceMs });
  else worker.child?.kill('SIGKILL');
}

/** Ends it at once, or keeps it from being started again. */
export function killWorker({ timer, child }: WorkerProcess): void {
  if (timer !== null) clearTimeout(timer);
  child?.kill('SIGKILL');
}

/**
 * Asks for a sign of life, and ends it when it hangs. To be called every few seconds.
 * @returns for how long one that hangs has shown none, in ms; null: it does not, or there is none
 */
export function checkWorker(worker: WorkerProcess): number | null {
  const { child, hangDetector } = worker;
  if (child?.pid === undefined) return null;
  const { pid } = child;
  hangDetector.look(() => readProcessStats(pid));
  sendToWorker(worker, { kind: 'ping' });
  if (hangDetector.isWell()) return null;
  worker.life.hung = true;
  child.kill('SIGKILL');
  return hangDetector.silentMs();
}

/** Whether it goes on, as of the last check. */
export function isWorkerWell({ child, hangDetector }: WorkerProcess): boolean {
  return child === null || hangDetector.isWell();
}

/** Null while there is none. */
export function workerPid({ child }: WorkerProcess): number | null {
  return child?.pid ?? null;
}
