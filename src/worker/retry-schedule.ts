import { sameStat } from '../landing/file-stat.ts';
import type { ListedFile } from '../model/listed-file.ts';
import type { FileStat } from '../model/ledger.ts';
import { retryAgain, sooner, waitMs, type BackOff, type Retry } from './back-off.ts';

/**
 * Why a file could not be taken though the database is well.
 * - `changed`: it changed while it was read
 * - `claimed`: another daemon has it in hand
 * - `unreadable`: the system does not let it be read
 * - `archive`: no copy of it can be made
 * - `unexpected`: the program failed on it; the ledger counts, and quarantines it after three times
 */
export type FailureKind = 'changed' | 'claimed' | 'unreadable' | 'archive' | 'unexpected';

interface Failure extends Retry {
  readonly kind: FailureKind;
  readonly stat: FileStat;
}

const BACK_OFF: Readonly<Record<FailureKind, BackOff>> = {
  changed: { firstMs: 100, capMs: 5_000 },
  // One that dies lets go at once.
  claimed: { firstMs: 250, capMs: 2_000 },
  unreadable: { firstMs: 1_000, capMs: 60_000 },
  archive: { firstMs: 1_000, capMs: 60_000 },
  unexpected: { firstMs: 1_000, capMs: 60_000 },
};

/** Remembers which files failed, so that one file's fault holds up only that file (P7). All times are monotonic, in ms. */
export interface RetrySchedule {
  failed(file: ListedFile, kind: FailureKind, now: number): void;
  /** The file was taken, refused or has gone. */
  forget(name: string): void;
  /** Those of the files that are not to wait. */
  ready(files: readonly ListedFile[], now: number): ListedFile[];
  /** When the first of the files that failed may be tried again, in ms from now; null: none of them failed. */
  nextTryMs(files: readonly ListedFile[], now: number): number | null;
  /** The names that failed and are still to be tried. */
  names(): string[];
  count(kind: FailureKind): number;
}

/** No file has failed yet. */
export function createRetrySchedule(): RetrySchedule {
  const failures = new Map<string, Failure>();

  const waitOf = (file: ListedFile, now: number): number => {
    const failure = failures.get(file.name);
    return failure !== undefined && isMended(failure, file.stat) ? 0 : waitMs(failure, now);
  };

  return {
    failed(file, kind, now) {
      const before = failures.get(file.name);
      const retry = retryAgain(before?.kind === kind ? before : null, BACK_OFF[kind], now);
      failures.set(file.name, { ...retry, kind, stat: file.stat });
    },
    forget: (name) => void failures.delete(name),
    ready: (files, now) => files.filter((file) => waitOf(file, now) === 0),
    nextTryMs: (files, now) =>
      files
        .filter((file) => failures.has(file.name))
        .reduce<number | null>((next, file) => sooner(next, waitOf(file, now)), null),
    names: () => [...failures.keys()],
    count: (kind) => [...failures.values()].filter((failure) => failure.kind === kind).length,
  };
}

/** A change of mode or owner shows in ctime. A file that is being written changes all the time: that mends nothing. */
function isMended(failure: Failure, stat: FileStat): boolean {
  return failure.kind !== 'changed' && failure.kind !== 'claimed' && !sameStat(failure.stat, stat);
}
