import type { ListedFile } from '../ingest/types.ts';
import { sameStat } from '../landing/settle.ts';
import type { FileStat } from '../store/types.ts';
import { backOff, sooner } from './back-off.ts';

/**
 * Why a file could not be taken though the database is well.
 * - `moved`: it changed while it was read
 * - `unreadable`: the system does not let it be read
 * - `unexpected`: the program failed on it; the ledger counts, and quarantines it after three times
 */
export type FailureKind = 'moved' | 'unreadable' | 'unexpected';

interface Failure {
  readonly kind: FailureKind;
  readonly stat: FileStat;
  readonly failures: number;
  /** Monotonic ms. */
  readonly notBefore: number;
}

/** Waits before a file that failed is tried again, in ms. */
const WAITS: Readonly<Record<FailureKind, { first: number; cap: number }>> = {
  moved: { first: 100, cap: 5_000 },
  unreadable: { first: 1_000, cap: 60_000 },
  unexpected: { first: 1_000, cap: 60_000 },
};

/** Remembers which files failed, so that one file's fault holds up only that file (P7). */
export interface Tries {
  failed(file: ListedFile, kind: FailureKind, monotonic: number): void;
  /** The file was taken, refused or has gone. */
  forget(name: string): void;
  /** Divides files into those to be tried now and those that wait. */
  divide(files: readonly ListedFile[], monotonic: number): TriesNow;
  /** The names that failed and are still to be tried. */
  names(): string[];
  count(kind: FailureKind): number;
}

export interface TriesNow {
  readonly ready: readonly ListedFile[];
  /** When the first of the others may be tried, in ms from now. */
  readonly nextTryMs: number | null;
}

export function createTries(): Tries {
  const failures = new Map<string, Failure>();

  return {
    failed(file, kind, monotonic) {
      const before = failures.get(file.name);
      const count = before?.kind === kind ? before.failures + 1 : 1;
      const { first, cap } = WAITS[kind];
      const notBefore = monotonic + backOff(count, first, cap);
      failures.set(file.name, { kind, stat: file.stat, failures: count, notBefore });
    },
    forget(name) {
      failures.delete(name);
    },
    divide(files, monotonic) {
      const ready: ListedFile[] = [];
      let nextTryMs: number | null = null;
      for (const file of files) {
        const failure = failures.get(file.name);
        if (failure === undefined || failure.notBefore <= monotonic || isMended(failure, file.stat)) ready.push(file);
        else nextTryMs = sooner(nextTryMs, failure.notBefore - monotonic);
      }
      return { ready, nextTryMs };
    },
    names: () => [...failures.keys()],
    count: (kind) => [...failures.values()].filter((failure) => failure.kind === kind).length,
  };
}

/** A change of mode or owner shows in ctime. A file that is being written changes all the time: that mends nothing. */
function isMended(failure: Failure, stat: FileStat): boolean {
  return failure.kind !== 'moved' && !sameStat(failure.stat, stat);
}
