import { editDistance } from '../edit-distance.ts';
import { FileRefused } from '../errors.ts';
import { headerKey } from '../feed/header.ts';
import type { Column, Dataset } from '../feed/types.ts';
import type { HeaderMatch } from './header.ts';

/** Of a cell so many characters are compared with the names of columns. */
const CELL_CHARACTERS = 80;
/** A cell is taken for a misspelt name when at most one in so many of its letters must be changed. */
const LETTERS_PER_SLIP = 3;

/** @throws FileRefused `missing_column` or `duplicate_column`, unless the header has every column needed, once */
export function checkHeader(match: HeaderMatch, line: number, dataset: Dataset): void {
  if (match.missing.length > 0) {
    throw new FileRefused('missing_column', `${missing(match, line)}; ${context(match, dataset)}`);
  }
  if (match.duplicates.length > 0) {
    const twice = headers(match.duplicates);
    throw new FileRefused(
      'duplicate_column',
      `the header in line ${line} has ${twice} more than once; ${context(match, dataset)}`,
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

function context(match: HeaderMatch, dataset: Dataset): string {
  const found = dataset.columns.filter((_, index) => match.fieldOf[index] !== null);
  const parts = [expectedColumns(dataset), `found: ${headers(found)}`];
  if (match.extra.length > 0) parts.push(...unknownCells(match));
  return parts.join('; ');
}

/** What no column takes, by its place: a row may stand behind the header, or in its stead (P8). */
function unknownCells(match: HeaderMatch): string[] {
  const [only] = match.extraAt;
  const parts = [
    match.extraAt.length === 1
      ? `cell ${(only ?? 0) + 1} is not known`
      : `cells ${ranges(match.extraAt.map((index) => index + 1))} are not known`,
  ];
  for (const column of match.missing) {
    const near = nearest(column, match);
    if (near !== null) parts.push(`cell ${near + 1} may be meant for ${column.header}`);
  }
  return [...parts, '`landfall preview` shows them'];
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
  let best: number | null = null;
  let fewest = Infinity;
  for (const index of match.extraAt) {
    const key = headerKey((match.cells[index] ?? '').slice(0, CELL_CHARACTERS));
    for (const name of [column.header, ...column.aliases].map(headerKey)) {
      const changes = editDistance(key, name);
      if (changes * LETTERS_PER_SLIP <= name.length && changes < fewest) {
        best = index;
        fewest = changes;
      }
    }
  }
  return best;
}
