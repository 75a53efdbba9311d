import type { StorageClass, Value } from '../columns/column-type.ts';

/**
 * A database as it stands at one instant, whatever is written to it meanwhile. What its methods raise is as in `StoreReader`.
 * One thing is asked of it after the other.
 */
export interface Snapshot {
  /** The columns of a view or a table; null: there is none of that name. */
  relation(name: string): Promise<readonly RelationColumn[] | null>;
  /** Rows in their order, some hundreds at a time. */
  rows(query: RowQuery): AsyncIterable<readonly (readonly Value[])[]>;
  /** What they come to, as the database itself counts them. */
  totals(query: Pick<RowQuery, 'relation' | 'columns'>): Promise<RelationTotals>;
  /** The newest entry of the ledger; null: it has none. */
  newestFile(): Promise<number | null>;
}

/** A column as it is read. */
export interface ReadColumn {
  readonly name: string;
  /** Values come as `StorageClass` says they are kept, whatever the database. */
  readonly storage: StorageClass;
  /** Of a decimal: its digits behind the point. */
  readonly scale: number | null;
}

/** A column that was found. */
export interface RelationColumn extends ReadColumn {
  /** The column of a table that it shows as it is, and nothing else; `expression`: it is none, or the database does not tell. */
  readonly origin: { readonly table: string; readonly column: string } | 'expression';
}

/** Which rows are read, and in which order: texts bytewise, NULL first. */
export interface RowQuery {
  readonly relation: string;
  readonly columns: readonly ReadColumn[];
  /** They are ordered by the beginning of this date or timestamp first: so many characters of `YYYY-MM-DD`. */
  readonly group: { readonly column: string; readonly storage: StorageClass; readonly characters: number } | null;
  readonly orderBy: readonly ReadColumn[];
  /** Whether these are the table's key, which is never NULL. */
  readonly isKey: boolean;
}

/** How many rows there are, and what is in each column. */
export interface RelationTotals {
  readonly rows: number;
  readonly columns: readonly ColumnTotals[];
}

/** How many values a column has, and the sum of whole numbers; null: it holds others. */
export interface ColumnTotals {
  readonly values: number;
  readonly sum: bigint | null;
}
