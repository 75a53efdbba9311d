import { FileRefused } from '../errors.ts';
import { editDistance } from '../edit-distance.ts';
import { headerKey } from '../feed/header.ts';
import type { Column, Dataset } from '../feed/types.ts';
import { isMostlyKnown, type HeaderMatch } from './header.ts';

const CELLS_SHOWN = 20;
const CELL_CHARACTERS = 40;
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

/** What no column takes. It may be a patient's row, so cells are shown only where at least half of the line is known. */
function unknownCells(match: HeaderMatch): string[] {
  if (!isMostlyKnown(match)) return [`and ${match.extra.length} other cells`];
  const shown = match.extra.slice(0, CELLS_SHOWN).map(show);
  if (match.extra.length > CELLS_SHOWN) shown.push(`${match.extra.length - CELLS_SHOWN} more`);
  const parts = [`not known: ${shown.join(', ')}`];
  for (const column of match.missing) {
    const near = nearest(column, match.extra);
    if (near !== null) parts.push(`${show(near)} may be meant for ${column.header}`);
  }
  return parts;
}

function headers(columns: readonly Column[]): string {
  return columns.map((column) => column.header).join(', ');
}

/** A cell quoted, with control characters escaped, cut to a readable length. */
function show(cell: string): string {
  return JSON.stringify(cell.length > CELL_CHARACTERS ? `${cell.slice(0, CELL_CHARACTERS)}…` : cell);
}

function nearest(column: Column, cells: readonly string[]): string | null {
  let best: string | null = null;
  let fewest = Infinity;
  for (const cell of cells) {
    const key = headerKey(cell.slice(0, 2 * CELL_CHARACTERS));
    for (const name of [column.header, ...column.aliases].map(headerKey)) {
      const changes = editDistance(key, name);
      if (changes * LETTERS_PER_SLIP <= name.length && changes < fewest) {
        best = cell;
        fewest = changes;
      }
    }
  }
  return best;
}
