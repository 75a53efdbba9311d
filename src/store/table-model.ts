import type { StorageClass } from '../columns/column-type.ts';
import { storageOf } from '../columns/storage.ts';
import type { Column, Dataset, Feed } from '../model/feed.ts';
import { parentOf, referencesOf } from '../feed/references.ts';

// The tables that a feed asks for, as far as one database is like another. Each kind of database writes them down in its own ddl.ts.

/** A table that a feed asks for. */
export interface TableModel {
  readonly name: string;
  /** Those of the dataset, in its order, then the lineage. */
  readonly columns: readonly ColumnModel[];
  /** The columns of the primary key. */
  readonly key: readonly string[];
  readonly indexes: readonly IndexModel[];
}

/** A column of such a table. */
export interface ColumnModel {
  readonly name: string;
  readonly storage: StorageClass;
  /** Of a decimal: its digits behind the point. */
  readonly scale: number | null;
  /** It is never NULL. */
  readonly required: boolean;
  /** Texts in it are compared byte by byte, whatever the language of the database: keys, what refers to them, and stamps. */
  readonly bytewise: boolean;
  /** The key of another table that it refers to. */
  readonly references: { readonly table: string; readonly column: string } | null;
}

/** An index on one column, for those who ask for its values. */
export interface IndexModel {
  readonly name: string;
  readonly column: string;
}

const LINEAGE: readonly ColumnModel[] = [
  lineage('source_file_id', 'integer'),
  lineage('source_line', 'integer'),
  lineage('source_stamp', 'text'),
];

function lineage(name: string, storage: StorageClass): ColumnModel {
  return { name, storage, scale: null, required: true, bytewise: storage === 'text', references: null };
}

/** The tables of a feed, parents before children. */
export function tablesOf(feed: Feed): readonly TableModel[] {
  return feed.datasets.map((dataset) => tableOf(feed, dataset));
}

function tableOf(feed: Feed, dataset: Dataset): TableModel {
  const key = keyOf(dataset);
  const references = new Map(
    referencesOf(dataset).map((column) => [
      column.name,
      { table: column.references, column: parentOf(feed, column).key.name },
    ]),
  );
  const columns = dataset.columns.map((column): ColumnModel => {
    const storage = storageOf(column);
    const isKey = key.includes(column.name);
    return {
      name: column.name,
      storage,
      scale: column.parameters?.scale ?? null,
      required: column.required || isKey,
      bytewise: storage === 'text' && (isKey || references.has(column.name)),
      references: references.get(column.name) ?? null,
    };
  });
  return {
    name: dataset.table,
    columns: [...columns, ...LINEAGE],
    key,
    indexes: dataset.columns.filter((column) => column.index === true).map((column) => indexOn(dataset, column)),
  };
}

function keyOf(dataset: Dataset): readonly string[] {
  return dataset.keys.map(({ name }) => name);
}

/** The index of `claim_lines` on `claim_id` is `claim_lines_by_claim`. */
function indexOn({ table }: Dataset, { name }: Column): IndexModel {
  return { name: `${table}_by_${name.replace(/_id$/, '')}`, column: name };
}
