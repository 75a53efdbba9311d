import type { AcceptableCode, FileCode } from './codes.ts';

/** What tells one state of a file from another without reading it. */
export interface FileStat {
  readonly bytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
}

export type FileState = 'ingested' | 'quarantined' | 'replaced' | 'unrecognised';

/** The latest revision of a name, as the loop needs it to tell what is new. */
export interface LedgerEntry {
  readonly fileId: number;
  readonly name: string;
  /** From 1; 0 for a name that was seen but never read. */
  readonly revision: number;
  readonly state: FileState;
  /** Null for a name that was never read, and is of no dataset. */
  readonly stamp: string | null;
  readonly sha256: string | null;
  readonly stat: FileStat;
  readonly feedHash: string;
  /** The version of Landfall that wrote the entry. */
  readonly program: string;
  /** When a content of the name was last taken (ISO 8601, UTC); null: before that was kept. */
  readonly takenAt: string | null;
  readonly archivedTo: string | null;
}

/** A name that is listed in the ledger without having been read (revision 0). */
export interface UnreadName {
  readonly name: string;
  readonly state: 'unrecognised' | 'quarantined';
  readonly code: FileCode;
  /** One sentence. */
  readonly reason: string;
  readonly dataset: string | null;
  readonly stamp: string | null;
  readonly stat: FileStat;
}

/** What someone has decided about a content: it is accepted in spite of what is said of it. */
export interface Decision {
  readonly name: string;
  readonly sha256: string;
  readonly code: AcceptableCode;
  /** Who, e.g. the login name. */
  readonly by: string;
  /** Why, in their words; null: they have not said. */
  readonly reason: string | null;
}

/** What became of a file's rows; `read` is the sum of the others. */
export interface RowCounts {
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly stale: number;
  readonly rejected: number;
  readonly waiting: number;
}

/** The instants of an ingest at which the crash campaign kills the process. */
export type Moment = 'migration' | 'reading' | 'healing' | 'before_commit' | 'after_commit' | ArchiveMoment;

/** Those around the copy of a file, and the removal of what it was made of. */
export type ArchiveMoment = 'copying' | 'copied' | 'copy_named' | 'set_aside' | 'removing' | 'removed';

/** Called at each moment; does nothing outside the crash campaign. */
export type Probe = (moment: Moment) => void;

/** How the rows of a dataset are protected. */
export interface KeptProtection {
  /** Of the key; null: nothing is protected. */
  readonly fingerprint: string | null;
  /** By column what is done to its values. */
  readonly columns: Readonly<Record<string, string>>;
}
