import type Database from 'better-sqlite3';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../../model/errors.ts';
import { asFault, constraintRefusal } from './faults.ts';
import type { Probe } from '../../model/ledger.ts';

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

/**
 * Brings the schema up to date: applies each `NNNN_name.sql` that has no record yet, in order, each in one transaction with its record.
 * @throws LandfallError when a migration fails (it is rolled back), was changed after it was applied, is misnamed, or when the
 *   database has migrations that this program does not know
 */
export function migrate(db: Database.Database, file: string, folder: string, probe: Probe): void {
  const known = readMigrations(folder);
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at TEXT NOT NULL
  )`);
  for (const migration of pending(known, db, file, folder)) apply(db, file, folder, migration, probe);
}

/**
 * Makes sure that a database that another process owns has the schema of this version: only its owner migrates it.
 * @throws LandfallError when it is behind, or as `migrate` does
 */
export function requireMigrated(db: Database.Database, file: string, folder: string): void {
  const isBegun = db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'`).get() !== undefined;
  const known = readMigrations(folder);
  const [missing] = isBegun ? pending(known, db, file, folder) : known;
  if (missing === undefined) return;
  throw new LandfallError('open database', `it lacks migration ${missing.name}: an older Landfall has it open`, {
    file,
    hint: 'restart the daemon, which applies it, then ask again',
  });
}

/** The migrations that have no record yet, in order. */
function pending(
  known: readonly Migration[],
  db: Database.Database,
  file: string,
  folder: string,
): readonly Migration[] {
  const applied = db.prepare<[], { version: number; name: string; sha256: string }>(
    'SELECT version, name, sha256 FROM schema_migrations ORDER BY version',
  );
  const records = new Map(applied.all().map((record) => [record.version, record]));
  for (const record of records.values()) {
    const migration = known.find((candidate) => candidate.version === record.version);
    if (migration === undefined) {
      throw new LandfallError('open database', `it has migration ${record.name}, which this version does not know`, {
        file,
        hint: 'a newer Landfall wrote it; run that version or a newer one',
      });
    }
    if (migration.sha256 !== record.sha256) {
      throw new LandfallError('migrate', `${migration.name} was changed after it was applied to ${file}`, {
        file: path.join(folder, migration.name),
        hint: 'restore it and put the change into a new migration',
      });
    }
  }
  return known.filter((migration) => !records.has(migration.version));
}

function apply(db: Database.Database, file: string, folder: string, migration: Migration, probe: Probe): void {
  const record = db.prepare('INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)');
  try {
    // The savepoint is gone once the migration has ended this transaction, even where it began another one.
    db.exec('BEGIN IMMEDIATE; SAVEPOINT migration');
    db.exec(migration.sql);
    if (!releases(db, 'migration')) {
      throw new LandfallError(
        'migrate',
        'it ends the transaction it runs in, so what it did before that may have stayed',
        {
          file: path.join(folder, migration.name),
          hint: 'take COMMIT, ROLLBACK and BEGIN out of it, and restore the database from a backup',
        },
      );
    }
    probe('migration');
    record.run(migration.version, migration.name, migration.sha256, new Date().toISOString());
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    const fault = constraintRefusal(error) === null ? asFault('migrate', file, error) : error;
    if (fault instanceof LandfallError) throw fault;
    const problem = error instanceof Error ? error.message : 'it failed';
    throw new LandfallError('migrate', `${problem}; it was rolled back`, {
      file: path.join(folder, migration.name),
      hint: 'correct the migration and start again',
      cause: error,
    });
  }
}

function releases(db: Database.Database, savepoint: string): boolean {
  try {
    db.exec(`RELEASE ${savepoint}`);
    return db.inTransaction;
  } catch {
    return false;
  }
}

function readMigrations(folder: string): readonly Migration[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder).filter((name) => name.endsWith('.sql'));
  } catch (cause) {
    throw new LandfallError('migrate', 'the folder of migrations cannot be read', { file: folder, cause });
  }
  const migrations = names.map((name): Migration => {
    const version = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
    if (version === undefined) {
      throw new LandfallError('migrate', 'the name is not NNNN_name.sql', { file: path.join(folder, name) });
    }
    const sql = readMigration(path.join(folder, name));
    return { version: Number(version), name, sql, sha256: crypto.createHash('sha256').update(sql).digest('hex') };
  });
  migrations.sort((a, b) => a.version - b.version);
  const twin = migrations.find((migration, i) => migration.version === migrations[i - 1]?.version);
  if (twin !== undefined) {
    throw new LandfallError('migrate', 'another migration has the same number', { file: path.join(folder, twin.name) });
  }
  return migrations;
}

function readMigration(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LandfallError('migrate', 'the migration cannot be read', { file, cause });
  }
}
