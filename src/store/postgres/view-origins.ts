import pg from 'pg';
import type { ClientBase, FieldDef } from 'pg';
import type { RelationColumn } from '../snapshot.ts';

type Origin = RelationColumn['origin'];

/** Finds what a column of a table or view shows, through all views that it comes from. */
export type OriginOf = (relation: number, column: string) => Promise<Origin>;

/**
 * PostgreSQL says of the result of a query which column of which table each of its columns is, or that it is none
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html, RowDescription). Of a view it says no more than that it is
 * the view's. So the query that the view stands for is asked, without running it.
 * @param schema the tables' own: what lies elsewhere is none of the feed's
 */
export function originFinder(client: ClientBase, schema: string): OriginOf {
  const described = new Map<number, readonly FieldDef[]>();
  const find: OriginOf = async (relation, column) => {
    const { name, isOurs, query } = await relationOf(client, relation, schema);
    if (query === null) return isOurs ? { table: name, column } : 'expression';
    const fields = described.get(relation) ?? (await describe(client, query));
    described.set(relation, fields);
    const field = fields.find((one) => one.name === column);
    if (field === undefined || field.tableID === 0) return 'expression';
    return await find(field.tableID, await columnName(client, field));
  };
  return find;
}

interface Relation {
  readonly name: string;
  readonly isOurs: boolean;
  /** Of a view; null: it is a table. */
  readonly query: string | null;
}

async function relationOf(client: ClientBase, relation: number, schema: string): Promise<Relation> {
  const { rows } = await client.query<Relation>(
    `SELECT c.relname AS name, n.nspname = $2 AS "isOurs", CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS query
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1`,
    [relation, schema],
  );
  return rows[0] ?? { name: '', isOurs: false, query: null };
}

async function columnName(client: ClientBase, { tableID, columnID }: FieldDef): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1 AND attnum = $2',
    [tableID, columnID],
  );
  return rows[0]?.name ?? '';
}

/** The columns of a query's result; none where its tables may be read by the view's owner only. */
async function describe(client: ClientBase, query: string): Promise<readonly FieldDef[]> {
  await client.query('SAVEPOINT describing');
  try {
    const { fields } = await client.query(`SELECT * FROM (${query.replace(/;\s*$/, '')}) AS shown LIMIT 0`);
    await client.query('RELEASE SAVEPOINT describing');
    return fields;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    await client.query('ROLLBACK TO SAVEPOINT describing; RELEASE SAVEPOINT describing');
    return [];
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const INSUFFICIENT_PRIVILEGE = '42501';
