/** A value as it is bound: text, a number (cents, for money), or NULL. */
export type Value = string | number | null;

/**
 * How a store keeps the values of a type; its DDL renders it.
 * - `number`: a double of IEEE 754; `decimal`: exact, with as many decimals as the column's `scale`, as a text such as `-0.50`
 * - `date`: `YYYY-MM-DD`; `timestamp`: `YYYY-MM-DDThh:mm:ssZ`, with as many digits behind the seconds as the column's `precision`
 * - `boolean`: 1 or 0
 */
export type StorageClass = 'text' | 'integer' | 'number' | 'decimal' | 'date' | 'timestamp' | 'boolean';

/** What a feed may say of a column beside its type. Which of these a type takes, it says itself. */
export interface TypeParameters {
  /** Of a decimal: how many digits stand behind the point. */
  readonly scale?: number | undefined;
  /** Of a timestamp: how many digits of a second are kept, 0 to 6. */
  readonly precision?: number | undefined;
  /** Of a timestamp: the zone of times without an offset, as IANA names it, e.g. `America/Chicago`. */
  readonly zone?: string | undefined;
  /** Of a phone: the country whose numbers these are, as ISO 3166 has it, e.g. `US`. */
  readonly country?: string | undefined;
}

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
  /** The parameters that it takes. */
  readonly parameters?: readonly (keyof TypeParameters)[];
  /** Those of them that a feed must give. */
  readonly needs?: readonly (keyof TypeParameters)[];
  /** The parameters that the examples are read with. */
  readonly examplesWith?: TypeParameters;
  /** Examples for the documents, which are tested. */
  readonly taken: readonly string[];
  readonly refused: readonly string[];
  /**
   * Makes the parser of one column.
   * @param refuse makes a problem of the column. To be called beforehand: a bad file must not cost more than a good one
   */
  parser(
    rules: ValueRules,
    refuse: (code: Code, reason: string) => RowProblem<Code>,
    parameters: TypeParameters,
  ): Parse<Code>;
  /** Whether a text is written as values of this type are; null: nearly any text is. */
  readonly recognises: ((text: string, rules: ValueRules, parameters: TypeParameters) => boolean) | null;
}

/** A column without parameters. */
export const NO_PARAMETERS: TypeParameters = {};
