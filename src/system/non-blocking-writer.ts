import fs from 'node:fs';
import { isatty } from 'node:tty';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from './system-error.ts';

/** Writes to a terminal, a pipe, a socket or a file, and never waits for it. */
export interface NonBlockingWriter {
  /** Writes as much as is taken at once, and keeps the rest for later. */
  readonly write: (text: string) => void;
  /** Whether something is kept for later. */
  readonly isBehind: () => boolean;
  /**
   * @param tell called when output is taken again after some was dropped, with the number of lines. What it writes comes
   * where they would have stood.
   */
  readonly onDropped: (tell: (lines: number) => void) => void;
  /**
   * Waits until all is written. Gives up when the reader has gone, or has taken nothing for `patienceMs`.
   * @param hurry aborted: gives up after `patienceMs` in any case
   */
  readonly drain: (patienceMs: number, hurry: AbortSignal) => Promise<void>;
}

/** So much is kept for an output that takes nothing, in bytes; then the oldest is dropped. */
const KEEP_BYTES = 256 * 1024;

/** Waits before a stalled output is tried again, in ms: twice as long each time that it takes nothing. */
const RETRY_FIRST_MS = 5;
const RETRY_CAP_MS = 250;

/** Its reader has closed the pipe, or its terminal was closed. */
const GONE = new Set<string | null>(['EPIPE', 'EIO']);

/**
 * Makes a writer that a stalled reader (a terminal after Ctrl-S, a frozen ssh, a stopped pager) or a full disk cannot hold up.
 * @param descriptor an open file. A pipe or socket that cannot be opened anew must be in non-blocking mode: Node's stream for
 *   it, once made, sees to that.
 * @param keepBytes so much is kept for it
 */
export function createNonBlockingWriter(descriptor: number, keepBytes = KEEP_BYTES): NonBlockingWriter {
  const target = openNonBlocking(descriptor);
  const backlog = createBacklog(keepBytes);
  let tell: (lines: number) => void = () => undefined;
  let flushing = false;
  let isGone = false;
  let retryMs = RETRY_FIRST_MS;
  let takenAt = -Infinity;
  let timer: NodeJS.Timeout | null = null;

  function write(text: string): void {
    if (text === '') return;
    backlog.add(Buffer.from(text));
    if (flushing) return;
    flush();
    backlog.dropOldest();
  }

  function flush(): void {
    flushing = true;
    for (let head = backlog.head(); head !== undefined; head = backlog.head()) {
      const taken = tryWrite(head);
      if (taken === 0) break;
      const isWhole = taken === head.length;
      backlog.take(taken);
      if (isWhole) backlog.tellDropped(tell);
    }
    flushing = false;
    if (!backlog.isEmpty()) retryLater();
  }

  /** @returns how many bytes were taken */
  function tryWrite(data: Buffer): number {
    try {
      const taken = fs.writeSync(target, data);
      takenAt = performance.now();
      retryMs = RETRY_FIRST_MS;
      isGone = false;
      return taken;
    } catch (error) {
      isGone = GONE.has(systemCode(error));
      return 0;
    }
  }

  function retryLater(): void {
    if (timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      flush();
    }, retryMs).unref();
    retryMs = Math.min(retryMs * 2, RETRY_CAP_MS);
  }

  return {
    write,
    isBehind: () => !backlog.isEmpty(),
    onDropped(listener) {
      tell = listener;
    },
    async drain(patienceMs, hurry) {
      const begun = performance.now();
      const waitedMs = (): number => performance.now() - (hurry.aborted ? begun : Math.max(begun, takenAt));
      while (!backlog.isEmpty() && !isGone && waitedMs() < patienceMs) {
        await sleep(RETRY_FIRST_MS);
        flush();
      }
    },
  };
}

/** What was written and not taken yet. */
interface Backlog {
  add(data: Buffer): void;
  isEmpty(): boolean;
  /** What is to be written next. */
  head(): Buffer | undefined;
  /** So many bytes of the head were taken: all of it, or less. */
  take(bytes: number): void;
  /** Leaves out what is too much. */
  dropOldest(): void;
  /** Calls `tell` with the lines left out since the last time, if any: what that adds comes where they would have stood. */
  tellDropped(tell: (lines: number) => void): void;
}

function createBacklog(keepBytes: number): Backlog {
  let kept: Buffer[] = [];
  let bytes = 0;
  let dropped = 0;
  return {
    add(data) {
      kept.push(data);
      bytes += data.length;
    },
    isEmpty: () => kept.length === 0,
    head: () => kept[0],
    take(taken) {
      const head = kept.shift();
      bytes -= taken;
      if (head !== undefined && taken < head.length) kept.unshift(head.subarray(taken));
    },
    // The first may be written in part. What comes last is worth most: it says how things stand and what has come out.
    dropOldest() {
      for (let next = kept[1]; next !== undefined && bytes > keepBytes; next = kept[1]) {
        kept.splice(1, 1);
        bytes -= next.length;
        dropped += next.filter((byte) => byte === NEWLINE).length;
      }
    },
    tellDropped(tell) {
      if (dropped === 0) return;
      const lines = dropped;
      dropped = 0;
      const rest = kept;
      kept = [];
      tell(lines);
      kept = [...kept, ...rest];
    },
  };
}

const NEWLINE = 0x0a;

/**
 * The same output in non-blocking mode. The mode belongs to the opened file, which the shell and others share: so it is opened
 * anew. A terminal of another user cannot be (after su), but /dev/tty is the same one; a foreign terminal that is not that of the
 * session either is waited for. A file has no such mode, a socket cannot be opened.
 */
function openNonBlocking(descriptor: number): number {
  const isTerminal = isatty(descriptor);
  if (!isTerminal && !fs.fstatSync(descriptor).isFIFO()) return descriptor;
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;
  for (const path of [`/proc/self/fd/${descriptor}`, ...(isTerminal ? ['/dev/tty'] : [])]) {
    try {
      return fs.openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch {
      // The next way, or none.
    }
  }
  return descriptor;
}
