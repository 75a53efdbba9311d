import type { Column, Dataset } from '../feed/types.ts';

/** How a line's cells match a dataset's columns. */
export interface HeaderMatch {
  readonly cells: readonly string[];
  /** For each column the index of its cell, or null. */
  readonly fieldOf: readonly (number | null)[];
  /** How many columns were found. */
  readonly known: number;
  /** Columns that more than one cell names. */
  readonly duplicates: readonly Column[];
  /** Cells that name no column (empty ones left out). */
  readonly extra: readonly string[];
}

/** A header cell without what does not count: case, spaces, punctuation. */
export function headerKey(cell: string): string {
  return cell
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

/** Matches cells against the dataset's headers and aliases, in any order. */
export function matchHeader(cells: readonly string[], dataset: Dataset): HeaderMatch {
  const columnOf = new Map<string, number>();
  for (const [index, column] of dataset.columns.entries()) {
    for (const name of [column.header, ...column.aliases]) columnOf.set(headerKey(name), index);
  }
  const fieldOf = dataset.columns.map((): number | null => null);
  const duplicates = new Set<Column>();
  const extra: string[] = [];
  for (const [index, cell] of cells.entries()) {
    const key = headerKey(cell);
    const at = key === '' ? undefined : columnOf.get(key);
    const column = at === undefined ? undefined : dataset.columns[at];
    if (at === undefined || column === undefined) {
      if (cell.trim() !== '') extra.push(cell.trim());
    } else if (fieldOf[at] === null) {
      fieldOf[at] = index;
    } else {
      duplicates.add(column);
    }
  }
  const known = fieldOf.filter((index) => index !== null).length;
  return { cells, fieldOf, known, duplicates: [...duplicates], extra };
}
