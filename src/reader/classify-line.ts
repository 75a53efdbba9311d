import type { RejectCode } from '../model/codes.ts';
import { isBlank } from './split.ts';
import { damagedBetween, type Block } from './decode.ts';
import type { FindBrokenRow } from './broken-row.ts';
import type { HeaderWatch, Layout } from './layout.ts';
import { SPARE_FIELDS } from './limits.ts';
import type { RecordContext } from './records.ts';
import { endsBefore, isRowBelow } from './table-end.ts';
import { readTrailer, type Trailer } from './trailer.ts';

/** Why a row is refused. */
export interface Refusal {
  readonly code: RejectCode;
  readonly reason: string;
}

/** What a line is. `more`: it cannot be told from the text there is. */
export type LineClass =
  | { readonly kind: 'row' }
  | { readonly kind: 'blank' }
  | { readonly kind: 'more' }
  | { readonly kind: 'header'; readonly layout: Layout }
  | { readonly kind: 'trailer'; readonly trailer: Trailer }
  | ({ readonly kind: 'refused' } & Refusal)
  /** Refused together with the lines below that are part of the row. */
  | { readonly kind: 'broken'; readonly next: number; readonly lines: number; readonly fields: readonly string[] };

/** A record as it was split. */
export interface SplitRow {
  readonly start: number;
  /** Where its text ends, … */
  readonly end: number;
  /** … and where the next line begins: the same where the file ends without a line end. */
  readonly next: number;
  readonly line: number;
  readonly lines: number;
  readonly fields: readonly string[];
  /** Its line ends in another way than most lines of the file. */
  readonly unusualEnd: boolean;
}

/** By what rules a line is classified; see `RowRules`. */
export interface LineRules {
  readonly headers: HeaderWatch;
  readonly trailers: boolean;
}

/** The text in which lines are classified. */
export interface LineContext extends RecordContext {
  /** Null where no other line end than the usual one is looked at. */
  readonly findBrokenRow: FindBrokenRow | null;
}

const ROW: LineClass = { kind: 'row' };
const BLANK: LineClass = { kind: 'blank' };

/** Tells rows from all else that stands between them. */
export function classifyRow(
  row: SplitRow,
  block: Block,
  context: LineContext,
  { headers, trailers }: LineRules,
): LineClass {
  const { fields } = row;
  const count = context.count ?? fields.length;
  if (isBlank(fields)) return BLANK;
  const damage = findDamage(row, block, count);
  if (damage !== null) return { kind: 'refused', ...damage };
  const layout = headers.read(fields, row.line);
  if (layout !== null) {
    // Where its line end was lost, what stands behind the header is the beginning of a row.
    const believed = layout.count <= count || isRowBelow(context, row.next, layout.count);
    if (believed === null) return { kind: 'more' };
    if (believed) return { kind: 'header', layout };
  }
  const trailer = trailers ? readTrailer(fields, fields.length === count) : null;
  if (trailer !== null) {
    const ends = endsBefore(context, headers, row.next, row.line + row.lines);
    if (ends === null) return { kind: 'more' };
    if (ends) return { kind: 'trailer', trailer };
  }
  if (row.unusualEnd && row.lines === 1 && count > 1) {
    const broken = context.findBrokenRow?.(row.start, row.line) ?? null;
    if (broken === 'more') return { kind: 'more' };
    if (broken !== null) return { kind: 'broken', ...broken };
  }
  if (fields.length === count) return ROW;
  if (fields.length < count && isCut(row, block)) return { kind: 'refused', ...cutOff(fields.length, count) };
  const most = count + SPARE_FIELDS;
  const found = fields.length > most ? `more than ${most}` : `${fields.length}`;
  return { kind: 'refused', code: 'field_count', reason: `${found} fields instead of ${count}` };
}

/** A row that could not be split: what there is to say besides. */
export function classifyRefused(row: SplitRow, block: Block, count: number, refused: Refusal): Refusal {
  const damage = findDamage(row, block, count);
  if (damage !== null) return damage;
  return refused.code === 'unterminated_quote' && isCut(row, block) ? cutOff(row.fields.length, count) : refused;
}

function findDamage(row: SplitRow, block: Block, count: number): Refusal | null {
  if (!damagedBetween(block, row.start, row.next)) return null;
  if (isCut(row, block) && block.damage?.cut === true) return cutOff(row.fields.length, count);
  return { code: 'bad_encoding', reason: "bytes that are not text in the file's encoding" };
}

function cutOff(fields: number, count: number): Refusal {
  const reason = `the file ends in this row (field ${fields} of ${count}) without a line end: the upload was probably cut off`;
  return { code: 'cut_off', reason };
}

/** Whether the file ends with this row and no line end. */
function isCut(row: SplitRow, block: Block): boolean {
  return block.last && row.next === block.text.length && row.end === row.next;
}
