import type { FileCode, RejectCode } from '../model/codes.ts';
import type { Value } from '../columns/column-type.ts';
import type { Dataset } from '../model/feed.ts';
import type { FileStat, LedgerEntry, RowCounts, UnreadName } from '../model/ledger.ts';

/**
 * The door of the database. Everything that reads or writes rows or the ledger goes through these interfaces; what stands behind
 * them (SQL, indexes, temporary tables, savepoints, write-ahead logs) is the store's own business.
 *
 * What holds for every method of every store:
 * - What it raises is a `DatabaseFault` (the database, its disk or the way to it is at fault, and the same call may succeed later,
 *   unless the fault is final), a `LandfallError` (a person has to change something), or a defect of the program. A failed
 *   call has changed nothing.
 * - Calls may overlap. A store does one write after the other; while `transact` runs, other writes of the same store wait for it.
 * - No message of an error holds a value from a row (P8).
 *
 * test/store/conformance/ holds every store to this.
 */
export interface Store {
  /** How this store wants the rows of a batch laid out: the parsing side encodes them (see `RowEncoder`). */
  readonly rowFormat: RowFormat;

  /** The latest revision of every name of the feed; 0 for names that were never read. There may be very many: none is kept. */
  latestRevisions(): AsyncIterable<LedgerEntry>;
  /** The latest revision of one name, or null. */
  latestRevision(name: string): Promise<LedgerEntry | null>;
  /**
   * Makes the names that are listed without having been read (revision 0) exactly these. Writes only where they differ.
   * @returns the names that are new, to be reported once
   */
  noteUnread(names: readonly UnreadName[], now: Date): Promise<readonly UnreadName[]>;
  /** Keeps the size and times of a file whose bytes are those of its latest revision, so that it is not hashed again. */
  noteStat(entry: Pick<LedgerEntry, 'fileId' | 'name'>, stat: FileStat): Promise<void>;

  /** Asks for names to be read again, each as a new revision. */
  requestRetries(names: readonly string[], now: Date): Promise<void>;
  /** The names that someone asked to have read again, and when (ISO 8601, UTC). A name leaves with the commit of its next reading. */
  pendingRetries(): Promise<ReadonlyMap<string, string>>;

  /**
   * Notes durably, before a byte is read, that a content is about to be read, so that a death in the middle is known to the next run.
   * @param content its SHA-256, or until that is known its size, time and inode
   * @param replaces the attempt that this one takes the place of, once the content is known
   * @returns how often reading this content has failed before
   */
  openAttempt(name: string, content: string, now: Date, replaces: string | null): Promise<number>;
  /** Ends an attempt that did not lead to a commit; `failed` counts it. */
  closeAttempt(name: string, content: string, failed: boolean): Promise<void>;

  /**
   * Runs `work` in one transaction (P2): what it did, the entry of the file, what that settles (its attempts, a request to retry it,
   * earlier revisions) and the checkpoint become visible together when `work` has ended, or not at all where it throws.
   * @returns what `work` gives
   */
  transact<T>(entry: FileEntry, rowText: RowText, work: (transaction: FileTransaction) => Promise<T>): Promise<T>;
  /** Enters a file as refused, with the rejects that are kept of it, in a transaction of its own; gives its file_id. */
  quarantine(entry: FileEntry, refusal: Quarantine): Promise<number>;

  /** Does the housekeeping that is due while the loop is at rest, e.g. empties a large log. */
  maintain(): Promise<void>;
  /** Rolls back what is under way and lets go of the database and its lock. */
  close(): Promise<void>;
}

/**
 * One file on its way into the database, inside one transaction. To be called in this order: `load` for each batch and `reject` for
 * what was refused of it, `endRows`, `heal`, `complete`.
 *
 * Counts are those that applying all rows singly in line order would give (P3), whatever the store does to be faster.
 */
export interface FileTransaction {
  readonly fileId: number;
  /**
   * Takes a batch of good rows. A store may hold rows back, to merge more of them at once; they are then in a later result.
   * The memory of the batch may be used again when this returns.
   */
  load(batch: RowBatch): Promise<LoadedRows>;
  /** Keeps rows that were refused, with their raw text. */
  reject(rows: readonly RejectedRow[]): Promise<void>;
  /** Takes the rows that were held back. */
  endRows(): Promise<LoadedRows>;
  /**
   * Admits the waiting rows for which this file brought the last missing parent, and those that waited for them in turn (P5).
   * @param onChunk called now and then; the transaction may be given up by throwing from it
   */
  heal(onChunk: () => Promise<void>): Promise<Healed>;
  /** How the dataset's last file was written, to tell what has changed; null: this is the first. */
  lastFormat(): Promise<FileFormat | null>;
  /** Completes the ledger's entry: counts, checkpoint, earlier revisions. */
  complete(totals: FileTotals, now: Date): Promise<{ readonly late: boolean }>;
}

/** What the ledger keeps of a content before its rows are read. */
export interface FileEntry {
  readonly dataset: Dataset;
  readonly name: string;
  readonly revision: number;
  /** `YYYY-MM-DDThh:mm:ssZ` */
  readonly stamp: string;
  /** Null for a content that is not read at all. */
  readonly sha256: string | null;
  readonly stat: FileStat;
  readonly attempts: number;
  readonly startedAt: Date;
}

/** Names a layout of rows; `RowEncoder` makes it, and the store of the same format reads it. */
export type RowFormat = 'sqlite' | 'postgres';

/** Lays rows out as a store takes them; used where files are parsed, which may be another thread. */
export interface RowEncoder {
  /** @param values of the dataset's columns, the key first; not kept */
  add(line: number, values: readonly Value[]): void;
  /**
   * The rows so far; begins anew.
   * @param allocate gives memory of at least so many bytes, whatever stands in it
   */
  take(allocate: (bytes: number) => ArrayBuffer): Uint8Array<ArrayBuffer>;
}

/** Rows of distinct keys, which may be merged together. */
export interface RowSet {
  /** In the layout of the store's `rowFormat`. */
  readonly rows: Uint8Array<ArrayBuffer>;
  /** Line, byte offset and byte length of each row, one after the other, by ascending line. */
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
  readonly refused: readonly RejectedRow[];
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
}

/** Why a file is quarantined, and what was refused of it. */
export interface Quarantine {
  readonly code: FileCode;
  readonly reason: string;
  readonly rejectCounts: Readonly<Record<string, number>>;
  /** The rejects that are kept. */
  readonly rejects: readonly RejectedRow[];
}
