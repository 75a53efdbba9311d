import type Database from 'better-sqlite3';
import { feedMigrations, readMigrations, type SqlFile } from '../../feed/sql-files.ts';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import type { Probe } from '../../model/ledger.ts';
import { pendingOfFeed, pendingOfLedger, type AppliedMigration } from '../migrations.ts';
import { FEED_RECORDS, MIGRATION_RECORDS } from './ddl.ts';
import { createViews, dropViews, viewsAreAsWritten } from './feed-views.ts';
import { asFault, constraintRefusal } from './faults.ts';
import { checkSchema, requireFeed } from './schema.ts';

/** What brings a database up to date. */
export interface MigrationSources {
  readonly feed: Feed;
  /** The folder of the ledger's migrations. */
  readonly migrations: string;
}

/**
 * Brings the schema up to date: first the ledger's, then the feed's own. Each migration that has no record yet is applied, in order. Those of
 * the ledger go in one transaction each, with its record; those of the feed in one together, with its views, which are dropped before
 * and made again after.
 * @throws LandfallError when a migration or view fails (it is rolled back), was changed after it was applied, is misnamed, or when the
 *   database has migrations that neither this program nor the feed knows, or belongs to another feed
 */
export function migrate(
  db: Database.Database,
  file: string,
  { feed, migrations }: MigrationSources,
  probe: Probe,
): void {
  const ledger = readMigrations(migrations);
  db.exec(MIGRATION_RECORDS);
  db.exec(FEED_RECORDS);
  requireFeed(db, file, feed);
  const own = feedMigrations(feed, 'sqlite');
  const record = db.prepare('INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)');
  const migrated = { file, ledger, own, ledgerApplied: appliedTo(db) };
  for (const migration of pendingOfLedger(migrated)) {
    inTransaction(db, file, () => {
      run(db, file, migration);
      probe('migration');
      record.run(migration.version, migration.name, migration.sha256, new Date().toISOString());
    });
  }
  migrateFeed(db, file, feed, pendingOfFeed(migrated, feed, appliedOf(db, feed)), probe);
}

/** The feed's tables and views: all of it, or nothing. */
function migrateFeed(db: Database.Database, file: string, feed: Feed, pending: readonly SqlFile[], probe: Probe): void {
  if (pending.length === 0 && viewsAreAsWritten(db, feed)) return;
  const record = db.prepare(
    `INSERT INTO feed_schema (feed, kind, name, sha256, applied_at) VALUES (?, 'migration', ?, ?, ?)`,
  );
  inTransaction(db, file, () => {
    dropViews(db, feed);
    for (const migration of pending) {
      run(db, file, migration);
      record.run(feed.name, migration.name, migration.sha256, new Date().toISOString());
    }
    // First: a view of a table that is not there would say less of what to do.
    checkSchema(db, file, feed);
    createViews(db, feed, (view) => {
      run(db, file, view);
    });
    probe('migration');
  });
}

/**
 * Makes sure that a database that another process owns has the schema of this version: only its owner migrates it.
 * @throws LandfallError when it is behind, or as `migrate` does
 */
export function requireMigrated(db: Database.Database, file: string, { feed, migrations }: MigrationSources): void {
  const hasTable = (name: string): boolean =>
    db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined;
  const ledgerApplied = hasTable('schema_migrations') ? appliedTo(db) : [];
  const own = feedMigrations(feed, 'sqlite');
  const migrated = { file, ledger: readMigrations(migrations), own, ledgerApplied };
  const [missing] = [
    ...pendingOfLedger(migrated),
    ...pendingOfFeed(migrated, feed, hasTable('feed_schema') ? appliedOf(db, feed) : []),
  ];
  if (missing === undefined) return;
  throw new LandfallError('open database', `it lacks migration ${missing.name}: an older Landfall has it open`, {
    file,
    hint: 'restart the daemon, which applies it, then ask again',
  });
}

function appliedTo(db: Database.Database): readonly AppliedMigration[] {
  return db.prepare<[], AppliedMigration>('SELECT name, sha256 FROM schema_migrations ORDER BY version').all();
}

function appliedOf(db: Database.Database, feed: Feed): readonly AppliedMigration[] {
  return db
    .prepare<[string], AppliedMigration>(`SELECT name, sha256 FROM feed_schema WHERE feed = ? AND kind = 'migration'`)
    .all(feed.name);
}

/** Does all of it, or nothing. */
function inTransaction(db: Database.Database, file: string, work: () => void): void {
  try {
    db.exec('BEGIN IMMEDIATE');
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    if (error instanceof LandfallError) throw error;
    throw asFault('migrate', file, error);
  }
}

/**
 * Runs one file inside the transaction that the caller began.
 * @throws LandfallError naming the file
 */
function run(db: Database.Database, file: string, { path, sql }: SqlFile): void {
  try {
    // The savepoint is gone once the file has ended this transaction, even where it began another one.
    db.exec('SAVEPOINT migration');
    db.exec(sql);
  } catch (error) {
    const fault = constraintRefusal(error) === null ? asFault('migrate', file, error) : error;
    if (fault instanceof LandfallError) throw fault;
    const problem = error instanceof Error ? error.message : 'it failed';
    throw new LandfallError('migrate', `${problem}; it was rolled back`, {
      file: path,
      hint: 'correct it and start again',
      cause: error,
    });
  }
  if (releases(db, 'migration')) return;
  throw new LandfallError('migrate', 'it ends the transaction it runs in, so what it did before that may have stayed', {
    file: path,
    hint: 'take COMMIT, ROLLBACK and BEGIN out of it, and restore the database from a backup',
  });
}

function releases(db: Database.Database, savepoint: string): boolean {
  try {
    db.exec(`RELEASE ${savepoint}`);
    return db.inTransaction;
  } catch {
    return false;
  }
}
