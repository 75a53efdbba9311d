import { editDistance } from '../feed/edit-distance.ts';
import { FileRefused } from '../model/errors.ts';
import { headerKey } from '../feed/header.ts';
import type { Column, Dataset } from '../model/feed.ts';
import { isMostlyKnown, mayHoldRow, type HeaderMatch } from './header.ts';

/** Of a cell so many characters are compared with the names of columns. */
const CELL_CHARACTERS = 80;
/** So many unknown cells are compared with them. */
const MOST_CELLS = 200;
/** A cell is taken for a misspelt name when at most one in so many of its letters must be changed. */
const LETTERS_PER_SLIP = 3;

/** @throws FileRefused `missing_column` or `duplicate_column`, unless the header has every column needed, once */
export function checkHeader(match: HeaderMatch, line: number, dataset: Dataset): void {
  if (match.missing.length > 0) {
    throw new FileRefused('missing_column', [missing(match, line), ...context(match, dataset)].join('; '));
  }
  if (match.duplicates.length > 0) {
    const twice = headers(match.duplicates);
    throw new FileRefused(
      'duplicate_column',
      [`the header in line ${line} has ${twice} more than once`, ...context(match, dataset)].join('; '),
    );
  }
}

/** A header in whose line a row stands; see `isJoined`. */
export function joinedHeader(match: HeaderMatch, line: number): FileRefused {
  return new FileRefused(
    'joined_header',
    `the header in line ${line} has ${match.cells.length} cells, ${match.known} of them known, and no row is as wide, ` +
      'or each is two rows: it seems to lack its line end, so that a row stands behind it',
  );
}

/** The columns that a header of the dataset must have, for a person to read. */
export function expectedColumns(dataset: Dataset): string {
  return `expected: ${dataset.columns.map((column) => column.header + (column.optional ? ' (optional)' : '')).join(', ')}`;
}

function missing(match: HeaderMatch, line: number): string {
  return `the header in line ${line} lacks ${headers(match.missing)}`;
}

function context(match: HeaderMatch, dataset: Dataset): string[] {
  const found = dataset.columns.filter((_, index) => match.fieldOf[index] !== null);
  // Where most are there, what is missing says it all.
  const isShort = match.missing.length > 0 && match.missing.length < found.length;
  const parts = isShort ? [] : [expectedColumns(dataset), `found: ${headers(found)}`];
  if (match.extra.length > 0) parts.push(...unknownCells(match, dataset));
  return parts;
}

/** What no column takes, by its place: a row may stand behind the header, or in its stead (P8). */
function unknownCells(match: HeaderMatch, dataset: Dataset): string[] {
  const [only] = match.extraAt;
  const parts = [
    match.extraAt.length === 1
      ? `cell ${(only ?? 0) + 1} is not known`
      : `cells ${ranges(match.extraAt.map((index) => index + 1))} are not known`,
  ];
  const isHeader = isMostlyKnown(match) && !mayHoldRow(match);
  for (const [{ header }, index] of likelyCells(match, dataset, isHeader)) {
    const cell = `cell ${index + 1}`;
    const advice = `: if it is, add \`aliases: ['<${cell}>']\` to ${header} in the feed`;
    parts.push(`${cell} may be meant for ${header}${isHeader ? advice : ''}`);
  }
  return [...parts, '`landfall preview FILE` shows them'];
}

/** The indexes of unknown cells that may be columns which are missing: by their names or, in a line that is surely a header, by their places. */
function likelyCells(match: HeaderMatch, dataset: Dataset, byPlace: boolean): Map<Column, number> {
  const likely = new Map<Column, number>();
  for (const column of match.missing) {
    const near = nearest(column, match);
    if (near !== null) likely.set(column, near);
  }
  const taken = new Set(likely.values());
  for (const column of byPlace ? match.missing : []) {
    const index = inPlace(column, match, dataset);
    if (index === null || likely.has(column) || taken.has(index)) continue;
    likely.set(column, index);
    taken.add(index);
  }
  return likely;
}

/** The index of the unknown cell that stands where a column should: the only one, or beside the column's neighbour in the feed. */
function inPlace(column: Column, match: HeaderMatch, dataset: Dataset): number | null {
  const [only] = match.extraAt;
  if (match.missing.length === 1 && match.extraAt.length === 1 && only !== undefined) return only;
  const at = dataset.columns.indexOf(column);
  const behind = (match.fieldOf[at - 1] ?? NaN) + 1;
  const before = (match.fieldOf[at + 1] ?? NaN) - 1;
  return match.extraAt.find((index) => index === behind || index === before) ?? null;
}

/** Ascending numbers, those that follow each other as a range: `2, 4-7`. */
function ranges(numbers: readonly number[]): string {
  const found: { from: number; to: number }[] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last?.to === number - 1) last.to = number;
    else found.push({ from: number, to: number });
  }
  return found.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

function headers(columns: readonly Column[]): string {
  return columns.map((column) => column.header).join(', ');
}

/** The index of the unknown cell that is nearest to a column's name, or null where none is near. */
function nearest(column: Column, match: HeaderMatch): number | null {
  const names = [column.header, ...column.aliases].map(headerKey);
  let best: number | null = null;
  let fewest = Infinity;
  for (const index of match.extraAt.slice(0, MOST_CELLS)) {
    const key = headerKey((match.cells[index] ?? '').slice(0, CELL_CHARACTERS));
    for (const name of names) {
      const most = name.length / LETTERS_PER_SLIP;
      if (Math.abs(key.length - name.length) > most) continue;
      const changes = editDistance(key, name);
      if (changes <= most && changes < fewest) {
        best = index;
        fewest = changes;
      }
    }
  }
  return best;
}
