import { z } from 'zod';
import { type Protection, PROTECTIONS, type ProtectionName } from '../columns/protections.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../columns/registry.ts';
import type { Path, Problem } from './problem.ts';

const NAMES = Object.keys(PROTECTIONS) as [ProtectionName, ...ProtectionName[]];

/** A column of a definition as far as its protection is concerned. */
interface ProtectedColumn {
  readonly name: string;
  readonly type: ColumnTypeName;
  readonly required: boolean;
  readonly references?: string | undefined;
  protect?: ProtectionName | undefined;
}

interface ProtectedDataset {
  readonly table: string;
  readonly key?: string | readonly string[] | undefined;
  readonly columns: readonly ProtectedColumn[];
}

/** What a column of a feed definition may say of how its values are protected. */
export const protectShape = { protect: z.enum(NAMES).optional() };

/** What is wrong with the protection of a column that is no reference. */
export function protectProblems(column: ProtectedColumn, isKey: boolean, path: Path): readonly Problem[] {
  if (column.protect === undefined) return [];
  const at = [...path, 'protect'];
  const { storage } = COLUMN_TYPES[column.type];
  const fitting = NAMES.filter((name) => {
    const { of, keepsKeys }: Protection = PROTECTIONS[name];
    return of.includes(storage) && (!isKey || keepsKeys);
  });
  if (!fitting.includes(column.protect)) {
    const what = isKey ? 'a key' : `a column of type ${column.type}`;
    return [{ path: at, problem: `cannot be ${column.protect}: ${what} can be protected by ${fitting.join(', ')}` }];
  }
  if (column.protect === 'drop' && column.required)
    return [{ path: at, problem: 'cannot be drop: the column is required' }];
  return [];
}

/** What is wrong with what a reference says of its protection: it has that of the key it refers to. */
export function referenceProtectProblems(
  column: ProtectedColumn,
  parent: { readonly table: string; readonly key: ProtectedColumn },
  path: Path,
): readonly Problem[] {
  if (column.protect === undefined || column.protect === parent.key.protect) return [];
  const its = `${parent.table}.${parent.key.name}`;
  const problem =
    parent.key.protect === undefined
      ? `belongs to the key that it refers to: protect ${its}, and its references follow`
      : `is ${parent.key.protect}, as that of ${its}: leave it out`;
  return [{ path: [...path, 'protect'], problem }];
}

/**
 * How each column is protected, references as the keys that they refer to.
 * @param datasets parents before children
 */
export function protectionsOf(
  datasets: readonly ProtectedDataset[],
): (column: ProtectedColumn) => ProtectionName | null {
  const found = new Map<ProtectedColumn, ProtectionName | null>();
  const keys = new Map<string, ProtectionName | null>();
  for (const { table, key, columns } of datasets) {
    for (const column of columns) {
      const inherited = column.references === undefined ? null : (keys.get(column.references) ?? null);
      found.set(column, inherited ?? column.protect ?? null);
    }
    // A key of several columns is referred to by nobody.
    const name = typeof key === 'string' ? key : key?.[0];
    const one = name === undefined ? columns[0] : columns.find((column) => column.name === name);
    keys.set(table, one === undefined ? null : (found.get(one) ?? null));
  }
  return (column) => found.get(column) ?? null;
}

/** `protect` of an environment: what protects columns that the feed itself leaves in the clear, by `table.column`. */
export const overlaySchema = z.record(z.string(), z.enum(NAMES));
export type ProtectOverlay = z.output<typeof overlaySchema>;

/**
 * Puts an environment's protection on the columns that it names.
 * @returns what it names that is not there
 */
export function applyOverlay(datasets: readonly ProtectedDataset[], overlay: ProtectOverlay): readonly Problem[] {
  return Object.entries(overlay).flatMap(([place, protect]) => {
    const [table, name] = place.split('.');
    const column = datasets.find((one) => one.table === table)?.columns.find((one) => one.name === name);
    if (column === undefined)
      return [{ path: ['datasets'], problem: `there is no column ${place}, which the environment protects` }];
    column.protect = protect;
    return [];
  });
}
