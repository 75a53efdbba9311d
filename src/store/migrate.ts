import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type Database from 'better-sqlite3';
import { LandfallError } from '../errors.ts';
import { asFault, DatabaseFault } from './fault.ts';
import type { Probe } from './types.ts';

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
  for (const migration of known) {
    if (!records.has(migration.version)) apply(db, file, folder, migration, probe);
  }
}

function apply(db: Database.Database, file: string, folder: string, migration: Migration, probe: Probe): void {
  const record = db.prepare('INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)');
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(migration.sql);
    if (!db.inTransaction) throw new Error('it ends the transaction it runs in');
    probe('migration');
    record.run(migration.version, migration.name, migration.sha256, new Date().toISOString());
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    const fault = asFault('migrate', file, error);
    if (fault instanceof DatabaseFault) throw fault;
    const problem = error instanceof Error ? error.message : 'it failed';
    throw new LandfallError('migrate', `${problem}; it was rolled back`, {
      file: path.join(folder, migration.name),
      hint: 'correct the migration and start again',
      cause: error,
    });
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
    const sql = fs.readFileSync(path.join(folder, name), 'utf8');
    return { version: Number(version), name, sql, sha256: crypto.createHash('sha256').update(sql).digest('hex') };
  });
  migrations.sort((a, b) => a.version - b.version);
  const twin = migrations.find((migration, i) => migration.version === migrations[i - 1]?.version);
  if (twin !== undefined) {
    throw new LandfallError('migrate', 'another migration has the same number', { file: path.join(folder, twin.name) });
  }
  return migrations;
}
