import type { SqlFile } from '../feed/sql-files.ts';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';

/** What a database keeps of a migration that was applied. */
export interface AppliedMigration {
  /** Its file's, e.g. `0001_ledger.sql`. */
  readonly name: string;
  readonly sha256: string;
}

/** A database to be brought up to date. */
export interface Migrated {
  /** As it is shown. */
  readonly file: string;
  /** The ledger's migrations, as `readMigrations` gives them. */
  readonly ledger: readonly SqlFile[];
  /** The feed's, as `feedMigrations` gives them. */
  readonly own: readonly SqlFile[];
  /** The records of the ledger's (`schema_migrations`). */
  readonly ledgerApplied: readonly AppliedMigration[];
}

/**
 * The ledger's migrations that have no record yet, in order. Some of a feed's stood among them before feeds had any of their own, and
 * databases have them recorded so.
 * @throws LandfallError when the database has one that neither the program nor the feed knows, or one was changed after it was applied
 */
export function pendingOfLedger({ file, ledger, own, ledgerApplied }: Migrated): readonly SqlFile[] {
  const known = [...ledger, ...own];
  for (const record of ledgerApplied) {
    const migration = known.find(({ name }) => name === record.name);
    if (migration === undefined) {
      throw new LandfallError('open database', `it has migration ${record.name}, which this version does not know`, {
        file,
        hint: 'a newer Landfall wrote it: run that version or a newer one; or it is of another feed: name that with --feed',
      });
    }
    requireUnchanged(migration, record, file);
  }
  return without(ledger, ledgerApplied);
}

/**
 * The feed's migrations that have no record yet, in order.
 * @param applied those of this feed that are recorded (`feed_schema`)
 * @throws LandfallError when the database has one that the feed lacks, or one was changed after it was applied
 */
export function pendingOfFeed(
  { file, ledger, own, ledgerApplied }: Migrated,
  feed: Feed,
  applied: readonly AppliedMigration[],
): readonly SqlFile[] {
  for (const record of applied) {
    const migration = own.find(({ name }) => name === record.name);
    if (migration === undefined) {
      throw new LandfallError('open database', `it has migration ${record.name}, which the feed ${feed.name} lacks`, {
        file,
        hint: `put it back into ${feed.folder}/migrations, or name a newer version of the feed with --feed`,
      });
    }
    requireUnchanged(migration, record, file);
  }
  return without(own, [...applied, ...without(ledgerApplied, ledger)]);
}

function without<Named extends { readonly name: string }>(
  list: readonly Named[],
  others: readonly { readonly name: string }[],
): readonly Named[] {
  const names = new Set(others.map(({ name }) => name));
  return list.filter(({ name }) => !names.has(name));
}

function requireUnchanged(migration: SqlFile, record: AppliedMigration, file: string): void {
  if (migration.sha256 === record.sha256) return;
  throw new LandfallError('migrate', `${migration.name} was changed after it was applied to ${file}`, {
    file: migration.path,
    hint: 'restore it and put the change into a new migration',
  });
}
