import type { ClientBase } from 'pg';
import path from 'node:path';
import { feedMigrations, readMigrations, type SqlFile } from '../../feed/sql-files.ts';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import type { Probe } from '../../model/ledger.ts';
import { type AppliedMigration, pendingOfFeed, pendingOfLedger } from '../migrations.ts';
import { DatabaseFault } from '../database-fault.ts';
import { quoteName } from '../sql-names.ts';
import { FEED_RECORDS, MIGRATION_RECORDS } from './ddl.ts';
import { asFault } from './faults.ts';
import { createViews, dropViews, viewsAreAsWritten } from './feed-views.ts';
import type { ServerPlace } from './server-place.ts';
import type { Session } from './session.ts';
import { requireFeed, requireUsage, tablesOf } from './tables.ts';

/** What brings a database up to date. */
export interface MigrationSources {
  readonly feed: Feed;
  /** The folder of the ledger's migrations; those for PostgreSQL lie below it. */
  readonly migrations: string;
}

/**
 * Brings the tables up to date, all of it or nothing: each migration of the ledger and then of the feed that has no record yet, in
 * order, and the feed's views. Of several daemons that start at once one does so, and the others wait for it.
 * @throws LandfallError as SQLite's `migrate` does
 */
export async function migrate(session: Session, sources: MigrationSources, probe: Probe): Promise<void> {
  await session.transaction('migrate', 'write', async (client) => {
    const { place } = session;
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `landfall migrate ${place.url.schema}`,
    ]);
    await makeRecords(client, place);
    if (await bringUpToDate(client, place, sources)) probe('migration');
  });
}

/** Runs all migrations where they are rolled back in the end. */
export async function migrateAlone(client: ClientBase, place: ServerPlace, sources: MigrationSources): Promise<void> {
  await client.query(MIGRATION_RECORDS);
  await client.query(FEED_RECORDS);
  await bringUpToDate(client, place, sources);
}

/** Makes the schema and the tables of records where they are missing. */
async function makeRecords(client: ClientBase, place: ServerPlace): Promise<void> {
  const { schema } = place.url;
  const { rowCount } = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  // Asked first: who may only write rows need not have the right to make tables.
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${quoteName(schema)}`);
  await requireUsage(client, place);
  const tables = await tablesOf(client, place);
  const records = tables.get('schema_migrations');
  if (records?.toSorted().join(' ') === 'applied_at name sha256 version') {
    if (!tables.has('feed_schema')) await client.query(FEED_RECORDS);
    if (tables.has('feeds')) return;
  }
  if (records !== undefined) throw notOurs(place.shown);
  await client.query(MIGRATION_RECORDS);
  await client.query(FEED_RECORDS);
}

function notOurs(shown: string): LandfallError {
  return new LandfallError('open database', 'its table schema_migrations is of another program', {
    file: shown,
    hint: "nothing was changed; name a schema of Landfall's own, e.g. ?schema=landfall",
  });
}

/** @returns whether there was anything to do */
async function bringUpToDate(
  client: ClientBase,
  place: ServerPlace,
  { feed, migrations }: MigrationSources,
): Promise<boolean> {
  const own = feedMigrations(feed, 'postgres');
  const { rows: ledgerApplied } = await client.query<AppliedMigration>(
    'SELECT name, sha256 FROM schema_migrations ORDER BY version',
  );
  if (ledgerApplied.length > 0) await requireFeed(client, place, feed);
  const ledger = readMigrations(path.join(migrations, 'postgres'));
  const migrated = { file: place.shown, ledger, own, ledgerApplied };
  const { rows: applied } = await client.query<AppliedMigration>(
    `SELECT name, sha256 FROM feed_schema WHERE feed = $1 AND kind = 'migration'`,
    [feed.name],
  );
  const [ofLedger, ofFeed] = [pendingOfLedger(migrated), pendingOfFeed(migrated, feed, applied)];
  for (const migration of ofLedger) {
    await run(client, place, migration);
    await client.query('INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES ($1, $2, $3, $4)', [
      ...[migration.version, migration.name, migration.sha256, new Date().toISOString()],
    ]);
  }
  if (ofFeed.length === 0 && (await viewsAreAsWritten(client, feed))) return ofLedger.length > 0;
  const runHere = (file: SqlFile): Promise<void> => run(client, place, file);
  await dropViews(client, feed);
  for (const migration of ofFeed) {
    await runHere(migration);
    await client.query(
      `INSERT INTO feed_schema (feed, kind, name, sha256, applied_at) VALUES ($1, 'migration', $2, $3, $4)`,
      [feed.name, migration.name, migration.sha256, new Date().toISOString()],
    );
  }
  await createViews(client, feed, runHere);
  return true;
}

/**
 * Runs one file inside the transaction that is open.
 * @throws LandfallError naming the file
 */
async function run(client: ClientBase, place: ServerPlace, { path: file, sql }: SqlFile): Promise<void> {
  try {
    // The savepoint is gone once the file has ended this transaction, even where it began another one.
    await client.query('SAVEPOINT migration');
    await client.query(sql);
  } catch (error) {
    const fault = asFault('migrate', place, error);
    if (fault instanceof LandfallError && !isOfSchema(fault)) throw fault;
    const problem = error instanceof Error ? error.message : 'it failed';
    const hint = 'correct it and start again';
    throw new LandfallError('migrate', `${problem}; it was rolled back`, { file, hint, cause: error });
  }
  try {
    await client.query('RELEASE SAVEPOINT migration');
  } catch (cause) {
    throw new LandfallError(
      'migrate',
      'it ends the transaction it runs in, so what it did before that may have stayed',
      {
        file,
        hint: 'take COMMIT, ROLLBACK and BEGIN out of it, and restore the database from a backup',
        cause,
      },
    );
  }
}

/** In a migration, a name that is not there is a slip of whoever wrote it. */
function isOfSchema(fault: LandfallError): boolean {
  return fault instanceof DatabaseFault && fault.kind === 'changed';
}
