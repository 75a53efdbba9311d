import type Database from 'better-sqlite3';
import { LandfallError } from '../errors.ts';
import type { Column, Dataset, Feed } from '../feed/types.ts';

/** What each row carries to say where it comes from. */
export const LINEAGE_COLUMNS = ['source_file_id', 'source_line', 'source_stamp'] as const;

interface TableColumn {
  name: string;
  pk: number;
  notnull: number;
  dflt_value: string | null;
}

/**
 * Holds the database against the feed: every dataset has its table with its columns, key and foreign keys, and no column that the
 * feed could not fill.
 * @throws LandfallError naming everything that differs, before anything is read
 */
export function checkSchema(db: Database.Database, file: string, feed: Feed): void {
  const problems = feed.datasets.flatMap((dataset) => tableProblems(db, feed, dataset));
  if (problems.length === 0) return;
  throw new LandfallError('open database', `it does not fit the feed ${feed.name}: ${problems.join('; ')}`, {
    file,
    hint: 'add a migration for the change, or name another feed or database',
  });
}

function tableProblems(db: Database.Database, feed: Feed, dataset: Dataset): readonly string[] {
  const { table, key } = dataset;
  const found = db
    .prepare<[string], TableColumn>('SELECT name, pk, "notnull", dflt_value FROM pragma_table_info(?)')
    .all(table);
  if (found.length === 0) return [`there is no table ${table}`];
  const problems: string[] = [];
  const byName = new Map(found.map((column) => [column.name, column]));
  for (const name of [...dataset.columns.map((column) => column.name), ...LINEAGE_COLUMNS]) {
    if (!byName.has(name)) problems.push(`${table} has no column ${name}`);
    byName.delete(name);
  }
  for (const column of byName.values()) {
    if (column.notnull === 1 && column.dflt_value === null)
      problems.push(`${table}.${column.name} is NOT NULL, but no column of the feed fills it`);
  }
  const keys = found.filter((column) => column.pk > 0).map((column) => column.name);
  if (keys.length !== 1 || keys[0] !== key.name) problems.push(`the primary key of ${table} is not ${key.name}`);
  for (const column of dataset.columns) {
    if (column.references !== null && !hasForeignKey(db, feed, table, column)) {
      problems.push(`${table}.${column.name} has no foreign key to ${column.references}`);
    }
  }
  if (isWithoutRowid(db, table)) problems.push(`${table} is WITHOUT ROWID`);
  if (hasDeferredKey(db, table))
    problems.push(`a foreign key of ${table} is deferred: an orphan would fail its whole file at the commit`);
  return problems;
}

/** How many rows a table has is told by its rowids, and keys of text are looked up faster with them. */
function isWithoutRowid(db: Database.Database, table: string): boolean {
  return (
    db.prepare<[string], number>(`SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'`).pluck().get(table) === 1
  );
}

/** SQLite lists foreign keys without saying which are deferred; only the table's text does. */
function hasDeferredKey(db: Database.Database, table: string): boolean {
  const sql = db
    .prepare<[string], string>(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
    .pluck()
    .get(table);
  return /\bDEFERRABLE\s+INITIALLY\s+DEFERRED\b/i.test(sql ?? '');
}

function hasForeignKey(db: Database.Database, feed: Feed, table: string, column: Column): boolean {
  const parent = feed.datasets.find((dataset) => dataset.table === column.references);
  return db
    .prepare<[string], { table: string; from: string; to: string | null }>(
      'SELECT "table", "from", "to" FROM pragma_foreign_key_list(?)',
    )
    .all(table)
    .some(
      (key) =>
        key.table === column.references && key.from === column.name && (key.to === null || key.to === parent?.key.name),
    );
}

/** An identifier as SQL text. Identifiers of a feed are validated when it is loaded; quoting keeps reserved words harmless. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
