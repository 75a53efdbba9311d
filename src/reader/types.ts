import type { RejectCode } from '../model/codes.ts';
import type { Dataset, Encoding, FeedFormat } from '../model/feed.ts';

/** How a file is written, as found or as given. Stored as JSON in `files.dialect`. */
export interface Dialect {
  readonly encoding: Encoding;
  readonly bom: boolean;
  readonly delimiter: string;
  /** null: no field of the file is quoted as far as was looked. */
  readonly quote: '"' | "'" | null;
  readonly escape: 'double' | 'backslash';
  readonly newline: Newline;
}

/** What ends a line. `mixed`: LF, CRLF and CR may all occur. */
export type Newline = 'lf' | 'crlf' | 'cr' | 'mixed';

/** What the whole file's bytes say, collected while it is hashed, before the first row is read. */
export interface Survey {
  readonly bytes: number;
  readonly encoding: Encoding;
  readonly bom: boolean;
  /** What a file that is not text (an archive, a document, a picture, random bytes) seems to be, e.g. `a PDF document`; null when it is text. */
  readonly notText: string | null;
}

/** Collects a survey from a file's bytes, chunk by chunk. */
export interface Surveyor {
  update(chunk: Uint8Array): void;
  finish(): Survey;
}

export interface ReadOptions {
  /** The dataset whose header is looked for; null reads any delimited file (first line is the header). */
  readonly dataset: Dataset | null;
  /** What the feed or the command line fixes; null entries are found from the file. */
  readonly format: FeedFormat;
  readonly survey: Survey;
  /** Line ends that count, where the command line says so; null or absent: LF, CRLF and CR, as the file has them. */
  readonly newline?: Newline | null;
  /** Physical lines to leave out before the header is looked for; 0 when absent. */
  readonly skipLines?: number;
  /** Without a dataset: how many lines make the header (0: none, the columns are numbered); 1 when absent. */
  readonly headerLines?: number;
}

export interface Header {
  /** The cells as they stand in the file. Never log them: in a file without a header they are a patient's row. */
  readonly cells: readonly string[];
  readonly line: number;
  /** For each column of the dataset the index of its field, or null where an optional column is absent. */
  readonly fieldOf: readonly (number | null)[];
  /**
   * Cells that no column of the dataset takes (safe to show: the line has every column that is needed).
   * A header that is repeated further down can add to them: complete once `batches` has ended.
   */
  readonly extra: readonly string[];
}

/** A row split into fields: one for each header cell. */
export interface RowEvent {
  readonly kind: 'row';
  /** The physical line on which the row begins, from 1. */
  readonly line: number;
  /** Where the row begins in the file. */
  readonly byteOffset: number;
  /** Bytes of the row with its line ending. */
  readonly byteLength: number;
  readonly fields: readonly string[];
  /** The file ends with it, and no line end follows; absent from all but the last event. */
  readonly openEnd?: true;
}

/** A row that cannot be taken as it is written: not split, of a wrong number of fields, or not in the file's encoding. */
export interface RefusedEvent {
  readonly kind: 'refused';
  readonly line: number;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly code: RejectCode;
  /** One sentence, no value from the row. */
  readonly reason: string;
  /** The fields as far as they could be split, for `preview --all`. */
  readonly fields: readonly string[];
  readonly openEnd?: true;
}

export type ReadEvent = RowEvent | RefusedEvent;

/** How the file's bytes and lines divide; complete once `batches` has ended. */
export interface ReadTotals {
  readonly headerBytes: number;
  readonly rowBytes: number;
  readonly refusedBytes: number;
  /** Blank lines, titles before the header, repeated headers, the trailer. The four sum to the file's bytes (a BOM counts here). */
  readonly skippedBytes: number;
  readonly skippedLines: number;
}

/** A file opened as a table: dialect and header are known, rows are yet to come. */
export interface Table {
  readonly dialect: Dialect;
  readonly header: Header;
  /**
   * The rows in file order, in batches of bounded size; to be walked once.
   * @throws FileRefused `line_too_long`, `trailer_count`
   */
  batches(): Iterable<readonly ReadEvent[]>;
  /** @throws Error before `batches` has ended */
  totals(): ReadTotals;
}
