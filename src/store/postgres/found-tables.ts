import pg, { type ClientBase } from 'pg';
import type { SqlFile } from '../../feed/sql-files.ts';
import { LandfallError } from '../../model/errors.ts';
import type { FoundTable } from '../found-tables.ts';
import { connect } from './connect.ts';
import { readColumns, readKeys } from './schema.ts';
import { serverPlace } from './server-place.ts';
import { createSession } from './session.ts';
import { requireSchema } from './tables.ts';

/**
 * The tables of these names in the schema that a URL names.
 * @throws LandfallError when nothing of Landfall's is there
 * @throws DatabaseFault when it cannot be reached
 */
export async function readServerTables(db: string, names: readonly string[]): Promise<readonly FoundTable[]> {
  const place = serverPlace(db);
  const session = createSession(place, 'landfall schema');
  try {
    return await session.transaction('read schema', 'snapshot', async (client) => {
      await requireSchema(client, place);
      return await findTables(client, place.url.schema, names);
    });
  } finally {
    await session.close();
  }
}

/**
 * The tables that migrations give, found by running them on a server among temporary tables, all of which is rolled back.
 * @throws LandfallError, DatabaseFault when they cannot be run
 */
export async function tablesAfterOnServer(
  db: string,
  migrations: readonly SqlFile[],
  names: readonly string[],
): Promise<readonly FoundTable[]> {
  const client = await connect(serverPlace(db), 'landfall schema');
  try {
    await client.query('BEGIN; SET LOCAL search_path TO pg_temp');
    for (const migration of migrations) await run(client, migration);
    // It has a name only since something was made in it.
    const { rows } = await client.query<{ name: string }>('SELECT pg_my_temp_schema()::regnamespace::text AS name');
    return await findTables(client, rows[0]?.name ?? '', names);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    await client.end();
  }
}

async function run(client: ClientBase, { sql, path }: SqlFile): Promise<void> {
  try {
    await client.query(sql);
  } catch (cause) {
    // The message names words of the migration only: there are no rows.
    const problem = cause instanceof pg.DatabaseError ? cause.message : 'it cannot be run';
    throw new LandfallError('read migration', problem, { file: path, hint: 'write the next migration by hand', cause });
  }
}

async function findTables(
  client: ClientBase,
  schema: string,
  names: readonly string[],
): Promise<readonly FoundTable[]> {
  const columns = await readColumns(client, schema);
  const keys = await readKeys(client, schema);
  const indexes = await readIndexes(client, schema);
  const tables = names.filter((name) => columns.some(({ table }) => table === name));
  return tables.map((name): FoundTable => {
    const own = keys.filter(({ table }) => table === name);
    return {
      name,
      columns: columns
        .filter(({ table }) => table === name)
        .map(({ name: column, type, required, filled, generated }) => ({
          ...{ name: column, declared: type, required },
          filled: filled || generated,
        })),
      key: own.find(({ type }) => type === 'p')?.columns ?? [],
      references: own.flatMap(({ type, columns: [column, ...more], parent }) =>
        type === 'f' && column !== undefined && more.length === 0 ? [{ column, table: parent ?? '' }] : [],
      ),
      indexes: indexes.filter(({ table }) => table === name),
    };
  });
}

/** The indexes beside those of keys and other constraints; an expression has an empty name. */
async function readIndexes(
  client: ClientBase,
  schema: string,
): Promise<readonly { readonly table: string; readonly name: string; readonly columns: readonly string[] }[]> {
  const { rows } = await client.query<{ table: string; name: string; columns: string[] }>(
    `SELECT t.relname AS table, c.relname AS name,
       (SELECT array_agg(coalesce(a.attname::text, '') ORDER BY k.at) FROM unnest(i.indkey) WITH ORDINALITY k (number, at)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number > 0) AS columns
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE n.nspname = $1 AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid) ORDER BY 2`,
    [schema],
  );
  return rows;
}
