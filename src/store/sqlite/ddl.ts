import { createTableText, type Ddl, type Declaration, sqlName } from '../ddl.ts';
import type { ColumnModel, TableModel } from '../table-model.ts';
import { declarationFor, keepsValues } from './affinity.ts';

/** The tables of a feed in the SQL of SQLite. */
export const SQLITE_DDL: Ddl = {
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
