import type { ClientBase } from 'pg';
import type { StorageClass } from '../../columns/column-type.ts';
import { storageOf } from '../../columns/storage.ts';
import { LandfallError } from '../../model/errors.ts';
import type { Column, Dataset, Feed } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';
import type { ServerPlace } from './server-place.ts';

interface TableColumn {
  readonly table: string;
  readonly name: string;
  /** The name of its type, without what stands in brackets. */
  readonly type: string;
  readonly required: boolean;
  readonly filled: boolean;
  readonly generated: boolean;
  /** Whether it compares bytewise, as a column does that holds no text. */
  readonly bytewise: boolean;
}

interface TableKey {
  readonly table: string;
  /** `p`: the primary key; `f`: a foreign key. */
  readonly type: 'p' | 'f';
  readonly columns: readonly string[];
  /** The table that a foreign key refers to, and its columns. */
  readonly parent: string | null;
  readonly parentColumns: readonly string[];
}

/** The types that keep the values of a storage class as they are. */
const KEEPS: Readonly<Record<StorageClass, readonly string[]>> = {
  text: ['text', 'character varying'],
  integer: ['bigint', 'numeric'],
  number: ['double precision', 'numeric'],
  decimal: ['numeric'],
  date: ['date'],
  timestamp: ['timestamp with time zone'],
  boolean: ['boolean'],
};

const LINEAGE = [
  { name: 'source_file_id', storage: 'integer' },
  { name: 'source_line', storage: 'integer' },
  { name: 'source_stamp', storage: 'text' },
] as const;

/**
 * Holds the database against the feed: every dataset has its table with its columns, key and foreign keys, which keep the values
 * they are given; no column that the feed could not fill; nothing on the ledger's tables that could refuse what is written there.
 * @throws LandfallError naming everything that differs, before anything is read
 */
export async function checkSchema(client: ClientBase, place: ServerPlace, feed: Feed): Promise<void> {
  const problems = await schemaProblems(client, place, feed);
  if (problems.length === 0) return;
  throw new LandfallError('open database', `it does not fit the feed ${feed.name}: ${problems.join('; ')}`, {
    file: place.shown,
    hint: 'mend that by a migration, or name another feed, database or schema',
  });
}

/** What a start refuses of the database, one clause each. */
export async function schemaProblems(client: ClientBase, { url }: ServerPlace, feed: Feed): Promise<readonly string[]> {
  const columns = await readColumns(client, url.schema);
  const keys = await readKeys(client, url.schema);
  return [
    ...feed.datasets.flatMap((dataset) => tableProblems(feed, dataset, columns, keys)),
    ...(await ledgerProblems(client, url.schema)),
    ...(await hiddenRows(client, url.schema, [...feed.datasets.map(({ table }) => table), ...LEDGER_TABLES])),
  ];
}

/** The columns of all tables of a schema, in their order. */
export async function readColumns(client: ClientBase, schema: string): Promise<readonly TableColumn[]> {
  const { rows } = await client.query<TableColumn>(
    `SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, NULL) AS type, a.attnotnull AS required,
       a.atthasdef OR a.attidentity <> '' AS filled, a.attgenerated <> '' OR a.attidentity = 'a' AS generated,
       a.attcollation = 0 OR l.collcollate IN ('C', 'POSIX') AS bytewise
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_collation l ON l.oid = a.attcollation
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [schema],
  );
  return rows;
}

/** The primary and foreign keys of all tables of a schema. */
export async function readKeys(client: ClientBase, schema: string): Promise<readonly TableKey[]> {
  const names = (numbers: string, table: string) =>
    `(SELECT array_agg(a.attname::text ORDER BY k.at) FROM unnest(${numbers}) WITH ORDINALITY k (number, at)
      JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = k.number)`;
  const { rows } = await client.query<TableKey>(
    `SELECT c.relname AS table, o.contype AS type, ${names('o.conkey', 'o.conrelid')} AS columns,
       (SELECT p.relname FROM pg_class p WHERE p.oid = o.confrelid AND p.relnamespace = n.oid) AS parent,
       ${names('o.confkey', 'o.confrelid')} AS "parentColumns"
     FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND o.contype IN ('p', 'f')`,
    [schema],
  );
  return rows;
}

function tableProblems(
  feed: Feed,
  dataset: Dataset,
  columns: readonly TableColumn[],
  keys: readonly TableKey[],
): readonly string[] {
  const { table } = dataset;
  const key = dataset.keys.map(({ name }) => name).join();
  const own = columns.filter((column) => column.table === table);
  if (own.length === 0) return [`there is no table ${table}`];
  const stored = dataset.columns.map((column) => ({ name: column.name, storage: storageOf(column) }));
  const taken = [...stored, ...LINEAGE];
  const problems = taken.flatMap(({ name, storage }) => columnProblems(table, name, storage, own));
  for (const column of own) {
    if (column.required && !column.filled && !column.generated && !taken.some(({ name }) => name === column.name))
      problems.push(`${table}.${column.name} is NOT NULL, but no column of the feed fills it`);
  }
  const ofTable = keys.filter((one) => one.table === table);
  const primary = ofTable.find(({ type }) => type === 'p');
  if (primary?.columns.join() !== key) problems.push(`the primary key of ${table} is not ${key.replaceAll(',', ', ')}`);
  for (const column of dataset.columns) {
    if (column.references !== null && !hasForeignKey(feed, ofTable, column))
      problems.push(`${table}.${column.name} has no foreign key to ${column.references}`);
  }
  // Of texts that are compared otherwise, other ones would be newer, or the same, than in SQLite.
  const textKeys = dataset.keys.filter((column) => storageOf(column) === 'text');
  const compared = [...textKeys, ...dataset.columns.filter((column) => column.references !== null)].map(
    ({ name }) => name,
  );
  for (const { name, bytewise } of own) {
    if (compared.includes(name) && !bytewise) problems.push(`${table}.${name} is not COLLATE "C"`);
  }
  return problems;
}

function columnProblems(table: string, name: string, storage: StorageClass, own: readonly TableColumn[]): string[] {
  const column = own.find((one) => one.name === name);
  if (column === undefined) return [`${table} has no column ${name}`];
  if (column.generated) return [`${table}.${name} is a generated column, which takes no values`];
  if (KEEPS[storage].includes(column.type)) return [];
  const declared = KEEPS[storage][0] ?? '';
  return [`${table}.${name} is ${column.type}, which does not keep its values as they are: declare it ${declared}`];
}

/** A foreign key of several columns does not count: it lets an orphan pass where another of them is NULL. */
function hasForeignKey(feed: Feed, keys: readonly TableKey[], column: Column): boolean {
  const parent = feed.datasets.find((dataset) => dataset.table === column.references);
  return keys.some(
    (key) =>
      key.type === 'f' &&
      key.columns.join() === column.name &&
      key.parent === column.references &&
      key.parentColumns.join() === parent?.key.name,
  );
}

/** What refuses a row of the ledger, or writes where the ledger does not know of it, would be laid to the file in hand. */
async function ledgerProblems(client: ClientBase, schema: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `SELECT 'the trigger ' || t.tgname || ' is on ' || c.relname || ', a table of the ledger' AS problem
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = ANY ($2) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
     UNION ALL
     SELECT 'the index ' || i.relname || ' may refuse rows of ' || c.relname || ', a table of the ledger'
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = ANY ($2) AND (x.indisunique OR x.indexprs IS NOT NULL)
       AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = x.indexrelid)
     ORDER BY 1`,
    [schema, LEDGER_TABLES],
  );
  return rows.map(({ problem }) => problem);
}

/**
 * A key that is hidden from who merges would be taken for new, and refused; a parent, for missing. A policy that shows all rows hides none.
 * Source: https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
async function hiddenRows(client: ClientBase, schema: string, tables: readonly string[]): Promise<readonly string[]> {
  const policy = (which: string) =>
    `EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r') AND ${which}
       AND EXISTS (SELECT FROM unnest(p.polroles) role WHERE role = 0 OR pg_has_role(role, 'USAGE')))`;
  const { rows } = await client.query<{ table: string }>(
    `SELECT c.relname AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = ANY ($2) AND row_security_active(c.oid)
       AND (${policy('NOT p.polpermissive')} OR NOT ${policy(`p.polpermissive AND pg_get_expr(p.polqual, p.polrelid) = 'true'`)})
     ORDER BY 1`,
    [schema, tables],
  );
  return rows.map(({ table }) => `row-level security hides rows of ${table} from this user`);
}
