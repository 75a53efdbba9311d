import type { Keeping } from './archive.ts';
import type { FileCode, RejectCode } from './codes.ts';
import type { RowCounts } from './ledger.ts';
import type { ProtectionKey } from './protection-key.ts';
import type { Warnings } from './warnings.ts';

/** How far an ingest is; called between batches. */
export interface IngestProgress {
  readonly name: string;
  readonly rows: number;
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly phase: 'hashing' | 'reading' | 'checking' | 'healing';
}

/** One reject code of a file: how many rows and the first few line numbers. */
export interface RejectSummary {
  readonly code: RejectCode;
  readonly rows: number;
  readonly firstLines: readonly number[];
}

/** A file that was committed. */
export interface IngestedFile {
  readonly kind: 'ingested';
  readonly fileId: number;
  readonly revision: number;
  /** Whether a newer file of its dataset was in before it. */
  readonly late: boolean;
  /** Whether it was read again on request, with the bytes of the revision before. */
  readonly retried: boolean;
  readonly counts: RowCounts;
  readonly rejects: readonly RejectSummary[];
  /** Rows of earlier files that this file's commit admitted. */
  readonly healed: number;
  /** Rows of earlier files that a constraint refused when this file brought their parent. */
  readonly refusedWaiting: number;
  /** Header cells that no column takes: by name, or by place where they may be values (P8). */
  readonly extra: readonly string[];
  /** Those that the dataset's last file did not have. */
  readonly newExtra: readonly string[];
  /** What of the dialect differs from the dataset's last file, e.g. `delimiter`; else empty. */
  readonly drift: readonly string[];
  readonly warnings: Warnings;
  /** Wall time in ms. */
  readonly ms: number;
}

/**
 * What became of one file.
 * - `ingested`: committed.
 * - `quarantined`: refused; nothing of it is loaded, the ledger says why.
 * - `unchanged`: the same bytes as its latest revision; nothing to do.
 * - `changed`: not as it was listed (grew, was replaced, vanished): rolled back, to be waited for again.
 * - `given_up`: told to stop in the middle: rolled back.
 * - `claimed`: another daemon has a file of this name in hand.
 * - `taken`: another daemon has taken it, as it lies there.
 */
export type IngestOutcome =
  | IngestedFile
  | {
      readonly kind: 'quarantined';
      readonly fileId: number;
      readonly revision: number;
      readonly code: FileCode;
      readonly reason: string;
      readonly rejects: readonly RejectSummary[];
      readonly ms: number;
    }
  | {
      readonly kind: 'unchanged';
      /** Of the latest revision. */
      readonly fileId: number;
    }
  | { readonly kind: 'changed'; readonly reason: string }
  | { readonly kind: 'given_up' }
  | { readonly kind: 'claimed' }
  | {
      readonly kind: 'taken';
      /** Of the latest revision. */
      readonly fileId: number;
      readonly state: 'ingested' | 'quarantined';
      readonly archivedTo: string | null;
    };

export interface IngestOptions {
  /** A retry: a new revision, even where the bytes are those of the latest one. */
  readonly afresh: boolean;
  /** Default: they are not kept. */
  readonly keeping?: Keeping;
  /** Aborted to give up at the next batch. */
  readonly stop: AbortSignal;
  readonly onProgress: (progress: IngestProgress) => void;
  readonly now: () => Date;
  /** What protects patient data; null or absent: nothing of the feed is protected. */
  readonly protection?: ProtectionKey | null;
}

/** What is counted of an outcome; an event tells no more of a file that was committed. */
export type CountedOutcome =
  Exclude<IngestOutcome, IngestedFile> | Pick<IngestedFile, 'kind' | 'counts' | 'healed' | 'refusedWaiting'>;

/** How many rows a file's commit refused for good: its own, and earlier ones for which it brought the parent. */
export function rejectedRows(outcome: CountedOutcome): number {
  return outcome.kind === 'ingested' ? outcome.counts.rejected + outcome.refusedWaiting : 0;
}

/** Whether a file, or a row with it, was refused: the commands then end with 3. */
export function isRefused(outcome: CountedOutcome): boolean {
  return outcome.kind === 'quarantined' || rejectedRows(outcome) > 0;
}
