import { sameStat } from '../landing/file-stat.ts';
import type { ListedFile } from '../model/listed-file.ts';
import type { FileStat } from '../model/ledger.ts';
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
  /** Those of the files that are not to wait. */
  ready(files: readonly ListedFile[], monotonic: number): ListedFile[];
  /** When the first of the files that failed may be tried again, in ms from now; null: none of them failed. */
  nextTryMs(files: readonly ListedFile[], monotonic: number): number | null;
  /** The names that failed and are still to be tried. */
  names(): string[];
  count(kind: FailureKind): number;
}

/** No file has failed yet. */
export function createTries(): Tries {
  const failures = new Map<string, Failure>();

  function waitMs(file: ListedFile, monotonic: number): number {
    const failure = failures.get(file.name);
    if (failure === undefined || isMended(failure, file.stat)) return 0;
    return Math.max(0, failure.notBefore - monotonic);
  }

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
    ready: (files, monotonic) => files.filter((file) => waitMs(file, monotonic) <= 0),
    nextTryMs: (files, monotonic) =>
      files
        .filter((file) => failures.has(file.name))
        .reduce<number | null>((next, file) => sooner(next, waitMs(file, monotonic)), null),
    names: () => [...failures.keys()],
    count: (kind) => [...failures.values()].filter((failure) => failure.kind === kind).length,
  };
}

/** A change of mode or owner shows in ctime. A file that is being written changes all the time: that mends nothing. */
function isMended(failure: Failure, stat: FileStat): boolean {
  return failure.kind !== 'moved' && !sameStat(failure.stat, stat);
}
