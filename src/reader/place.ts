import { arrangeFields, type Layout } from './layout.ts';
import { SPARE_FIELDS, type Refusal } from './judge.ts';
import { checkTrailer, type Trailer } from './trailer.ts';
import type { ReadEvent, ReadTotals } from './types.ts';

/** The counts of `ReadTotals` while they grow. */
export type Tally = { -readonly [key in keyof ReadTotals]: ReadTotals[key] };

/** Where reading stands. Every line passes through one of the functions below, which count its bytes once. */
export interface Place {
  line: number;
  byteOffset: number;
  layout: Layout;
  readonly tally: Tally;
  /** Rows so far, and those since the last header or trailer. */
  readonly all: RowCount;
  since: RowCount;
}

/** Rows counted for a trailer. A refused quote leaves it uncertain how many rows the refused lines are. */
interface RowCount {
  good: number;
  refused: number;
  uncertain: boolean;
}

const NO_ROWS: RowCount = { good: 0, refused: 0, uncertain: false };

/** The place behind the header, of which the tally knows already. */
export function startPlace(line: number, byteOffset: number, layout: Layout, tally: Tally): Place {
  return { line, byteOffset, layout, tally, all: { ...NO_ROWS }, since: { ...NO_ROWS } };
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
  place.all.good++;
  place.since.good++;
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
  for (const rows of [place.all, place.since]) {
    rows.refused++;
    rows.uncertain ||= code === 'unterminated_quote';
  }
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
  place.since = { ...NO_ROWS };
  takeSkipped(place, bytes, lines);
}

/**
 * Counts a trailer and holds what it states against the rows above it.
 * @throws FileRefused `trailer_count`
 */
export function takeTrailer(place: Place, bytes: number, lines: number, trailer: Trailer): void {
  checkTrailer(trailer, place.line, rowsAbove(place.since), rowsAbove(place.all));
  place.since = { ...NO_ROWS };
  takeSkipped(place, bytes, lines);
}

function rowsAbove({ good, refused, uncertain }: RowCount): { least: number; most: number } {
  return { least: uncertain ? good : good + refused, most: good + refused };
}

function moveOn(place: Place, bytes: number, lines: number): void {
  place.byteOffset += bytes;
  place.line += lines;
}
