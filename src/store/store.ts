import type { CopyNote } from '../model/archive.ts';
import type { AcceptableCode, FileCode, RejectCode } from '../model/codes.ts';
import type { Value } from '../columns/column-type.ts';
import type { Dataset, Feed } from '../model/feed.ts';
import type { Decision, FileStat, KeptProtection, LedgerEntry, RowCounts, UnreadName } from '../model/ledger.ts';
import type { Warnings } from '../model/warnings.ts';
import type { CheckedFiles, CheckedRows } from './checked-files.ts';
import type { AttemptedContent, Mishaps, Suspect } from './attempts.ts';

/**
 * The door of the database. Everything that reads or writes rows or the ledger goes through these interfaces; what stands behind
 * them (SQL, indexes, temporary tables, savepoints, write-ahead logs) is the store's own business.
 *
 * What holds for every method of every store:
 * - What it raises is a `DatabaseFault` (the database, its disk or the way to it is at fault, and the same call may succeed later,
 *   unless the fault is final), a `LandfallError` (a person has to change something), or a defect of the program. A failed
 *   call has changed nothing.
 * - Calls may overlap. A store does one write after the other; while `transact` runs, other calls of the same store wait for it.
 * - No message of an error holds a value from a row (P8).
 *
 * test/store/conformance/ holds every store to this.
 */
export interface Store extends CheckedFiles {
  /** Whose files and tables these are. */
  readonly feed: Feed;
  /** The version of Landfall, kept with every entry of the ledger. */
  readonly program: string;
  /** How this store wants the rows of a batch laid out: the parsing side encodes them (see `RowEncoder`). */
  readonly rowFormat: RowFormat;

  /** The latest revision of every name of the feed; 0 for names that were never read. There may be very many: none is kept. */
  latestRevisions(): AsyncIterable<LedgerEntry>;
  /**
   * The latest revision of one name, or null.
   * @param before of those that were taken before (ISO 8601, UTC); what was read before that was kept counts as older
   */
  latestRevision(name: string, before?: string): Promise<LedgerEntry | null>;
  /**
   * Makes the names that are listed without having been read (revision 0) exactly these. Writes only where they differ.
   * @returns the names that are new, to be reported once
   */
  noteUnread(names: readonly UnreadName[], now: Date): Promise<readonly UnreadName[]>;
  /** Keeps the size and times of a file whose bytes are those of its latest revision, so that it is not hashed again. */
  noteStat(entry: Pick<LedgerEntry, 'fileId' | 'name'>, stat: FileStat): Promise<void>;

  /**
   * Notes, before the first byte of it is written, that a copy of a content is made for the archive, so that the next run knows of one
   * that was cut short. As durable as an attempt.
   */
  noteCopy(name: string, takenAt: string): Promise<void>;
  /** The copies that were noted and are not closed: of this run, and of those that are gone. */
  openCopies(): Promise<readonly CopyNote[]>;
  /** Copies have their names, or are removed. */
  closeCopies(notes: readonly CopyNote[]): Promise<void>;

  /** Asks for names to be read again, each as a new revision, whatever has happened to them before. */
  requestRetries(names: readonly string[], now: Date): Promise<void>;
  /** The names that someone asked to have read again, and when (ISO 8601, UTC). A name leaves with the commit of its next reading. */
  pendingRetries(): Promise<ReadonlyMap<string, string>>;
  /** Keeps a decision about a content. Where that is quarantined, its name is also asked to be read again. */
  decide(decision: Decision, now: Date): Promise<void>;

  /**
   * Claims a name, before its entry in the ledger is looked at: of several daemons one reads a file. A claim ends with the commit of
   * the file, when it is released, and with the connection of whoever holds it.
   * @returns null: another daemon has a file of this name in hand
   */
  claim(name: string): Promise<Claim | null>;
  /** How the rows of each dataset that has any are protected, as the ledger says. */
  protections(): Promise<ReadonlyMap<string, KeptProtection>>;
  /** Keeps how the rows of some datasets are protected from now on. */
  keepProtections(kept: ReadonlyMap<string, KeptProtection>): Promise<void>;

  /**
   * Notes, before a byte is read, that a content is about to be read, so that a death in the middle is known to the next run. To be
   * called again once its SHA-256 is known: that attempt takes the place of the first. It has to outlive the process, not a power cut.
   * @returns how often reading this content has ended badly before
   */
  openAttempt(content: AttemptedContent, now: Date): Promise<Mishaps>;
  /** Ends an attempt that did not lead to a commit; `failed` counts it as a failure of the content. */
  closeAttempt(content: AttemptedContent, failed: boolean): Promise<void>;
  /** The files in the middle of which the program has ended at least so many times. */
  suspects(atLeast: number): Promise<readonly Suspect[]>;

  /**
   * Runs `work` in one transaction (P2): what it did, the entry of the file, what is done with by it (its attempts, a request to retry it,
   * earlier revisions) and the checkpoint become visible together when `work` has ended, or not at all where it throws.
   * @param work asks nothing of the store but through the transaction: other calls wait for its end
   * @returns what `work` gives
   */
  transact<T>(entry: FileEntry, rowText: RowText, work: (transaction: FileTransaction) => Promise<T>): Promise<T>;
  /** Enters a file as refused, with the rejects that are kept of it, in a transaction of its own; gives its file_id. */
  quarantine(entry: FileEntry, refusal: Quarantine): Promise<number>;

  /**
   * Does the housekeeping that is due; to be called between files.
   * @param begin asked before what may take long, minutes even; false: that is left for another time
   */
  maintain(begin: () => Promise<boolean>): Promise<LogState>;
  /** Lets go of the database and its lock, once what is under way has ended. */
  close(): Promise<void>;
}

/** The right to read a file of a name. */
export interface Claim {
  /** Whether other daemons may have taken files since the folder was listed. */
  readonly shared: boolean;
  /** Gives it up, where no commit has ended it. */
  release(): Promise<void>;
}

/** The log of commits that a store has not brought into its tables yet, when it was last looked at. */
export interface LogState {
  readonly bytes: number;
  /** A program that reads keeps it from being emptied. */
  readonly pinned: boolean;
}

/**
 * One file on its way into the database, inside one transaction. To be called in this order: `reject` for what was refused of a batch
 * and `load` for its good rows, `checkIncoming`, `endRows`, `heal`, `complete`.
 *
 * Counts are those that applying all rows singly in line order would give (P3), whatever the store does to be faster.
 */
export interface FileTransaction extends CheckedRows {
  readonly fileId: number;
  /**
   * Takes a batch of good rows. A store may hold rows back, to merge more of them at once; they are then in a later result.
   * The memory of the batch may be used again when this returns.
   * @param onPart called now and then where that takes long; the transaction may be given up by throwing from it
   */
  load(batch: RowBatch, onPart: () => Promise<void>): Promise<LoadedRows>;
  /** Keeps rows that were refused, with their raw text. They are taken one by one. */
  reject(rows: Iterable<RejectedRow>): Promise<void>;
  /**
   * Takes the rows that were held back.
   * @param onPart called now and then; the transaction may be given up by throwing from it
   */
  endRows(onPart: () => Promise<void>): Promise<LoadedRows>;
  /**
   * Admits the waiting rows for which this file brought the last missing parent, and those that waited for them in turn (P5).
   * @param onChunk called now and then; the transaction may be given up by throwing from it
   */
  heal(onChunk: () => Promise<void>): Promise<Healed>;
  /** How the dataset's last file was written, to tell what has changed; null: this is the first. */
  lastFormat(): Promise<FileFormat | null>;
  /**
   * Whether a line end follows the last row in at least half of the last files of the dataset: the ten that went in last, as they
   * stand now, but for those under the name in hand. Files without rows show nothing; where none does, false.
   */
  lastRowsEnd(): Promise<boolean>;
  /** How many rows the last files of the dataset have, the newest first, as they stand now, but for those under the name in hand. */
  lastRowCounts(most: number): Promise<readonly number[]>;
  /** Whether someone has accepted the content in hand in spite of this. */
  isAccepted(code: AcceptableCode): Promise<boolean>;
  /** Completes the ledger's entry: counts, checkpoint, earlier revisions. Only now is it known whether the file is late. */
  complete(totals: FileTotals, now: Date): Promise<{ readonly late: boolean }>;
}

/** What the ledger keeps of a content before its rows are read. */
export interface FileEntry {
  readonly dataset: Dataset;
  readonly name: string;
  /** Those that were taken later, where there are any, move up by one: it is a content of an earlier time. */
  readonly revision: number;
  /** `YYYY-MM-DDThh:mm:ssZ` */
  readonly stamp: string;
  /** Null for a content that is not read at all. */
  readonly sha256: string | null;
  readonly stat: FileStat;
  readonly attempts: number;
  readonly startedAt: Date;
  /** When the content was taken: ISO 8601, UTC. Of one name, in the order of its revisions. */
  readonly takenAt: string;
  /** The path of its copy below the archive; null: none is made. */
  readonly archivedTo: string | null;
}

/** Names a layout of rows; `RowEncoder` makes it, and the store of the same format reads it. */
export type RowFormat = 'sqlite' | 'postgres';

/** A row's place in its file. */
export interface RowPlace {
  readonly line: number;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Lays rows out as a store takes them; used where files are parsed, which may be another thread. */
export interface RowEncoder {
  /**
   * @param place behind that of the row before it
   * @param values of the dataset's columns, the key first; not kept
   */
  add(place: RowPlace, values: readonly Value[]): void;
  /** The rows so far; begins anew. */
  take(allocate: Allocate): RowSet;
}

/** Gives memory of at least so many bytes, whatever stands in it. */
export type Allocate = (bytes: number) => ArrayBuffer;

/** Rows of distinct keys, which may be merged together; made by a `RowEncoder`. */
export interface RowSet {
  readonly count: number;
  /** In the layout of the store's `rowFormat`. */
  readonly rows: Uint8Array<ArrayBuffer>;
  /** Line, byte offset and byte length of each row, one after the other, by ascending line; empty where `rows` holds them, too. */
  readonly places: Float64Array<ArrayBuffer>;
}

/** A stretch of the file's good rows. */
export interface RowBatch {
  /** The rows that name a key for the first time since the last end, then those that name it for the second time, and so on. */
  readonly sets: readonly RowSet[];
  /** The rows before and after this batch are independent of each other: what was held back may be merged. */
  readonly ends: boolean;
  /** Rows of the stretch, the refused ones included. */
  readonly read: number;
  /** Where the stretch ends in the file, in bytes. */
  readonly bytesRead: number;
}

/** A row of the file in hand exactly as sent, without its line ending; bytes where it is not valid text in the file's encoding. */
export type RowText = (byteOffset: number, byteLength: number) => string | Uint8Array;

/** What became of the rows merged so far by one call. */
export interface LoadedRows {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly stale: number;
  /** The lines of rows that wait for a parent. */
  readonly waitingLines: readonly number[];
  /** Rows that the database refused for a constraint other than a missing parent; they are kept already, as code `constraint`. */
  readonly refused: readonly RefusedRow[];
}

/** A row that a constraint of the database refused. */
export interface RefusedRow extends RowPlace {
  readonly key: string;
}

/** A row that was refused for good. */
export interface RejectedRow {
  readonly line: number;
  readonly byteOffset: number;
  readonly key: string | null;
  readonly code: RejectCode;
  readonly column: string | null;
  readonly reason: string;
  /** Exactly as sent; bytes where it is not valid text. */
  readonly raw: string | Uint8Array;
}

/** What became of rows that waited. */
export interface Healed {
  readonly healed: number;
  /** Rows that a constraint refused when their parent came. */
  readonly refused: number;
}

/** How a file is written, as the ledger keeps it. */
export interface FileFormat {
  /** JSON */
  readonly dialect: string;
  /** JSON: header cells that no column takes. */
  readonly extra: string;
}

/** What the ledger keeps of a file that was read whole. */
export interface FileTotals extends FileFormat {
  readonly counts: RowCounts;
  readonly headerBytes: number;
  readonly rowBytes: number;
  readonly refusedBytes: number;
  readonly skippedBytes: number;
  /** Rows by reject code. */
  readonly rejectCounts: Readonly<Record<string, number>>;
  /** Kept where there are any. */
  readonly warnings: Warnings;
  /** Whether a line end follows the last row; null: there is no row. */
  readonly lastRowEnded: boolean | null;
}

/** Why a file is quarantined, and what was refused of it. */
export interface Quarantine {
  readonly code: FileCode;
  readonly reason: string;
  readonly rejectCounts: Readonly<Record<string, number>>;
  /** The rejects that are kept; taken one by one, inside the transaction, which is rolled back when that throws. */
  readonly rejects: Iterable<RejectedRow>;
}
