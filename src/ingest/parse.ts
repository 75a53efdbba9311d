import type { RejectCode } from '../model/codes.ts';
import type { RuleCode } from '../columns/row-rules.ts';
import { FileRefused } from '../model/errors.ts';
import { createWarningTally, type Warnings } from '../model/warnings.ts';
import type { Dialect, ReadEvent, ReadTotals } from '../reader/types.ts';
import { createRowEncoder } from '../store/row-encoder.ts';
import type { Allocate, RowBatch, RowFormat, RowPlace } from '../store/store.ts';
import { keyPlaces } from '../feed/keys.ts';
import { createRowSets } from './distinct-key-batches.ts';
import { type RowsOptions, openRows } from './open-rows.ts';

/** Rows that are handed over together: as large as pays, small enough to keep memory and the pauses between them short. */
const BATCH_ROWS = 6_000;
const BATCH_BYTES = 4 * 1024 * 1024;

/** A row that is refused for good; its raw text is still in the file. */
export interface ParsedReject extends RowPlace {
  readonly key: string | null;
  readonly code: RejectCode;
  readonly column: string | null;
  readonly reason: string;
}

/** A stretch of the file, ready for the database. */
export interface ParsedBatch extends RowBatch {
  readonly rejects: readonly ParsedReject[];
}

/** What is known of a file when all of it was parsed. */
export interface ParseEnd {
  readonly dialect: Dialect;
  readonly extra: readonly string[];
  readonly totals: ReadTotals;
  /** Of the rules that rows broke and were loaded for all that. */
  readonly warnings: Warnings;
  /** The last row, refused or not, and whether its line ends; null where there is none. */
  readonly lastRow: LastRow | null;
}

/** What is known of a file's last row. */
export interface LastRow {
  readonly line: number;
  /** Whether a line end follows it. */
  readonly ended: boolean;
  /** Why it is refused by the reader, or null. */
  readonly refused: RejectCode | null;
}

export interface ParseOptions extends RowsOptions {
  /** How the store takes rows. */
  readonly rowFormat: RowFormat;
}

/**
 * Parses a file's bytes into batches for the database: split, coerced, and laid out as the store takes them.
 * @param allocate where the batches' memory comes from
 * @throws FileRefused where the file cannot be read as its dataset
 */
export function* parse(
  chunks: Iterable<Uint8Array>,
  options: ParseOptions,
  allocate: Allocate = (size) => new ArrayBuffer(size),
): Generator<ParsedBatch, ParseEnd> {
  const { table, rows: reader, values } = openRows(chunks, options);
  const warnings = createWarningTally();
  const rows = createRowSets(() => createRowEncoder(options.rowFormat), allocate, keyPlaces(options.dataset));
  let rejects: ParsedReject[] = [];
  let bytes = 0;
  let bytesRead = 0;
  let problemBytes = 0;
  let last = null as ReadEvent | null;
  let lineInHand = 0;
  // Made once: a closure for each row keeps the collector busy, a tenth of the time.
  const warn = (code: RuleCode): void => {
    warnings.add(code, lineInHand);
  };

  const take = (event: ReadEvent): void => {
    const { line, byteOffset, byteLength } = event;
    last = event;
    bytes += byteLength;
    bytesRead = byteOffset + byteLength;
    if (event.kind === 'refused') {
      rejects.push({ line, byteOffset, byteLength, key: null, code: event.code, column: null, reason: event.reason });
      return;
    }
    lineInHand = line;
    const problem = reader.read(event.fields, values, warn);
    if (problem === null) {
      rows.add(event, values);
      return;
    }
    const { code, column, reason } = problem;
    if ('severity' in problem && problem.severity === 'quarantine')
      throw new FileRefused('rule_broken', `line ${line}: ${reason}`);
    problemBytes += byteLength;
    rejects.push({ line, byteOffset, byteLength, key: reader.keyOf(event.fields), code, column, reason });
  };
  const flush = (): ParsedBatch => {
    const batch = { read: rows.count + rejects.length, ...rows.take(), rejects, bytesRead };
    rejects = [];
    bytes = 0;
    return batch;
  };
  for (const events of table.batches()) {
    for (const event of events) {
      take(event);
      if (rows.isFull || rows.count + rejects.length >= BATCH_ROWS || bytes >= BATCH_BYTES) yield flush();
    }
  }
  yield flush();
  const totals = table.totals();
  return {
    lastRow: last === null ? null : describeLast(last),
    dialect: table.dialect,
    extra: table.header.extra,
    warnings: warnings.warnings(),
    // The reader took these rows; their values were refused.
    totals: { ...totals, rowBytes: totals.rowBytes - problemBytes, refusedBytes: totals.refusedBytes + problemBytes },
  };
}

function describeLast(event: ReadEvent): LastRow {
  return {
    line: event.line,
    ended: event.openEnd !== true,
    refused: event.kind === 'refused' ? event.code : null,
  };
}
