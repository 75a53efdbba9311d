import { FileRefused } from '../model/errors.ts';
import { createBlockReader, type BlockReader } from './blocks.ts';
import { bytesBetween, type Block } from './decode.ts';
import { describeDialect, usualEnd, type Sample } from './dialect.ts';
import { watchHeader } from './layout.ts';
import { LIMITS, type Limits } from './limits.ts';
import { countLines, lineAt } from './lines.ts';
import { findAnyHeader, findDatasetHeader, type FoundHeader } from './find-header.ts';
import { startCursor, type Cursor, type Tally } from './cursor.ts';
import { findOddInitials, readRows, type RowRules } from './rows.ts';
import { bomBytes } from './sniff.ts';
import type { Dialect, Newline, ReadOptions, Table } from './types.ts';

/**
 * Opens a file as a table: finds dialect and header, and leaves the rows to be walked.
 * @param chunks the file's bytes in order; a chunk's memory may be used again once the next one is asked for
 * @throws FileRefused `empty`, `not_text`, `no_header`, `joined_header`, `missing_column`, `duplicate_column`, `line_too_long`
 */
export function openTable(chunks: Iterable<Uint8Array>, options: ReadOptions, limits: Limits = LIMITS): Table {
  const { survey } = options;
  if (survey.bytes === 0) throw new FileRefused('empty', 'the file has no bytes');
  if (survey.notText !== null) throw new FileRefused('not_text', `the file is no text: ${survey.notText}`);
  const newline = options.newline ?? 'mixed';
  const reader = createBlockReader(chunks, survey.encoding, newline, limits);
  try {
    return openRows(reader, newline, options, limits);
  } catch (error) {
    reader.close();
    throw error;
  }
}

function openRows(reader: BlockReader, newline: Newline, options: ReadOptions, limits: Limits): Table {
  const { survey, dataset, format } = options;
  const bom = survey.bom ? bomBytes(survey.encoding) : 0;
  reader.advance(bom);
  const block = reader.read(limits.sampleBytes, 1);
  const sample = takeSample(block, newline, options.skipLines ?? 0, limits);
  const found =
    dataset === null
      ? findAnyHeader(sample, format, format.header === 'none' ? 0 : (options.headerLines ?? 1))
      : findDatasetHeader(sample, format, dataset);
  const dialect: Dialect = {
    encoding: survey.encoding,
    bom: survey.bom,
    ...describeDialect(sample, found.syntax, found.trial),
  };
  const header = { ...found.header, extra: [...found.header.extra] };
  const headers = watchHeader(header, dataset);
  const rules: RowRules = {
    syntax: found.syntax,
    newline,
    usualEnd: newline === 'mixed' ? usualEnd(found.trial) : null,
    headers,
    extra: header.extra,
    trailers: dataset !== null,
    oddInitials: findOddInitials(headers),
    limits,
  };
  const tally: Tally = { headerBytes: 0, rowBytes: 0, refusedBytes: 0, skippedBytes: bom, skippedLines: 0 };
  const line = passHeader(block, sample, found, reader, tally);
  const cursor = startCursor(line, tally.skippedBytes + tally.headerBytes, headers.layout, tally);
  return asTable(dialect, header, reader, cursor, rules);
}

function takeSample(block: Block | null, newline: Newline, skipLines: number, limits: Limits): Sample {
  const text = block?.text ?? '';
  let from = 0;
  for (let lines = 0; lines < skipLines; lines++) from = lineAt(text, from, newline).next;
  return { text, last: block?.last ?? true, from, line: skipLines + 1, newline, limits };
}

/** Moves on to the first row, and counts the lines before the header and the header; gives the row's line number. */
function passHeader(
  block: Block | null,
  sample: Sample,
  found: FoundHeader,
  reader: BlockReader,
  tally: Tally,
): number {
  if (block === null) return 1;
  const { text, newline } = sample;
  const { headerStart, rowsStart } = found;
  const before = countLines(text, 0, headerStart, newline);
  tally.skippedLines += before;
  tally.skippedBytes += bytesBetween(block, 0, headerStart);
  tally.headerBytes += bytesBetween(block, headerStart, rowsStart);
  reader.advance(bytesBetween(block, 0, rowsStart));
  return 1 + before + countLines(text, headerStart, rowsStart, newline);
}

function asTable(
  dialect: Dialect,
  header: Table['header'],
  reader: BlockReader,
  cursor: Cursor,
  rules: RowRules,
): Table {
  let state: 'open' | 'walking' | 'walked' = 'open';
  return {
    dialect,
    header,
    *batches() {
      if (state !== 'open') throw new Error('the rows of a table can be walked once');
      state = 'walking';
      try {
        yield* readRows(reader, cursor, rules);
        state = 'walked';
      } finally {
        reader.close();
      }
    },
    totals() {
      if (state !== 'walked') throw new Error('the totals of a table are known once its rows have been walked');
      return { ...cursor.tally };
    },
  };
}
