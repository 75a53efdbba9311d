import { createTableText, type Ddl, type Declaration, sqlName } from '../ddl.ts';
import { quoteName } from '../sql-names.ts';
import type { ColumnModel, TableModel } from '../table-model.ts';
import { STORAGE_TYPES } from './scratch.ts';

/** Makes the record of the ledger's migrations. */
export const MIGRATION_RECORDS = `CREATE TABLE schema_migrations (
  version    integer PRIMARY KEY,
  name       text COLLATE "C" NOT NULL,
  sha256     text COLLATE "C" NOT NULL,
  applied_at text COLLATE "C" NOT NULL
);
`;

/** Makes the record of what a feed has brought into the schema: its migrations and its views. */
export const FEED_RECORDS = `CREATE TABLE feed_schema (
  feed       text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL CHECK (kind IN ('migration', 'view')),
  name       text COLLATE "C" NOT NULL, -- of a migration its file's, of a view its own
  sha256     text COLLATE "C" NOT NULL, -- of the text: of a view with the values of the environment
  applied_at text COLLATE "C" NOT NULL,
  PRIMARY KEY (feed, kind, name)
);
`;

const PUBLIC = 'public';

/** Digits of a decimal in all (docs/columns.md). */
const DECIMAL_DIGITS = 38;

/** The tables of a feed in the SQL of PostgreSQL. */
export const POSTGRES_DDL: Ddl = {
  opening: (schema) => {
    const name = quoteName(schema ?? PUBLIC);
    // Asked for the one that is always there, a server wants the right to make one all the same.
    return `${name === quoteName(PUBLIC) ? '' : `CREATE SCHEMA IF NOT EXISTS ${name};\n`}SET LOCAL search_path TO ${name};\n`;
  },
  records: `${MIGRATION_RECORDS}\n${FEED_RECORDS}`,
  now: `to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  preamble: ['-- Keys, and what refers to them, are COLLATE "C": bytewise, as in SQLite.'],
  createTable: (table) =>
    createTableText(
      sqlName(table.name),
      table.columns.map((column) => declare(table, column)),
      { padTypes: true, more: table.key.length > 1 ? [`PRIMARY KEY (${table.key.map(sqlName).join(', ')})`] : [] },
    ),
  createIndex: (table, { name, column }) =>
    `CREATE INDEX ${sqlName(name)} ON ${sqlName(table.name)} (${sqlName(column)});\n`,
  addColumn: (table, column) => {
    const { name, type, constraints } = declare(table, column);
    return `ALTER TABLE ${sqlName(table.name)} ADD COLUMN ${`${name} ${type} ${constraints}`.trimEnd()};\n`;
  },
  typeOf,
  keeps: (column, declared) => {
    const found = canonical(declared);
    // One without digits of its own keeps as many as come.
    return found === typeOf(column) || found === STORAGE_TYPES[column.storage];
  },
};

function declare(table: TableModel, column: ColumnModel): Declaration {
  const { name, required, references, bytewise } = column;
  const isKey = table.key.length === 1 && table.key[0] === name;
  const constraints = [
    bytewise ? 'COLLATE "C"' : '',
    isKey ? 'PRIMARY KEY' : required ? 'NOT NULL' : '',
    references === null ? '' : `REFERENCES ${sqlName(references.table)} (${sqlName(references.column)})`,
  ];
  return { name: sqlName(name), type: typeOf(column), constraints: constraints.filter(Boolean).join(' ') };
}

function typeOf(column: ColumnModel): string {
  const type = STORAGE_TYPES[column.storage];
  return column.storage === 'decimal' ? `${type}(${DECIMAL_DIGITS},${column.scale ?? 0})` : type;
}

/** Other names of the types that are used here (https://www.postgresql.org/docs/current/datatype.html). */
const ALIASES: Readonly<Record<string, string>> = {
  int8: 'bigint',
  float8: 'double precision',
  decimal: 'numeric',
  bool: 'boolean',
  'timestamp with time zone': 'timestamptz',
};

function canonical(declared: string): string {
  const [, name = '', digits = ''] = /^([a-z0-9 ]+?) *(\(.*\))?$/.exec(declared.toLowerCase().trim()) ?? [];
  return `${ALIASES[name] ?? name}${digits.replaceAll(' ', '')}`;
}
