import type { ColumnModel, IndexModel, TableModel } from './table-model.ts';

/** How a kind of database is told of tables (data definition language). Statements end in `;` and a line end. */
export interface Ddl {
  /** What an empty database is told first. `schema`: on a server, where its tables go. */
  opening(schema: string | null): string;
  /** The tables that keep which migrations and views were applied. */
  readonly records: string;
  /** The present time as an expression, in the form in which the ledger keeps times. */
  readonly now: string;
  /** What stands above a feed's tables: comments, each line with its `--`. */
  readonly preamble: readonly string[];
  createTable(table: TableModel): string;
  createIndex(table: TableModel, index: IndexModel): string;
  addColumn(table: TableModel, column: ColumnModel): string;
  /** The type that a column is declared with. */
  typeOf(column: ColumnModel): string;
  /** Whether a column that is declared so keeps the values of this one as they are. */
  keeps(column: ColumnModel, declared: string): boolean;
}

/** A column as it is declared: its name, its type, and what else holds for it. */
export interface Declaration {
  readonly name: string;
  readonly type: string;
  readonly constraints: string;
}

/**
 * The text of CREATE TABLE, laid out in columns.
 * @param padTypes whether constraints stand below each other, too
 * @param more constraints of the whole table
 */
export function createTableText(
  name: string,
  declarations: readonly Declaration[],
  { padTypes, more }: { padTypes: boolean; more: readonly string[] },
): string {
  const widest = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length));
  const names = widest(declarations.map((column) => column.name));
  const types = padTypes ? widest(declarations.map((column) => column.type)) : 0;
  const lines = declarations.map((column) =>
    `  ${column.name.padEnd(names)} ${column.type.padEnd(types)} ${column.constraints}`.trimEnd(),
  );
  return `CREATE TABLE ${name} (\n${[...lines, ...more.map((text) => `  ${text}`)].join(',\n')}\n);\n`;
}

/** A name as it stands in SQL: in quotes only where it would be read as something else. */
export function sqlName(name: string): string {
  return RESERVED.has(name.toUpperCase()) ? `"${name}"` : name;
}

/**
 * Words that may not name a column in SQLite (https://sqlite.org/lang_keywords.html) or PostgreSQL
 * (https://www.postgresql.org/docs/current/sql-keywords-appendix.html).
 */
const RESERVED: ReadonlySet<string> = new Set(
  `ADD ALL ALTER ANALYSE ANALYZE AND ANY ARRAY AS ASC ASYMMETRIC AUTHORIZATION AUTOINCREMENT BETWEEN BINARY BOTH CASE CAST CHECK COLLATE
  COLLATION COLUMN COMMIT CONCURRENTLY CONSTRAINT CREATE CROSS CURRENT_CATALOG CURRENT_DATE CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME
  CURRENT_TIMESTAMP CURRENT_USER DEFAULT DEFERRABLE DEFERRED DELETE DESC DISTINCT DO DROP ELSE END ESCAPE EXCEPT EXISTS EXPLAIN FALSE
  FETCH FILTER FOR FOREIGN FREEZE FROM FULL GLOB GRANT GROUP HAVING ILIKE IN INDEX INDEXED INITIALLY INNER INSERT INTERSECT INTO IS ISNULL
  JOIN LATERAL LEADING LEFT LIKE LIMIT LOCALTIME LOCALTIMESTAMP MATCH NATURAL NOT NOTHING NOTNULL NULL OFFSET ON ONLY OR ORDER OUTER OVER
  OVERLAPS PLACING PRAGMA PRIMARY RAISE RECURSIVE REFERENCES REGEXP RETURNING RIGHT ROLLBACK ROW ROWS SELECT SESSION_USER SET SIMILAR SOME
  SYMMETRIC SYSTEM_USER TABLE TABLESAMPLE THEN TO TRAILING TRANSACTION TRUE UNION UNIQUE UPDATE USER USING VALUES VARIADIC VERBOSE VIEW
  VIRTUAL WHEN WHERE WINDOW WITH`.split(/\s+/),
);
