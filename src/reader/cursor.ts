import type { Refusal } from './classify-line.ts';
import { arrangeFields, type Layout } from './layout.ts';
import { SPARE_FIELDS } from './limits.ts';
import { checkTrailer, type RowsAbove, type Trailer } from './trailer.ts';
import type { ReadEvent, ReadTotals } from './types.ts';

/** The counts of `ReadTotals` while they grow. */
export type Tally = { -readonly [key in keyof ReadTotals]: ReadTotals[key] };

/** Where reading stands. Every line passes through one of the functions below, which count its bytes once. */
export interface Place {
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

/** The place behind the header, of which the tally knows already. */
export function startPlace(line: number, byteOffset: number, layout: Layout, tally: Tally): Place {
  return { line, byteOffset, layout, tally, rows: { ...NO_ROWS }, before: NO_ROWS };
}

/** Counts a row and makes its event. */
export function takeRow(place: Place, bytes: number, lines: number, fields: readonly string[]): ReadEvent {
  const { arrange } = place.layout;
  const arranged = arrange === null ? fields : arrangeFields(fields, arrange);
  const event: ReadEvent = {
    kind: 'row',
    line: place.line,
    byteOffset: place.byteOffset,
    byteLength: bytes,
    fields: arranged,
  };
  place.tally.rowBytes += bytes;
  place.rows.good++;
  moveOn(place, bytes, lines);
  return event;
}

/** Counts a refused row and makes its event. */
export function takeRefused(
  place: Place,
  bytes: number,
  lines: number,
  { code, reason }: Refusal,
  fields: readonly string[],
): ReadEvent {
  const most = place.layout.count + SPARE_FIELDS;
  const kept = fields.length > most ? fields.slice(0, most) : fields;
  const { line, byteOffset } = place;
  place.tally.refusedBytes += bytes;
  place.rows.refused++;
  if (code === 'unterminated_quote') place.rows.uncertain++;
  moveOn(place, bytes, lines);
  return { kind: 'refused', line, byteOffset, byteLength: bytes, code, reason, fields: kept };
}

/** Counts lines that are left out. */
export function takeSkipped(place: Place, bytes: number, lines: number): void {
  place.tally.skippedBytes += bytes;
  place.tally.skippedLines += lines;
  moveOn(place, bytes, lines);
}

/** Counts a header that is repeated; the rows below stand as it says. */
export function takeHeader(place: Place, bytes: number, lines: number, layout: Layout): void {
  place.layout = layout;
  place.before = { ...place.rows };
  takeSkipped(place, bytes, lines);
}

/**
 * Counts a trailer and holds what it states against the rows above it.
 * @throws FileRefused `trailer_count`
 */
export function takeTrailer(place: Place, bytes: number, lines: number, trailer: Trailer): void {
  checkTrailer(trailer, place.line, rowsAbove(place.rows, place.before), rowsAbove(place.rows, NO_ROWS));
  place.before = { ...place.rows };
  takeSkipped(place, bytes, lines);
}

function rowsAbove(rows: RowCount, before: RowCount): RowsAbove {
  const good = rows.good - before.good;
  const refused = rows.refused - before.refused;
  return { least: rows.uncertain > before.uncertain ? good : good + refused, most: good + refused };
}

function moveOn(place: Place, bytes: number, lines: number): void {
  place.byteOffset += bytes;
  place.line += lines;
}
