import { FileRefused } from '../model/errors.ts';
import type { Dataset, FeedFormat } from '../model/feed.ts';
import { isBlank } from './split.ts';
import {
  isBetterQuoting,
  possibleDelimiters,
  possibleSyntaxes,
  sampleContext,
  sampleRecords,
  tryRows,
  type Sample,
  type Trial,
} from './dialect.ts';
import { isJoined, showExtra, type RowsBelow } from './extra-cells.ts';
import { checkHeader, expectedColumns, joinedHeader } from './check-header.ts';
import { columnNames, isHeaderLike, isMostlyKnown, matchHeader, type ColumnNames, type HeaderMatch } from './header.ts';
import { lineAt } from './lines.ts';
import { readRecord } from './records.ts';
import { splitRecord, type Syntax } from './split.ts';
import type { Header } from './types.ts';

/** Where a table begins and how it is written. */
export interface FoundHeader {
  readonly syntax: Syntax;
  readonly trial: Trial;
  readonly header: Header;
  /** The header is `text[headerStart, rowsStart)` of the sample; nothing where there is none. */
  readonly headerStart: number;
  readonly rowsStart: number;
}

/** A header is looked for in so many lines, … */
const HEADER_LINES = 100;
/** … of which none is longer than this. */
const HEADER_CHARACTERS = 64 * 1024;
/** With fewer columns than this a title may happen to have as many cells as a row. */
const TELLING_COLUMNS = 3;

/** A line that may be the header. */
interface Head {
  readonly cells: readonly string[];
  readonly start: number;
  readonly next: number;
  /** 0 where there is none. */
  readonly line: number;
  readonly match: HeaderMatch | null;
}

interface Candidate {
  readonly syntax: Syntax;
  readonly trial: Trial;
  readonly head: Head;
}

/**
 * Finds the header of a dataset, and with it the dialect: the delimiter that makes most of the columns known.
 * @throws FileRefused `no_header`, `joined_header`, `missing_column`, `duplicate_column`
 */
export function findDatasetHeader(sample: Sample, format: FeedFormat, dataset: Dataset): FoundHeader {
  const names = columnNames(dataset);
  const find = (syntax: Syntax): Head | null =>
    format.header === 'none' ? impliedHead(sample, syntax, dataset, names) : findHead(sample, syntax, dataset, names);
  const best = bestCandidate(sample, format, find);
  const match = best?.head.match ?? null;
  if (best === null || match === null) {
    const hint = delimiterHint(sample, format, dataset, names);
    throw new FileRefused(
      'no_header',
      `no line looks like the header of ${dataset.name}; ${expectedColumns(dataset)}${hint}`,
    );
  }
  checkHeader(match, best.head.line, dataset);
  const { cells, line } = best.head;
  const below = match.extra.length === 0 ? null : rowsBelow(sample, best, match);
  if (below !== null && isJoined(match, dataset, format, below)) throw joinedHeader(match, line);
  refuseRowsAbove(sample, best, dataset);
  return asOpening(best, {
    cells,
    line,
    fieldOf: match.fieldOf,
    extra: below === null ? [] : showExtra(match, below),
  });
}

/** The first rows below a header; the same header again is none. */
function rowsBelow(sample: Sample, { syntax, head }: Candidate, match: HeaderMatch): RowsBelow {
  const key = match.fieldOf[0] ?? 0;
  const width = head.cells.length;
  const records = sampleRecords(sample, head.next, width, syntax);
  const rows = records.filter((fields) => fields[key] !== head.cells[key] && !isBlank(fields));
  return { asWide: rows.filter((fields) => fields.length === width), count: rows.length, last: sample.last };
}

/** Where the feed fixes a delimiter, but the header is there with another one. */
function delimiterHint(sample: Sample, format: FeedFormat, dataset: Dataset, names: ColumnNames): string {
  if (format.delimiter === null || format.header === 'none') return '';
  const found = bestCandidate(sample, { ...format, delimiter: null }, (syntax) =>
    findHead(sample, syntax, dataset, names),
  );
  if (found === null) return '';
  const [fixed, other] = [format.delimiter, found.syntax.delimiter].map((delimiter) => JSON.stringify(delimiter));
  return `; with the delimiter ${other} it is in line ${found.head.line}, but ${fixed} is fixed`;
}

/**
 * Opens any delimited file: its first lines that are not blank are the header.
 * @param headerLines how many; 0: the columns are numbered
 * @throws FileRefused `no_header`
 */
export function findAnyHeader(sample: Sample, format: FeedFormat, headerLines: number): FoundHeader {
  const best = bestCandidate(sample, format, (syntax) => firstLines(sample, syntax, headerLines));
  if (best === null) throw new FileRefused('no_header', 'the file has nothing but blank lines');
  const { cells, line } = best.head;
  return asOpening(best, { cells, line, fieldOf: cells.map((_, index) => index), extra: [] });
}

function asOpening({ syntax, trial, head }: Candidate, header: Header): FoundHeader {
  return { syntax, trial, header, headerStart: head.start, rowsStart: head.next };
}

function bestCandidate(sample: Sample, format: FeedFormat, find: (syntax: Syntax) => Head | null): Candidate | null {
  let best: Candidate | null = null;
  for (const delimiter of possibleDelimiters(sample, format)) {
    let usual: Candidate | null = null;
    for (const syntax of possibleSyntaxes(sample, format, delimiter)) {
      const head = find(syntax);
      if (head === null) continue;
      const candidate = { syntax, head, trial: tryRows(sample, head.next, head.cells.length, syntax) };
      if (usual === null || isBetterQuoting(candidate, usual)) usual = candidate;
    }
    if (usual !== null && (best === null || score(usual) > score(best))) best = usual;
    if (usual !== null && usual.head.cells.length > 1 && usual.head.line > 0 && isWholeHeader(usual.head.match)) break;
  }
  return best;
}

/**
 * Known columns first; then the delimiters that are where they should be in rows. A delimiter that only the header has
 * weighs more than a single row without any, but less than two.
 */
function score({ head, trial }: Candidate): number {
  const known = head.match?.known ?? 0;
  const delimiters = head.cells.length - 1;
  return known * 1e9 + trial.good * (delimiters + 0.001) + (delimiters > 0 ? 0.0015 : 0);
}

function isWholeHeader(match: HeaderMatch | null): boolean {
  return match !== null && match.missing.length + match.duplicates.length + match.extra.length === 0;
}

/** The first line that is clearly the header, or the one with the most known columns. */
function findHead(sample: Sample, syntax: Syntax, dataset: Dataset, names: ColumnNames): Head | null {
  let best: Head | null = null;
  for (const head of heads(sample, syntax)) {
    const match = matchHeader(head.cells, dataset, names);
    if (!isHeaderLike(match, dataset)) continue;
    if (match.known > (best?.match?.known ?? 0)) best = { ...head, match };
    if (isMostlyKnown(match) && match.known * 2 >= dataset.columns.length) break;
  }
  return best;
}

/** Where files have no header line, the columns stand in the dataset's order; a file that has one nevertheless is read by it. */
function impliedHead(sample: Sample, syntax: Syntax, dataset: Dataset, names: ColumnNames): Head {
  for (const head of heads(sample, syntax)) {
    if (isBlank(head.cells)) continue;
    const match = matchHeader(head.cells, dataset, names);
    if (isHeaderLike(match, dataset) && isWholeHeader(match)) return { ...head, match };
    break;
  }
  const cells = dataset.columns.map((column) => column.header);
  return { cells, start: sample.from, next: sample.from, line: 0, match: matchHeader(cells, dataset, names) };
}

/** The first lines that are not blank, as one header: the cells of a column joined by spaces. */
function firstLines(sample: Sample, syntax: Syntax, count: number): Head | null {
  let header: Head | null = null;
  let lines = 0;
  for (const head of heads(sample, syntax)) {
    if (isBlank(head.cells) || (header !== null && head.start < header.next)) continue;
    if (count === 0) {
      const cells = head.cells.map((_, index) => `field_${index + 1}`);
      return { cells, start: sample.from, next: sample.from, line: 0, match: null };
    }
    header = header === null ? head : joinHeads(header, head);
    if (++lines === count) break;
  }
  return header;
}

function joinHeads(above: Head, below: Head): Head {
  const cells = Array.from({ length: Math.max(above.cells.length, below.cells.length) }, (_, index) =>
    [above.cells[index] ?? '', below.cells[index] ?? '']
      .map((cell) => cell.trim())
      .filter((cell) => cell !== '')
      .join(' '),
  );
  return { ...above, cells, next: below.next };
}

/** The records that begin at each of the first lines. */
function* heads(sample: Sample, syntax: Syntax): Generator<Head> {
  const { text, newline } = sample;
  const context = sampleContext(sample, syntax, null);
  let at = sample.from;
  for (let lines = 0; lines < HEADER_LINES && at < text.length; lines++) {
    const line = lineAt(text, at, newline);
    if (line.end - at <= HEADER_CHARACTERS) {
      const read = readRecord(context, at, line);
      const { fields, next } =
        read.kind === 'record' && !read.fields.some((cell) => isRowLike(cell, syntax))
          ? read
          : { fields: splitRecord(text.slice(at, line.end), syntax, Infinity).fields, next: line.next };
      yield { cells: fields, start: at, next, line: sample.line + lines, match: null };
    }
    at = line.next;
  }
}

/** A stray quote makes one cell of the lines up to the next quote: a name may be broken into lines, but not divided as rows are. */
function isRowLike(cell: string, { delimiter }: Syntax): boolean {
  return /[\r\n]/.test(cell) && cell.includes(delimiter);
}

/**
 * Titles before a header are left out; rows are not, so a header that has rows above it is refused. Rows may be joined, or broken:
 * where no row stands below the header, less makes a line a row.
 */
function refuseRowsAbove(sample: Sample, { syntax, trial, head }: Candidate, dataset: Dataset): void {
  const known = head.match?.known ?? head.cells.length;
  if (known < TELLING_COLUMNS) return;
  const isEmpty = trial.good === 0 && sample.last;
  let rows = 0;
  for (const above of heads(sample, syntax)) {
    if (above.start >= head.start) break;
    const filled = above.cells.filter((cell) => cell.trim() !== '').length;
    if (isEmpty ? filled >= TELLING_COLUMNS : above.cells.length >= known && filled * 2 > known) rows++;
  }
  if (rows === 0) return;
  throw new FileRefused(
    'no_header',
    `the header of ${dataset.name} is in line ${head.line}, but ` +
      (rows === 1 ? 'a line above it looks like a row' : `${rows} lines above it look like rows`),
  );
}
