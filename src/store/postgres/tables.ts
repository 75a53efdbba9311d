import type { ClientBase } from 'pg';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import { lackingLater, LATER_TABLES, LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { DatabaseFault } from '../database-fault.ts';
import type { ServerPlace } from './server-place.ts';

/** The columns of each table of the place's schema. */
export async function tablesOf(
  client: ClientBase,
  { url }: ServerPlace,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await client.query<[string, string[]]>({
    text: `SELECT c.relname, array_agg(a.attname::text) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') GROUP BY c.relname`,
    values: [url.schema],
    rowMode: 'array',
  });
  return new Map(rows);
}

/**
 * Makes sure that a database that is only read, and so is not migrated, is the feed's and has the tables that this program knows.
 * @throws LandfallError when it is another feed's, was never set up, or an older program set it up
 */
export async function checkSetUp(client: ClientBase, place: ServerPlace, feed: Feed): Promise<void> {
  const tables = await tablesOf(client, place);
  if (tables.has('feeds')) await requireFeed(client, place, feed);
  const first = LEDGER_TABLES.filter((table) => !LATER_TABLES.has(table));
  const missing = [...first, ...feed.datasets.map((one) => one.table)].filter((table) => !tables.has(table));
  if (missing.length > 0) {
    throw new LandfallError(
      'read database',
      `it has no table ${missing.join(', ')} in the schema ${place.url.schema}`,
      {
        file: place.shown,
        hint: 'start the daemon once with this feed, which sets it up, or name another database, schema or feed',
      },
    );
  }
  const later = lackingLater((table) => tables.get(table) ?? []);
  if (later.length === 0) return;
  throw new LandfallError('read database', `an older Landfall set it up: it lacks ${later.join(', ')}`, {
    file: place.shown,
    hint: 'restart the daemon with this version, which brings it up to date',
  });
}

/**
 * Refuses the database of another feed.
 * @throws LandfallError
 */
export async function requireFeed(client: ClientBase, { shown }: ServerPlace, feed: Feed): Promise<void> {
  const { rows } = await client.query<{ feed: string }>('SELECT feed FROM feeds WHERE feed <> $1 LIMIT 1', [feed.name]);
  const [other] = rows;
  if (other === undefined) return;
  throw new LandfallError('open database', `it belongs to the feed ${other.feed}, not to ${feed.name}`, {
    file: shown,
    hint: 'name another database or schema with --db, another feed with --feed, or give the feed its former name',
  });
}

/**
 * Makes sure that the schema was set up at all.
 * @throws LandfallError when nothing of Landfall's is there
 */
export async function requireSchema(client: ClientBase, place: ServerPlace): Promise<void> {
  if (await isSetUp(client, place)) return;
  const hint = 'start the daemon once, or name another database or schema with --db';
  throw new LandfallError('open database', `its schema ${place.url.schema} was never set up`, {
    file: place.shown,
    hint,
  });
}

/** Whether the schema has a ledger. */
export async function isSetUp(client: ClientBase, place: ServerPlace): Promise<boolean> {
  await requireUsage(client, place);
  const tables = await tablesOf(client, place);
  return tables.has('files') && tables.has('schema_migrations');
}

/**
 * Makes sure that the names in the schema can be found: without the right to use it they are as if they were not there.
 * @throws DatabaseFault `denied`
 */
export async function requireUsage(client: ClientBase, place: ServerPlace): Promise<void> {
  const { schema, user } = place.url;
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT has_schema_privilege(oid, 'USAGE') AS may FROM pg_namespace WHERE nspname = $1`,
    [schema],
  );
  if (rows[0]?.may !== false) return;
  throw new DatabaseFault('denied', 'open database', place.shown, null, {
    problem: `${user ?? 'the user'} may not use the schema ${schema}`,
    hint: `let its owner say: GRANT USAGE ON SCHEMA ${schema} TO ${user ?? 'USER'}`,
  });
}
