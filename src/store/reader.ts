import type { AcceptableCode } from '../model/codes.ts';
import type { DaemonRow } from '../model/daemon-row.ts';
import type { FileState, RowCounts } from '../model/ledger.ts';
import type { Warnings } from '../model/warnings.ts';
import type { Snapshot } from './snapshot.ts';

// Names of fields are those of the JSON that is printed. Times are ISO 8601, UTC.

/**
 * The reading side of the store's door: what the commands that only look ask of a database, also while a daemon writes to it.
 *
 * What holds for every method of every store:
 * - What it raises is a `DatabaseFault`, a `LandfallError` (a person has to change something, e.g. it is another feed's database),
 *   or a defect of the program. None of them holds a value from a row (P8).
 * - A list is read as it is taken, a page at a time, so that it may be as long as it likes and whoever takes it as slow: memory is
 *   bounded, and between pages nothing is held that keeps a writer's log from being emptied. A row is shown as it stands when its
 *   page is read; what comes in after the list was begun is not in it, and no row comes twice.
 * - Nothing is asked of the database before the first row of a list is taken: it is then that a list raises what is wrong.
 *
 * test/store/conformance/ holds every store to this.
 */
export interface StoreReader {
  /** The ledger: every revision of every name, newest first. */
  files(search: Search): AsyncIterable<FileRow>;
  /**
   * Rows that were not loaded, newest file first, in line order within a file.
   * @param withValues with `row_key` and `raw`, which hold values of the row; else they are null
   */
  rejects(search: Search, withValues: boolean): AsyncIterable<RejectRow>;
  /**
   * Where the database stands, read in one snapshot.
   * @param most how many files each of its lists holds; `notes` gives them all
   */
  status(most: number): Promise<DatabaseStatus>;
  /**
   * What the ledger comes to, read in one snapshot: all of it by dataset, and its last days.
   * @param since the first day that is told by itself, `YYYY-MM-DD`, UTC
   */
  overview(since: string): Promise<LedgerOverview>;
  /**
   * What became of the names of late, in one snapshot: those with a stamp from then on or finished from then on, and those that are
   * refused or held, whatever their age. Oldest entry first.
   * @param since ISO 8601, UTC
   */
  deliveries(since: string): Promise<Deliveries>;
  /** A list of the status from its first to its last file, newest first. */
  notes(list: NoteListName): AsyncIterable<FileNote>;
  /**
   * Verifies the database in one snapshot, one check after the other: its own integrity, the foreign keys, the accounting (P3), the
   * lineage, the checkpoints and the waiting rows (P5). Each runs to its end whatever the one before it found; damage is a finding.
   */
  verify(): AsyncIterable<Verification>;
  /**
   * Runs `work` on the database as it stands at one instant. Nothing else is asked of this reader before it has ended.
   * @throws LandfallError, DatabaseFault, or what `work` throws
   */
  snapshot<T>(work: (snapshot: Snapshot) => Promise<T>): Promise<T>;
  /** How much room the database takes up. */
  size(): Promise<DatabaseSize>;
  /** Lets go of the database. */
  close(): Promise<void>;
}

/** What became of the names that came of late. */
export interface Deliveries {
  /** When the database was set up, or the oldest stamp where that is earlier: ISO 8601, UTC; null: it is not set up. */
  readonly since: string | null;
  readonly files: readonly Delivery[];
}

/** What became of a name: its latest revision. */
export interface Delivery extends Pick<
  FileRow,
  | 'file_id'
  | 'name'
  | 'revision'
  | 'dataset'
  | 'stamp'
  | 'state'
  | 'reason_code'
  | 'reason'
  | 'sha256'
  | 'rows_read'
  | 'rows_rejected'
  | 'warnings'
  | 'finished_at'
> {
  /** When a content of this name was loaded for the first time: ISO 8601, UTC; null: none was. */
  readonly first_at: string | null;
  /** What someone has accepted of this content. */
  readonly accepted: readonly AcceptableCode[];
}

/** What to look for; every part that is given must hold. */
export interface Search {
  /** Any of these; none: all. `open` for rejects: waiting, or rejected in a file that no correction has replaced. */
  readonly states: readonly string[];
  readonly codes: readonly string[];
  /** A part of the file's name. */
  readonly name: string | null;
  /** Finished at or after. */
  readonly since: string | null;
  /** null: all */
  readonly limit: number | null;
  /** Goes on behind this place of the list; none: from its start. */
  readonly after?: ListPlace | null;
}

/** A place in a list: behind a file's entry in the ledger, or behind a reject of it; line and reject 0 stand before its first reject. */
export interface ListPlace {
  readonly file_id: number;
  readonly line: number;
  readonly reject_id: number;
}

/** A row of the ledger. */
export interface FileRow {
  readonly file_id: number;
  readonly name: string;
  readonly revision: number;
  readonly dataset: string | null;
  readonly stamp: string | null;
  readonly state: FileState;
  readonly reason_code: string | null;
  readonly reason: string | null;
  /** Whether a newer file of its dataset was in before it; not of one that was retried. */
  readonly late: boolean;
  /** Whether it was read again on request, with the bytes of the revision before. */
  readonly retried: boolean;
  readonly bytes: number;
  readonly sha256: string | null;
  readonly attempts: number;
  readonly rows_read: number;
  readonly rows_inserted: number;
  readonly rows_updated: number;
  readonly rows_unchanged: number;
  readonly rows_stale: number;
  readonly rows_rejected: number;
  readonly rows_waiting: number;
  readonly reject_counts: Readonly<Record<string, number>> | null;
  readonly dialect: Readonly<Record<string, unknown>> | null;
  /** Header cells that no column takes. */
  readonly extra: readonly string[] | null;
  readonly warnings: Warnings | null;
  readonly taken_at: string | null;
  readonly archived_to: string | null;
  readonly started_at: string;
  readonly finished_at: string;
}

/** A reject, with the names of its files. */
export interface RejectRow {
  readonly reject_id: number;
  readonly file_id: number;
  readonly file: string;
  readonly revision: number;
  readonly dataset: string;
  readonly line: number;
  readonly byte_offset: number;
  readonly code: string;
  readonly column_name: string | null;
  readonly reason: string;
  readonly state: 'rejected' | 'waiting' | 'healed' | 'superseded';
  /** The tables of the parents it waits for, joined by commas. */
  readonly waits_for: string | null;
  readonly settled_by: string | null;
  readonly settled_at: string | null;
  readonly finished_at: string;
  readonly row_key: string | null;
  /** As sent, bytes where it is no valid text. */
  readonly raw: string | Uint8Array | null;
}

/** Where a database stands. */
export interface DatabaseStatus {
  /** All daemons that serve it, on whatever machine; none where a database has but one, as in SQLite. */
  readonly daemons: readonly DaemonRow[];
  readonly datasets: readonly DatasetStatus[];
  /** Open rejects of ingested files by code; what waits is under `missing_parent`. */
  readonly rejects: readonly { readonly dataset: string; readonly code: string; readonly rows: number }[];
  /** By the table waited for: how many rows wait, and for how many parents; a row with two missing parents is counted with each. */
  readonly waiting: readonly { readonly parent_table: string; readonly rows: number; readonly parents: number }[];
  /** The file that was finished last. */
  readonly last_file: FileRow | null;
  /** Files whose latest revision was refused. */
  readonly quarantined: NoteList;
  /** Names that are not taken in: near misses, and files that are held. */
  readonly not_taken: NoteList;
  /** Files that came after a newer one of their dataset; not those that were retried. */
  readonly late: NoteList;
  /** Files of which other bytes were read later. */
  readonly corrected: NoteList;
  /** Ingested files about which something is doubtful. */
  readonly warned: NoteList;
}

/** What became of rows. */
export type RowSums = Omit<RowCounts, 'read'>;

/** What the ledger comes to. */
export interface LedgerOverview {
  /** Of every file that was ever ingested, its corrections by themselves; none of it ever falls. By name of dataset. */
  readonly totals: readonly DatasetTotals[];
  /** What is there by the day of the stamp. By name of dataset, then by day; days without a file are left out. */
  readonly stamp_days: readonly StampDay[];
  /** The rows of ingested files by the day on which they were. By day; days without a file are left out. */
  readonly row_days: readonly RowDay[];
}

/** What the files of a dataset have come to, as their commits have counted it. */
export interface DatasetTotals {
  readonly dataset: string;
  readonly files: number;
  readonly bytes: number;
  readonly rows: RowSums;
  /** Rows not loaded at their file's commit, by code; what waited is under `missing_parent`. */
  readonly refused: Readonly<Record<string, number>>;
}

/** The files of a dataset whose stamps are of a day; a file that was corrected counts once. */
export interface StampDay {
  readonly dataset: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly ingested: number;
  /** Of these, those that came after a newer one. */
  readonly late: number;
  /** Refused, or held for a stamp in the future. */
  readonly quarantined: number;
  /** Rows that were read of the ingested ones, and those that were refused. */
  readonly rows: number;
  readonly rejected: number;
  /** The newest entry in the ledger. */
  readonly file_id: number;
}

/** The rows of files that were ingested on a day. */
export interface RowDay extends RowSums {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
}

/** Where a dataset stands. */
export interface DatasetStatus {
  readonly name: string;
  readonly table: string;
  /** Rows in the table now. */
  readonly rows: number;
  readonly rows_waiting: number;
  /** In files that no correction has replaced. */
  readonly rows_rejected: number;
  readonly files_ingested: number;
  readonly files_replaced: number;
  readonly files_quarantined: number;
  readonly files_late: number;
  /** The newest stamp ingested, or null. */
  readonly checkpoint: string | null;
  /** When the checkpoint's file was committed. */
  readonly checkpoint_at: string | null;
}

/** How many files a list of the status has, and the newest of them. */
export interface NoteList {
  readonly files: number;
  readonly newest: readonly FileNote[];
}

/** The lists of files in the status. */
export type NoteListName = 'quarantined' | 'not_taken' | 'late' | 'corrected' | 'warned';

/** A file in a list of the status. */
export type FileNote = Pick<
  FileRow,
  'file_id' | 'name' | 'revision' | 'dataset' | 'stamp' | 'reason_code' | 'reason' | 'warnings' | 'finished_at'
>;

/** The bytes that a database takes up, and those of its write-ahead log, where that is a file of its own. */
export interface DatabaseSize {
  readonly bytes: number;
  readonly walBytes: number;
}

/** The check of what a start refuses: it asks for no backup. */
export const SCHEMA_CHECK = 'schema for the feed';

/** One check of a database and what it found; no findings: sound. */
export interface Verification {
  readonly check: string;
  /** One sentence each, without a value from a row. At most a hundred. */
  readonly findings: readonly string[];
}
