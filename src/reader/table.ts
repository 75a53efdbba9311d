import { FileRefused } from '../errors.ts';
import type { Dataset } from '../feed/types.ts';
import { bytesBetween, createBlockReader } from './blocks.ts';
import { matchHeader } from './header.ts';
import { LIMITS, type Limits } from './limits.ts';
import { lineAt } from './lines.ts';
import { readRows, type Tally } from './rows.ts';
import { splitRecord, type Syntax } from './split.ts';
import type { Dialect, Header, ReadOptions, Table } from './types.ts';

/**
 * Opens a file as a table: finds dialect and header, and leaves the rows to be walked.
 * @param chunks the file's bytes in order; a chunk's memory may be used again once the next one is asked for
 * @throws FileRefused `empty`, `not_text`, `no_header`, `missing_column`, `duplicate_column`, `line_too_long`
 */
export function openTable(chunks: Iterable<Uint8Array>, options: ReadOptions, limits: Limits = LIMITS): Table {
  const { survey, format, dataset } = options;
  if (survey.bytes === 0) throw new FileRefused('empty', 'the file has no bytes');
  const newline = options.newline ?? 'mixed';
  const reader = createBlockReader(chunks, survey.encoding, newline, limits);
  const tally: Tally = { headerBytes: 0, rowBytes: 0, refusedBytes: 0, skippedBytes: 0, skippedLines: 0 };
  if (survey.bom) {
    reader.advance(3);
    tally.skippedBytes += 3;
  }
  const block = reader.read(limits.sampleBytes, 1);
  if (block === null) throw new FileRefused('no_header', 'the file has no line');
  const syntax: Syntax = {
    delimiter: format.delimiter ?? '|',
    quote: format.quote ?? '"',
    escape: format.escape ?? 'double',
  };
  const { text } = block;
  let header: Header | null = null;
  let line = 1;
  for (let from = 0; from < text.length && header === null; line++) {
    const { end, next } = lineAt(text, from, newline);
    const cells = splitRecord(text.slice(from, end), syntax).fields;
    header = asHeader(cells, line, dataset);
    if (header === null) tally.skippedLines++;
    else tally.headerBytes = bytesBetween(block, from, next);
    const bytes = bytesBetween(block, from, next);
    if (header === null) tally.skippedBytes += bytes;
    reader.advance(bytes);
    from = next;
  }
  if (header === null) throw new FileRefused('no_header', 'no line looks like the header of the dataset');
  const dialect: Dialect = {
    encoding: survey.encoding,
    bom: survey.bom,
    delimiter: syntax.delimiter,
    quote: text.includes(syntax.quote) ? syntax.quote : null,
    escape: syntax.escape,
    newline: text.includes('\r\n') ? 'crlf' : 'lf',
  };
  const rules = { syntax, newline, count: header.cells.length };
  let state: 'open' | 'walking' | 'walked' = 'open';
  return {
    dialect,
    header,
    *batches() {
      if (state !== 'open') throw new Error('the rows of a table can be walked once');
      state = 'walking';
      try {
        yield* readRows(reader, line, rules, tally, limits);
        state = 'walked';
      } finally {
        reader.close();
      }
    },
    totals() {
      if (state !== 'walked') throw new Error('the totals of a table are known once its rows have been walked');
      return { ...tally };
    },
  };
}

function asHeader(cells: readonly string[], line: number, dataset: Dataset | null): Header | null {
  if (dataset === null) {
    if (cells.length === 1 && cells[0]?.trim() === '') return null;
    return { cells, line, fieldOf: cells.map((_, index) => index), extra: [] };
  }
  const match = matchHeader(cells, dataset);
  if (match.known < 2 && match.known < dataset.columns.length) return null;
  const missing = dataset.columns.filter((column, index) => match.fieldOf[index] === null && !column.optional);
  if (missing.length > 0) {
    const names = missing.map((column) => column.header).join(', ');
    throw new FileRefused('missing_column', `the header lacks ${names}`);
  }
  if (match.duplicates.length > 0) {
    const names = match.duplicates.map((column) => column.header).join(', ');
    throw new FileRefused('duplicate_column', `the header has ${names} more than once`);
  }
  return { cells, line, fieldOf: match.fieldOf, extra: match.extra };
}
