import type { ClientBase } from 'pg';
import type { FoundTable } from '../found-tables.ts';
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
