import { FileRefused } from '../model/errors.ts';
import { headerKey } from '../feed/header.ts';
import type { Dataset } from '../model/feed.ts';
import { checkHeader, joinedHeader } from './check-header.ts';
import { columnNames, isHeaderLike, isMostlyKnown, matchHeader, mayHoldRow } from './header.ts';
import type { Header } from './types.ts';

/** How the fields of the rows at hand stand. */
export interface Layout {
  /** Fields of a row. */
  readonly count: number;
  /** For each cell of the file's first header the index of its field (-1: it has none); null: they stand as there. */
  readonly arrange: readonly number[] | null;
  /**
   * Cells that neither a column nor the first header has, by their places: a row may stand behind the header (P8).
   */
  readonly newExtra: readonly string[];
}

/** Tells a header that is repeated further down: several files were put together. */
export interface HeaderWatch {
  readonly layout: Layout;
  /** By the code of a line's first character (below 256): whether it may begin a header. */
  readonly mayBegin: Uint8Array;
  /** Whether a header's first cell may end in a digit. */
  readonly mayEndInDigit: boolean;
  /**
   * The layout of the rows below a line, or null where it is no header.
   * @throws FileRefused where the columns are not those of the first header
   */
  read(fields: readonly string[], line: number): Layout | null;
}

/**
 * Watches for headers below the first one. Files put together may have their columns in another order: their rows
 * are brought into the order of the first header, so that no value gets into a wrong column.
 */
export function watchHeader(header: Header, dataset: Dataset | null): HeaderWatch {
  const layout: Layout = { count: header.cells.length, arrange: null, newExtra: [] };
  const keys = header.cells.map(headerKey);
  // The first of those that are the same.
  const placeOf = new Map(keys.map((key, index) => [key, index] as const).toReversed());
  const names = dataset === null ? new Map<string, number>() : columnNames(dataset);
  const firstCells = new Set([...names.keys(), ...keys].filter((key) => key !== ''));
  const watched = header.line > 0 || dataset !== null;
  const mayBegin = firstCharacters(firstCells);

  function read(fields: readonly string[], line: number): Layout | null {
    if (!watched || mayBegin[fields[0]?.charCodeAt(0) ?? 0] === 0 || !firstCells.has(headerKey(fields[0] ?? '')))
      return null;
    if (dataset === null) return isSame(fields) ? layout : null;
    if (fields.length === keys.length && fields.every((field, index) => headerKey(field) === keys[index]))
      return layout;
    const match = matchHeader(fields, dataset, names);
    if (!isHeaderLike(match, dataset) || !isMostlyKnown(match) || match.known * 2 < dataset.columns.length) return null;
    // The line is then refused, and no row is lost with it; rows that are as wide as it are refused, too.
    if (mayHoldRow(match) && fields.length !== keys.length) return null;
    checkHeader(match, line, dataset);
    const newAt = match.extraAt.filter((index) => !placeOf.has(headerKey(fields[index] ?? '')));
    if (mayHoldRow(match) && newAt.length > 0) throw joinedHeader(match, line);
    const arrange = header.cells.map((): number => -1);
    for (const [column, field] of match.fieldOf.entries()) {
      const place = header.fieldOf[column] ?? null;
      if (field === null) continue;
      if (place === null) {
        const name = dataset.columns[column]?.header ?? '';
        throw new FileRefused('missing_column', `the header in line ${line} has ${name}, the one before it lacks it`);
      }
      arrange[place] = field;
    }
    for (const [index, field] of fields.entries()) {
      const place = placeOf.get(headerKey(field));
      if (place !== undefined && arrange[place] === -1) arrange[place] = index;
    }
    return { count: fields.length, arrange, newExtra: newAt.map((index) => `cell ${index + 1} of line ${line}`) };
  }

  /** Without a dataset nothing is known of the cells: only the very same line is a header again. */
  function isSame(fields: readonly string[]): boolean {
    return (
      fields.length === keys.length && fields.every((field, index) => field.trim() === header.cells[index]?.trim())
    );
  }

  return {
    layout,
    mayBegin,
    mayEndInDigit: [...firstCells].some((key) => /\d$/.test(key)),
    read,
  };
}

/** A row's fields in the order of the first header. */
export function arrangeFields(fields: readonly string[], arrange: readonly number[]): string[] {
  return arrange.map((index) => fields[index] ?? '');
}

const KEY_OF_CODE = Array.from({ length: 256 }, (_, code) => headerKey(String.fromCharCode(code)));

/** Letters and digits that a key begins with, and everything that is neither: it does not count in a header. */
function firstCharacters(keys: ReadonlySet<string>): Uint8Array {
  const firsts = new Set([...keys].map((key) => key.charAt(0)));
  return Uint8Array.from(KEY_OF_CODE, (key) => (key === '' || firsts.has(key.charAt(0)) ? 1 : 0));
}
