import { createTableText, type Ddl, type Declaration, sqlName } from '../ddl.ts';
import type { ColumnModel, TableModel } from '../table-model.ts';
import { declarationFor, keepsValues } from './affinity.ts';
import { APPLICATION_ID } from './recognise.ts';

/** Makes the record of the ledger's migrations, where it is missing. */
export const MIGRATION_RECORDS = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version    INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  sha256     TEXT NOT NULL,
  applied_at TEXT NOT NULL
);
`;

/** Makes the record of what a feed has brought into the database, where it is missing: its migrations and its views. */
export const FEED_RECORDS = `CREATE TABLE IF NOT EXISTS feed_schema (
  feed       TEXT NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('migration', 'view')),
  name       TEXT NOT NULL, -- of a migration its file's, of a view its own
  sha256     TEXT NOT NULL, -- of the text: of a view with the values of the environment
  applied_at TEXT NOT NULL,
  PRIMARY KEY (feed, kind, name)
) WITHOUT ROWID;
`;

/** The tables of a feed in the SQL of SQLite. */
export const SQLITE_DDL: Ddl = {
  opening: () => `PRAGMA application_id = ${APPLICATION_ID}; -- marks the file as a database of Landfall\n`,
  records: `${MIGRATION_RECORDS}\n${FEED_RECORDS}`,
  now: `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
  preamble: [],
  createTable: (table) =>
    createTableText(
      sqlName(table.name),
      table.columns.map((column) => declare(table, column)),
      { padTypes: false, more: table.key.length > 1 ? [`PRIMARY KEY (${table.key.map(sqlName).join(', ')})`] : [] },
    ),
  createIndex: (table, { name, column }) =>
    `CREATE INDEX ${sqlName(name)} ON ${sqlName(table.name)} (${sqlName(column)});\n`,
  addColumn: (table, column) => {
    const { name, type, constraints } = declare(table, column);
    return `ALTER TABLE ${sqlName(table.name)} ADD COLUMN ${`${name} ${type} ${constraints}`.trimEnd()};\n`;
  },
  typeOf: (column) => declarationFor(column.storage),
  keeps: (column, declared) => keepsValues(column.storage, declared, false),
};

function declare(table: TableModel, column: ColumnModel): Declaration {
  const { name, required, references } = column;
  const constraints = [
    table.key.length === 1 && table.key[0] === name ? 'PRIMARY KEY' : '',
    required ? 'NOT NULL' : '',
    references === null ? '' : `REFERENCES ${sqlName(references.table)} (${sqlName(references.column)})`,
  ];
  return {
    name: sqlName(name),
    type: declarationFor(column.storage),
    constraints: constraints.filter(Boolean).join(' '),
  };
}
