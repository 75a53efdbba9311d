import type { BlockReader } from './blocks.ts';
import { bytesBetween, type Block } from './decode.ts';
import { createBrokenRowFinder } from './broken-row.ts';
import { classifyRefused, classifyRow, type LineContext, type Refusal, type SplitRow } from './classify-line.ts';
import type { HeaderWatch } from './layout.ts';
import { SPARE_FIELDS, type Limits } from './limits.ts';
import { takeHeader, takeRefused, takeRow, takeSkipped, takeTrailer, type Cursor } from './cursor.ts';
import { readRecord } from './records.ts';
import type { Syntax } from './split.ts';
import { TRAILER_INITIALS } from './trailer.ts';
import type { Newline, ReadEvent } from './types.ts';

/** What was found out from the first lines of a table, for the rows to be read by. */
export interface RowRules {
  readonly syntax: Syntax;
  readonly newline: Newline;
  /** How most rows end; null: line ends are fixed, and no other is looked at. */
  readonly usualEnd: 'lf' | 'crlf' | 'cr' | null;
  readonly headers: HeaderWatch;
  /** Where cells that no column takes are added, when a header is repeated that has more of them. */
  readonly extra: string[];
  /** Whether a line may be a trailer: not in a file of which nothing is known. */
  readonly trailers: boolean;
  /** By the code of its first field's first character (below 256): whether a line may be something other than a row. */
  readonly oddInitials: Uint8Array;
  readonly limits: Limits;
}

/** The first characters of lines that may be blank, a header or a trailer; see `RowRules.oddInitials`. */
export function findOddInitials(headers: HeaderWatch): Uint8Array {
  const odd = Uint8Array.from(headers.mayBegin);
  for (const char of TRAILER_INITIALS + TRAILER_INITIALS.toUpperCase()) {
    odd[char.charCodeAt(0)] = 1;
  }
  return odd;
}

/** So many cells that no column takes are named, however many files with other headers were put together. */
const MOST_EXTRA = 1000;
/** Where a text has no more of what is looked for. */
const NOWHERE = Number.MAX_SAFE_INTEGER;
/** What `readOddLine` gives where it needs more text. */
const MORE = -1;
const BROKEN: Refusal = { code: 'bad_text', reason: 'a line break outside quotes' };

/** The first physical line of a record. */
type FirstLine = Omit<SplitRow, 'lines' | 'fields'>;

/**
 * Reads rows in batches from where the reader stands.
 * @throws FileRefused `line_too_long`, `trailer_count`, and those of a repeated header
 */
export function* readRows(reader: BlockReader, cursor: Cursor, rules: RowRules): Generator<ReadEvent[]> {
  const { limits } = rules;
  for (let target = limits.blockBytes; ;) {
    const block = reader.read(target, cursor.line);
    if (block === null) return;
    const { events, taken } = readBlock(block, cursor, rules);
    if (taken === 0) {
      target = Math.min(target * 2, bytesBetween(block, 0, block.text.length) + limits.lineBytes);
      continue;
    }
    target = limits.blockBytes;
    reader.advance(bytesBetween(block, 0, taken));
    for (let from = 0; from < events.length; from += limits.batchRows) {
      yield events.length <= limits.batchRows ? events : events.slice(from, from + limits.batchRows);
    }
  }
}

/**
 * Reads the records of a block, up to one that needs more text than there is. The plain row is split in place, all
 * others by `readOddLine`: this loop is what the speed of reading hangs on. `lf`, `cr`, `mark` and `cut` are the next
 * line feed, carriage return, quote and delimiter; each is looked for once, from behind the last one.
 */
function readBlock(block: Block, cursor: Cursor, rules: RowRules): { events: ReadEvent[]; taken: number } {
  const { text, width } = block;
  const { newline, usualEnd } = rules;
  const { delimiter, quote } = rules.syntax;
  const lineFeed = newline === 'crlf' ? '\r\n' : '\n';
  const find = (what: string, from: number): number => {
    const at = text.indexOf(what, from);
    return at === -1 ? NOWHERE : at;
  };
  let context = contextFor(block, cursor, rules);
  const events: ReadEvent[] = [];
  let pos = 0;
  let lf = newline === 'cr' ? NOWHERE : -1;
  let cr = newline === 'lf' || newline === 'crlf' ? NOWHERE : -1;
  let mark = -1;
  let cut = -1;

  while (pos < text.length) {
    if (lf < pos) lf = find(lineFeed, pos);
    if (cr < pos) cr = find('\r', pos);
    if (mark < pos) mark = find(quote, pos);
    let end = lf;
    let next = lf + lineFeed.length;
    let found: 'lf' | 'crlf' | 'cr' = 'lf';
    if (cr < lf) {
      found = cr + 1 === lf ? 'crlf' : 'cr';
      end = cr;
      next = found === 'crlf' ? lf + 1 : cr + 1;
    } else if (lf === NOWHERE) {
      end = next = text.length;
    }
    const unusualEnd =
      usualEnd !== null && found !== usualEnd && !(usualEnd === 'lf' && found === 'crlf') && next > end;

    let fields: string[] | null = null;
    if (mark >= end) {
      fields = [];
      if (cut < pos) cut = find(delimiter, pos);
      const most = cursor.layout.count + SPARE_FIELDS;
      let from = pos;
      while (cut < end && fields.length < most) {
        fields.push(text.slice(from, cut));
        from = cut + delimiter.length;
        cut = find(delimiter, from);
      }
      fields.push(text.slice(from, end));
      if (!unusualEnd && block.damage === null && isPlain(fields, cursor, rules)) {
        const bytes = width > 0 ? (next - pos) * width : bytesBetween(block, pos, next);
        events.push(takeRow(cursor, bytes, 1, fields));
        pos = next;
        continue;
      }
    }
    const line = { start: pos, end, next, line: cursor.line, unusualEnd };
    const taken = readOddLine(block, context, line, fields, cursor, rules, events);
    if (taken === MORE) break;
    if (context.count !== cursor.layout.count) context = contextFor(block, cursor, rules);
    pos = taken;
  }
  if (block.last && pos === text.length && !/[\r\n]$/.test(text.slice(-1))) markOpenEnd(events, cursor);
  return { events, taken: pos };
}

/** The last row may be cut short in its last field: nothing else shows that. */
function markOpenEnd(events: ReadEvent[], cursor: Cursor): void {
  const event = events.pop();
  if (event === undefined) return;
  const isLast = event.byteOffset + event.byteLength === cursor.byteOffset;
  events.push(isLast ? { ...event, openEnd: true } : event);
}

function contextFor({ text, last }: Block, { layout }: Cursor, rules: RowRules): LineContext {
  const { syntax, newline, limits, usualEnd } = rules;
  const context = { text, last, syntax, newline, count: layout.count, limits };
  return { ...context, findBrokenRow: usualEnd === null ? null : createBrokenRowFinder(context, usualEnd) };
}

/** Whether a row is surely a row: it has its fields, and cannot be blank, a header or a trailer. */
function isPlain(fields: readonly string[], { layout }: Cursor, { headers, oddInitials }: RowRules): boolean {
  if (fields.length !== layout.count) return false;
  const [first = ''] = fields;
  if (oddInitials[first.charCodeAt(0)] === 0) return true;
  if (headers.mayEndInDigit) return false;
  const last = first.charCodeAt(first.length - 1);
  return last >= 48 && last <= 57;
}

/**
 * Reads a record that has quotes or is perhaps no row at all.
 * @param fields its fields, where they are split already
 * @returns where reading goes on, or `MORE`
 */
function readOddLine(
  block: Block,
  context: LineContext,
  first: FirstLine,
  fields: string[] | null,
  cursor: Cursor,
  rules: RowRules,
  events: ReadEvent[],
): number {
  const { start } = first;
  const read =
    fields === null ? readRecord(context, start, first) : { ...first, kind: 'record' as const, lines: 1, fields };
  if (read.kind === 'more') return MORE;
  const { next } = read;
  const bytes = bytesBetween(block, start, next);
  if (read.kind === 'refused') {
    const refusal = classifyRefused({ ...first, lines: 1, fields: read.fields }, block, cursor.layout.count, read);
    events.push(takeRefused(cursor, bytes, 1, refusal, read.fields));
    return next;
  }
  const { lines } = read;
  if (block.damage === null && !first.unusualEnd && isPlain(read.fields, cursor, rules)) {
    events.push(takeRow(cursor, bytes, lines, read.fields));
    return next;
  }
  const found = classifyRow({ ...first, ...read }, block, context, rules);
  switch (found.kind) {
    case 'more':
      return MORE;
    case 'row':
      events.push(takeRow(cursor, bytes, lines, read.fields));
      return next;
    case 'refused':
      events.push(takeRefused(cursor, bytes, lines, found, read.fields));
      return next;
    case 'broken':
      events.push(takeRefused(cursor, bytesBetween(block, start, found.next), found.lines, BROKEN, found.fields));
      return found.next;
    case 'blank':
      takeSkipped(cursor, bytes, lines);
      return next;
    case 'header':
      rules.extra.push(...found.layout.newExtra.slice(0, Math.max(0, MOST_EXTRA - rules.extra.length)));
      takeHeader(cursor, bytes, lines, found.layout);
      return next;
    case 'trailer':
      takeTrailer(cursor, bytes, lines, found.trailer);
      return next;
  }
}
