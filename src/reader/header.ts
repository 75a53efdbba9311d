import { headerKey } from '../feed/header.ts';
import type { Column, Dataset } from '../model/feed.ts';

/** The columns of a dataset by every spelling of their names. */
export type ColumnNames = ReadonlyMap<string, number>;

/** How a line's cells match a dataset's columns. */
export interface HeaderMatch {
  readonly cells: readonly string[];
  /** For each column the index of the first cell that names it, or null. */
  readonly fieldOf: readonly (number | null)[];
  /** How many columns were found. */
  readonly known: number;
  /** Columns that more than one cell names. */
  readonly duplicates: readonly Column[];
  /** Columns that are needed and not found. */
  readonly missing: readonly Column[];
  /** Cells that name no column (empty ones left out), … */
  readonly extra: readonly string[];
  /** … and their indexes. */
  readonly extraAt: readonly number[];
}

/** The index of each column by the keys of its header and its aliases. */
export function columnNames(dataset: Dataset): ColumnNames {
  const names = new Map<string, number>();
  for (const [index, column] of dataset.columns.entries()) {
    for (const name of [column.header, ...column.aliases]) names.set(headerKey(name), index);
  }
  return names;
}

/** Matches cells against the dataset's columns, in any order. */
export function matchHeader(cells: readonly string[], dataset: Dataset, names: ColumnNames): HeaderMatch {
  const fieldOf = dataset.columns.map((): number | null => null);
  const duplicates = new Set<Column>();
  const extraAt: number[] = [];
  for (const [index, cell] of cells.entries()) {
    const at = names.get(headerKey(cell));
    const column = at === undefined ? undefined : dataset.columns[at];
    if (at === undefined || column === undefined) {
      if (cell.trim() !== '') extraAt.push(index);
    } else if (fieldOf[at] === null) {
      fieldOf[at] = index;
    } else {
      duplicates.add(column);
    }
  }
  const known = fieldOf.filter((index) => index !== null).length;
  const extra = extraAt.map((index) => (cells[index] ?? '').trim());
  const missing = dataset.columns.filter((column, index) => fieldOf[index] === null && !column.optional);
  return { cells, fieldOf, known, duplicates: [...duplicates], missing, extra, extraAt };
}

/** Whether at least half of the cells that are not empty are known: then it is a header, and no patient's row. */
export function isMostlyKnown(match: HeaderMatch): boolean {
  return match.known > 0 && match.known >= match.extra.length;
}

/** Whether a line is so long that a row may stand behind the header in it, for want of a line end between them. */
export function mayHoldRow(match: HeaderMatch): boolean {
  return match.extra.length > 0 && match.cells.length >= 2 * match.known;
}

/** Whether a line can be taken for a header at all, perhaps a faulty one: a single word in common is chance. */
export function isHeaderLike(match: HeaderMatch, dataset: Dataset): boolean {
  return match.known >= Math.min(2, dataset.columns.length);
}
