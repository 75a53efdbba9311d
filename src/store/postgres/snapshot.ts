import type { ClientBase } from 'pg';
import type { StorageClass, Value } from '../../columns/column-type.ts';
import type { ReadColumn, RelationColumn, RelationTotals, RowQuery, Snapshot } from '../snapshot.ts';
import { quoteName } from '../sql-names.ts';
import { originFinder } from './view-origins.ts';

/** So many rows are fetched at a time. */
const BATCH_ROWS = 1000;

/**
 * A database as a transaction sees it, one in which all statements see the same.
 * @param schema the tables' and views' own
 */
export async function openSnapshot(client: ClientBase, schema: string): Promise<Snapshot> {
  // What was read may take long to be written. A host that is gone is found out by its connection.
  await client.query('SET LOCAL idle_in_transaction_session_timeout TO 0');
  return {
    relation: (name) => findRelation(client, schema, name),
    rows: (query) => readRows(client, query),
    totals: (query) => readTotals(client, query),
    async newestFile() {
      const { rows } = await client.query<{ newest: number | null }>('SELECT max(file_id) AS newest FROM files');
      return rows[0]?.newest ?? null;
    },
  };
}

/** The storage class of a type; what is not among them is read as text. */
const STORAGE: Readonly<Record<string, StorageClass>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  float4: 'number',
  float8: 'number',
  numeric: 'decimal',
  date: 'date',
  timestamptz: 'timestamp',
  bool: 'boolean',
};

async function findRelation(
  client: ClientBase,
  schema: string,
  name: string,
): Promise<readonly RelationColumn[] | null> {
  const { rows } = await client.query<{ relation: number; name: string; type: string; scale: number | null }>(
    // The digits behind the point of a numeric (https://www.postgresql.org/docs/current/catalog-pg-attribute.html); -1: as many as come.
    `SELECT c.oid AS relation, a.attname AS name, t.typname AS type, CASE WHEN a.atttypmod >= 4 THEN (a.atttypmod - 4) & 2047 END AS scale
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_type t ON t.oid = a.atttypid
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attnum`,
    [schema, name],
  );
  if (rows.length === 0) return null;
  const originOf = originFinder(client, schema);
  const columns: RelationColumn[] = [];
  for (const column of rows) {
    const storage = STORAGE[column.type] ?? 'text';
    const scale = storage === 'decimal' ? (column.scale ?? (await scaleOf(client, name, column.name))) : null;
    columns.push({ name: column.name, storage, scale, origin: await originOf(column.relation, column.name) });
  }
  return columns;
}

async function scaleOf(client: ClientBase, relation: string, column: string): Promise<number> {
  const { rows } = await client.query<{ scale: number | null }>(
    `SELECT max(scale(${quoteName(column)})) AS scale FROM ${quoteName(relation)}`,
  );
  return rows[0]?.scale ?? 0;
}

async function* readRows(client: ClientBase, query: RowQuery): AsyncGenerator<readonly (readonly Value[])[], void> {
  const { relation, columns, group, orderBy, isKey } = query;
  const order = [
    ...(group === null ? [] : [`${beginning(group)} NULLS FIRST`]),
    // An index on a key is in the order of its own, NULL last, which a key never is.
    ...orderBy.map((column) => `${sortable(column)}${isKey ? '' : ' NULLS FIRST'}`),
  ];
  await client.query(
    `DECLARE rows NO SCROLL CURSOR FOR SELECT ${columns.map(read).join(', ')} FROM ${quoteName(relation)}
     ${order.length === 0 ? '' : `ORDER BY ${order.join(', ')}`}`,
  );
  try {
    for (;;) {
      const { rows } = await client.query<Value[]>({ text: `FETCH ${BATCH_ROWS} FROM rows`, rowMode: 'array' });
      if (rows.length === 0) break;
      yield rows;
    }
  } finally {
    // After a statement that failed, nothing more can be asked of the transaction.
    await client.query('CLOSE rows').catch(() => undefined);
  }
}

function beginning({ column, storage, characters }: NonNullable<RowQuery['group']>): string {
  const moment = storage === 'timestamp' ? `${quoteName(column)} AT TIME ZONE 'UTC'` : quoteName(column);
  return `left(to_char(${moment}, 'YYYY-MM-DD'), ${characters}) COLLATE "C"`;
}

/** A value as the door has it. */
function read({ name, storage, scale }: ReadColumn): string {
  const column = quoteName(name);
  switch (storage) {
    case 'text':
      return `${column}::text`;
    case 'integer':
      return `${column}::bigint`;
    case 'number':
      return `${column}::double precision`;
    case 'decimal':
      return `${column}::numeric(38, ${scale ?? 0})::text`;
    case 'date':
      return column;
    case 'timestamp':
      return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
    case 'boolean':
      return `${column}::int`;
  }
}

/** What a value is sorted by, so that the order is SQLite's. */
function sortable(column: ReadColumn): string {
  if (column.storage === 'text') return `${quoteName(column.name)}::text COLLATE "C"`;
  if (column.storage === 'decimal') return `${read(column)} COLLATE "C"`;
  return quoteName(column.name);
}

async function readTotals(
  client: ClientBase,
  { relation, columns }: Pick<RowQuery, 'relation' | 'columns'>,
): Promise<RelationTotals> {
  const asked = columns.flatMap(({ name, storage }) => [
    `count(${quoteName(name)})::text`,
    storage === 'integer' ? `coalesce(sum(${quoteName(name)}), 0)::text` : 'NULL',
  ]);
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT count(*)::text, ${asked.join(', ')} FROM ${quoteName(relation)}`,
    rowMode: 'array',
  });
  const [count, ...found] = rows[0] ?? [];
  return {
    rows: Number(count),
    columns: columns.map((_, at) => {
      const sum = found[2 * at + 1] ?? null;
      return { values: Number(found[2 * at]), sum: sum === null ? null : BigInt(sum) };
    }),
  };
}
