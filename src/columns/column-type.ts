/** A value as it is bound: text, a whole number (cents, for money), or NULL. */
export type Value = string | number | null;

/** How a store keeps the values of a type; its DDL renders it. `date`: `YYYY-MM-DD`. */
export type StorageClass = 'text' | 'integer' | 'date';

/** What a feed says of how values are written. */
export interface ValueRules {
  /** Order of day and month in `01/02/2026`. */
  readonly dateOrder: 'month-first' | 'day-first';
  /** Whether commas may part the thousands of money, as in `1,234.50`. */
  readonly thousandsSeparator: boolean;
}

/** Why a row is refused: the first column, in the feed's order, whose field cannot be taken. */
export interface RowProblem<Code extends string = string> {
  readonly code: Code;
  /** The column's name in the table. */
  readonly column: string;
  /** One sentence, without the value. */
  readonly reason: string;
}

/** Takes one trimmed field that is not NULL. */
export type Parse<Code extends string = string> = (text: string) => string | number | RowProblem<Code>;

/**
 * One type of column: all that the program knows of it. Each stands in a file of its own; registry.ts lists them.
 * The feed's schema, the reject codes, the stores' tables and the tables of the documents follow from it.
 */
export interface ColumnType<Code extends string = string> {
  readonly storage: StorageClass;
  /** Whether a column of this type may be a dataset's key. */
  readonly mayBeKey: boolean;
  /** The codes under which it refuses a value, each with the sentence that the documents print. */
  readonly codes: Readonly<Record<Code, string>>;
  /** Examples for the documents, which are tested. */
  readonly taken: readonly string[];
  readonly refused: readonly string[];
  /**
   * Makes the parser of one column.
   * @param refuse makes a problem of the column. To be called beforehand: a bad file must not cost more than a good one
   */
  parser(rules: ValueRules, refuse: (code: Code, reason: string) => RowProblem<Code>): Parse<Code>;
  /** Whether a text is written as values of this type are; null: nearly any text is. */
  readonly recognises: ((text: string, rules: ValueRules) => boolean) | null;
}
