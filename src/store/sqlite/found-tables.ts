import type Database from 'better-sqlite3';
import type { FoundColumn, FoundTable } from '../found-tables.ts';
import { openForReading } from './open.ts';

/** The ordinary tables of a database that have these names. */
export function findTables(db: Database.Database, names: readonly string[]): readonly FoundTable[] {
  const isThere = db.prepare<[string], number>(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).pluck();
  return names.filter((name) => isThere.get(name) !== undefined).map((name) => findTable(db, name));
}

function findTable(db: Database.Database, table: string): FoundTable {
  const columns = db
    .prepare<[string], { name: string; type: string; pk: number; notnull: number; filled: number }>(
      `SELECT name, type, pk, "notnull", dflt_value IS NOT NULL OR hidden <> 0 AS filled FROM pragma_table_xinfo(?)`,
    )
    .all(table);
  const key = columns.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk);
  const indexes = db
    .prepare<[string], string>(`SELECT name FROM pragma_index_list(?) WHERE origin = 'c' ORDER BY name`)
    .pluck()
    .all(table);
  const indexed = db.prepare<[string], string | null>('SELECT name FROM pragma_index_info(?) ORDER BY seqno').pluck();
  return {
    name: table,
    columns: columns.map((column): FoundColumn => {
      const { name, type, pk, notnull, filled } = column;
      return { name, declared: type, required: notnull === 1 || pk > 0, filled: filled === 1 };
    }),
    key: key.map(({ name }) => name),
    references: db
      .prepare<[string], { column: string; table: string }>(
        `SELECT "from" AS "column", "table" FROM pragma_foreign_key_list(?) GROUP BY id HAVING count(*) = 1 ORDER BY 1`,
      )
      .all(table),
    indexes: indexes.map((name) => ({ name, columns: indexed.all(name).map((column) => column ?? '') })),
  };
}

/**
 * The same of a database in a file, also while a daemon writes.
 * @throws LandfallError, DatabaseFault as `openForReading` does
 */
export function readTables(file: string, names: readonly string[]): readonly FoundTable[] {
  const db = openForReading(file);
  try {
    return findTables(db, names);
  } finally {
    db.close();
  }
}
