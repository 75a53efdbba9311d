import type { Refusal } from './classify-line.ts';
import { arrangeFields, type Layout } from './layout.ts';
import { SPARE_FIELDS } from './limits.ts';
import { checkTrailer, type RowsAbove, type Trailer } from './trailer.ts';
import type { ReadEvent, ReadTotals } from './types.ts';

/** The counts of `ReadTotals` while they grow. */
export type Tally = { -readonly [key in keyof ReadTotals]: ReadTotals[key] };

/** Where reading stands. Every line passes through one of the functions below, which count its bytes once. */
export interface Cursor {
  line: number;
  byteOffset: number;
  layout: Layout;
  readonly tally: Tally;
  /** Rows so far, and how many they were at the last header or trailer. */
  readonly rows: RowCount;
  before: Readonly<RowCount>;
}

/** Rows counted for a trailer. A refused quote leaves it uncertain how many rows the refused lines are. */
interface RowCount {
  good: number;
  refused: number;
  /** Refused for a quote. */
  uncertain: number;
}

const NO_ROWS: RowCount = { good: 0, refused: 0, uncertain: 0 };

/** The cursor behind the header, of which the tally knows already. */
export function startCursor(line: number, byteOffset: number, layout: Layout, tally: Tally): Cursor {
  return { line, byteOffset, layout, tally, rows: { ...NO_ROWS }, before: NO_ROWS };
}

/** Counts a row and makes its event. */
export function takeRow(cursor: Cursor, bytes: number, lines: number, fields: readonly string[]): ReadEvent {
  const { arrange } = cursor.layout;
  const arranged = arrange === null ? fields : arrangeFields(fields, arrange);
  const event: ReadEvent = {
    kind: 'row',
    line: cursor.line,
    byteOffset: cursor.byteOffset,
    byteLength: bytes,
    fields: arranged,
  };
  cursor.tally.rowBytes += bytes;
  cursor.rows.good++;
  moveOn(cursor, bytes, lines);
  return event;
}

/** Counts a refused row and makes its event. */
export function takeRefused(
  cursor: Cursor,
  bytes: number,
  lines: number,
  { code, reason }: Refusal,
  fields: readonly string[],
): ReadEvent {
  const most = cursor.layout.count + SPARE_FIELDS;
  const kept = fields.length > most ? fields.slice(0, most) : fields;
  const { line, byteOffset } = cursor;
  cursor.tally.refusedBytes += bytes;
  cursor.rows.refused++;
  if (code === 'unterminated_quote') cursor.rows.uncertain++;
  moveOn(cursor, bytes, lines);
  return { kind: 'refused', line, byteOffset, byteLength: bytes, code, reason, fields: kept };
}

/** Counts lines that are left out. */
export function takeSkipped(cursor: Cursor, bytes: number, lines: number): void {
  cursor.tally.skippedBytes += bytes;
  cursor.tally.skippedLines += lines;
  moveOn(cursor, bytes, lines);
}

/** Counts a header that is repeated; the rows below stand as it says. */
export function takeHeader(cursor: Cursor, bytes: number, lines: number, layout: Layout): void {
  cursor.layout = layout;
  cursor.before = { ...cursor.rows };
  takeSkipped(cursor, bytes, lines);
}

/**
 * Counts a trailer and holds what it states against the rows above it.
 * @throws FileRefused `trailer_count`
 */
export function takeTrailer(cursor: Cursor, bytes: number, lines: number, trailer: Trailer): void {
  checkTrailer(trailer, cursor.line, rowsAbove(cursor.rows, cursor.before), rowsAbove(cursor.rows, NO_ROWS));
  cursor.before = { ...cursor.rows };
  takeSkipped(cursor, bytes, lines);
}

function rowsAbove(rows: RowCount, before: RowCount): RowsAbove {
  const good = rows.good - before.good;
  const refused = rows.refused - before.refused;
  return { least: rows.uncertain > before.uncertain ? good : good + refused, most: good + refused };
}

function moveOn(cursor: Cursor, bytes: number, lines: number): void {
  cursor.byteOffset += bytes;
  cursor.line += lines;
}
