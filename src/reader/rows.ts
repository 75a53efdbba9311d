import { bytesBetween, damagedBetween, type Block, type BlockReader } from './blocks.ts';
import type { Limits } from './limits.ts';
import { readRecord, type RecordContext } from './records.ts';
import type { Syntax } from './split.ts';
import type { Newline, ReadEvent, ReadTotals } from './types.ts';

/** What the opening of a table has found out, for the rows to be read by. */
export interface RowRules {
  readonly syntax: Syntax;
  readonly newline: Newline;
  /** Fields of a row. */
  readonly count: number;
}

/** The counts of `ReadTotals` while they grow. */
export type Tally = { -readonly [key in keyof ReadTotals]: ReadTotals[key] };

/** The place of a text's next occurrence of a string at or behind a place that only moves on. */
const NOWHERE = Number.MAX_SAFE_INTEGER;

/** Reads rows in batches from where the reader stands. */
export function* readRows(
  reader: BlockReader,
  firstLine: number,
  rules: RowRules,
  tally: Tally,
  limits: Limits,
): Generator<ReadEvent[]> {
  let line = firstLine;
  let target = limits.blockBytes;
  for (;;) {
    const block = reader.read(target, line);
    if (block === null) return;
    const pass = readBlock(block, line, rules, tally, limits);
    line = pass.line;
    if (pass.taken === 0) {
      target = Math.min(target * 2, block.text.length * 4 + limits.lineBytes);
      continue;
    }
    target = limits.blockBytes;
    reader.advance(bytesBetween(block, 0, pass.taken));
    for (let from = 0; from < pass.events.length; from += limits.batchRows) {
      yield from === 0 && pass.events.length <= limits.batchRows
        ? pass.events
        : pass.events.slice(from, from + limits.batchRows);
    }
  }
}

interface Pass {
  readonly events: ReadEvent[];
  /** How much of the block's text was read: a record that needs more text is left. */
  readonly taken: number;
  readonly line: number;
}

/**
 * Reads the records of a block. The plain row (no quote in it) is split in place: this loop is what the speed of
 * reading hangs on. `lf`, `cr`, `mark` and `cut` are the next line feed, carriage return, quote and delimiter.
 */
function readBlock(block: Block, firstLine: number, rules: RowRules, tally: Tally, limits: Limits): Pass {
  const { text, width } = block;
  const { delimiter, quote } = rules.syntax;
  const context: RecordContext = {
    ...rules,
    text,
    last: block.last,
    limits,
    bytes: (from, to) => bytesBetween(block, from, to),
  };
  const find = (what: string, from: number): number => {
    const at = text.indexOf(what, from);
    return at === -1 ? NOWHERE : at;
  };
  const events: ReadEvent[] = [];
  let line = firstLine;
  let byteOffset = block.byteOffset;
  let pos = 0;
  let lf = -1;
  let cr = -1;
  let mark = -1;
  let cut = -1;
  while (pos < text.length) {
    if (lf < pos) lf = find('\n', pos);
    if (cr < pos) cr = find('\r', pos);
    if (mark < pos) mark = find(quote, pos);
    let end = Math.min(lf, cr);
    let next = end + 1;
    if (end === NOWHERE) end = next = text.length;
    else if (cr + 1 === lf) next = lf + 1;

    let fields: string[];
    let lines = 1;
    if (mark < end) {
      const read = readRecord(context, pos, { end, next });
      if (read.kind === 'more') break;
      next = read.next;
      if (read.kind === 'refused') {
        const byteLength = bytesBetween(block, pos, next);
        const { code, reason, fields } = read;
        events.push({ kind: 'refused', line, byteOffset, byteLength, code, reason, fields });
        tally.refusedBytes += byteLength;
        line++;
        byteOffset += byteLength;
        pos = next;
        continue;
      }
      fields = read.fields;
      lines = read.lines;
    } else {
      fields = [];
      let from = pos;
      if (cut < pos) cut = find(delimiter, pos);
      while (cut < end) {
        fields.push(text.slice(from, cut));
        from = cut + delimiter.length;
        cut = find(delimiter, from);
      }
      fields.push(text.slice(from, end));
    }

    const byteLength = width > 0 ? (next - pos) * width : bytesBetween(block, pos, next);
    if (fields.length === 1 && fields[0]?.trim() === '') {
      tally.skippedBytes += byteLength;
      tally.skippedLines += lines;
    } else if (damagedBetween(block, pos, next)) {
      const reason = "bytes that are not text in the file's encoding";
      events.push({ kind: 'refused', line, byteOffset, byteLength, code: 'bad_encoding', reason, fields });
      tally.refusedBytes += byteLength;
    } else if (fields.length !== rules.count) {
      const reason = `${fields.length} fields instead of ${rules.count}`;
      events.push({ kind: 'refused', line, byteOffset, byteLength, code: 'field_count', reason, fields });
      tally.refusedBytes += byteLength;
    } else {
      events.push({ kind: 'row', line, byteOffset, byteLength, fields });
      tally.rowBytes += byteLength;
    }
    line += lines;
    byteOffset += byteLength;
    pos = next;
  }
  return { events, taken: pos, line };
}
