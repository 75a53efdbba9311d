import type { Ddl } from './ddl.ts';
import type { FoundColumn, FoundTable } from './found-tables.ts';
import type { ColumnModel, IndexModel, TableModel } from './table-model.ts';

/** How the tables that are there differ from those that a feed asks for. */
export type Difference =
  | { readonly kind: 'missing_table'; readonly table: TableModel }
  | { readonly kind: 'missing_column'; readonly table: TableModel; readonly column: ColumnModel }
  | { readonly kind: 'missing_index'; readonly table: TableModel; readonly index: IndexModel }
  /** One that the feed does not know. */
  | { readonly kind: 'extra_column'; readonly table: TableModel; readonly column: FoundColumn }
  | { readonly kind: 'extra_index'; readonly table: TableModel; readonly name: string }
  /** What is there, but otherwise than the feed says; `found` and `wanted` in words. */
  | { readonly kind: 'other'; readonly what: string; readonly found: string; readonly wanted: string };

/**
 * Holds the tables of a feed against those that are there.
 * @param found those of the feed's tables that there are; others may be among them
 */
export function findDifferences(
  wanted: readonly TableModel[],
  found: readonly FoundTable[],
  ddl: Ddl,
): readonly Difference[] {
  return wanted.flatMap((table) => {
    const there = found.find(({ name }) => name === table.name);
    return there === undefined ? [{ kind: 'missing_table' as const, table }] : tableDifferences(table, there, ddl);
  });
}

function tableDifferences(table: TableModel, found: FoundTable, ddl: Ddl): readonly Difference[] {
  const byName = new Map(found.columns.map((column) => [column.name, column]));
  const known = new Set(table.columns.map(({ name }) => name));
  const key: Difference[] =
    table.key.join() === found.key.join()
      ? []
      : [
          {
            kind: 'other',
            what: `the primary key of ${table.name}`,
            found: listed(found.key),
            wanted: listed(table.key),
          },
        ];
  const isThere = (index: IndexModel) =>
    found.indexes.some(({ name, columns }) => name === index.name || columns.join() === index.column);
  const isOurs = ({ name, columns }: FoundTable['indexes'][number]) =>
    table.indexes.some((index) => index.name === name || columns.join() === index.column);
  return [
    ...key,
    ...table.columns.flatMap((column) => {
      const there = byName.get(column.name);
      return there === undefined
        ? [{ kind: 'missing_column' as const, table, column }]
        : columnDifferences(table, column, there, found, ddl);
    }),
    ...found.columns
      .filter(({ name }) => !known.has(name))
      .map((column) => ({ kind: 'extra_column' as const, table, column })),
    ...table.indexes
      .filter((index) => !isThere(index))
      .map((index) => ({ kind: 'missing_index' as const, table, index })),
    ...found.indexes
      .filter((index) => !isOurs(index))
      .map(({ name }) => ({ kind: 'extra_index' as const, table, name })),
  ];
}

function columnDifferences(
  table: TableModel,
  column: ColumnModel,
  found: FoundColumn,
  { references }: FoundTable,
  ddl: Ddl,
): readonly Difference[] {
  const what = `${table.name}.${column.name}`;
  const parents = references.filter((reference) => reference.column === column.name).map((one) => one.table);
  const wantedParent = column.references?.table ?? null;
  const differ = (found: string, wanted: string): Difference => ({ kind: 'other', what, found, wanted });
  return [
    ...(ddl.keeps(column, found.declared) ? [] : [differ(found.declared || 'of no type', ddl.typeOf(column))]),
    ...(found.required === column.required ? [] : [differ(nullability(found.required), nullability(column.required))]),
    ...parents.filter((parent) => parent !== wantedParent).map((parent) => differ(`a reference to ${parent}`, 'none')),
    ...(wantedParent === null || parents.includes(wantedParent)
      ? []
      : [differ('no reference', `a reference to ${wantedParent}`)]),
  ];
}

function nullability(required: boolean): string {
  return required ? 'NOT NULL' : 'NULL allowed';
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

/** A difference in one clause, seen from the feed. */
export function spellDifference(difference: Difference): string {
  switch (difference.kind) {
    case 'missing_table':
      return `there is no table ${difference.table.name}`;
    case 'missing_column':
      return `${difference.table.name} has no column ${difference.column.name}`;
    case 'missing_index':
      return `${difference.table.name} has no index on ${difference.index.column}`;
    case 'extra_column':
      return `${difference.table.name} has a column ${difference.column.name}, which the feed does not know`;
    case 'extra_index':
      return `${difference.table.name} has an index ${difference.name}, which the feed does not know`;
    case 'other':
      return `${difference.what}: ${difference.found}; the feed says ${difference.wanted}`;
  }
}
