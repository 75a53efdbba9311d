/** A table as it stands in a database. */
export interface FoundTable {
  readonly name: string;
  readonly columns: readonly FoundColumn[];
  /** The columns of the primary key, in its order. */
  readonly key: readonly string[];
  /** Foreign keys of one column; those of several are not a feed's. */
  readonly references: readonly { readonly column: string; readonly table: string }[];
  /** Indexes that are there beside those of keys; one on an expression has an empty name for it. */
  readonly indexes: readonly { readonly name: string; readonly columns: readonly string[] }[];
}

/** A column of such a table. */
export interface FoundColumn {
  readonly name: string;
  /** Its type as declared. */
  readonly declared: string;
  /** It is never NULL. */
  readonly required: boolean;
  /** It has a default, or is generated: a row that says nothing of it has a value there. */
  readonly filled: boolean;
}
