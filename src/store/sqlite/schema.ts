import Database from 'better-sqlite3';
import { storageOf } from '../../columns/storage.ts';
import { LandfallError } from '../../model/errors.ts';
import type { Column, Dataset, Feed } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { declarationFor, keepsValues } from './affinity.ts';
import { triggerProblems } from './triggers.ts';
import { keyNames } from '../key-names.ts';

/** The same, each with how it is kept; a stamp is a text that is never a number, as a date is. */
const LINEAGE = [
  { name: 'source_file_id', storage: 'integer' },
  { name: 'source_line', storage: 'integer' },
  { name: 'source_stamp', storage: 'date' },
] as const;

interface TableColumn {
  readonly name: string;
  /** As declared, in any case; may be empty. */
  readonly type: string;
  readonly pk: number;
  readonly notnull: number;
  readonly dflt_value: string | null;
  /** 0: an ordinary one; else it is generated. */
  readonly hidden: number;
}

/**
 * Holds the database against the feed: every dataset has its table with its columns, key and foreign keys, which keep the values
 * they are given; no column that the feed could not fill; no trigger by which the books would not hold.
 * @returns what differs, one clause each
 */
export function schemaProblems(db: Database.Database, feed: Feed): readonly string[] {
  return [
    ...feed.datasets.flatMap((dataset) => tableProblems(db, feed, dataset)),
    ...LEDGER_TABLES.flatMap((table) => ledgerIndexProblems(db, table)),
    ...triggerProblems(db, feed),
  ];
}

/** @throws LandfallError naming everything in which the database does not fit the feed, before anything is read; see `schemaProblems` */
export function checkSchema(db: Database.Database, file: string, feed: Feed): void {
  const problems = schemaProblems(db, feed);
  if (problems.length === 0) return;
  throw new LandfallError('open database', `it does not fit the feed ${feed.name}: ${problems.join('; ')}`, {
    file,
    hint: `mend that by a migration: \`landfall schema --feed ${feed.folder} --write\` makes one to review, and the next start applies it; or name another feed or database`,
  });
}

function tableProblems(db: Database.Database, feed: Feed, dataset: Dataset): readonly string[] {
  const { table } = dataset;
  const info = db
    .prepare<[string], { name: string; type: string; wr: number; strict: number }>(
      `SELECT name, type, wr, strict FROM pragma_table_list(?) WHERE schema = 'main'`,
    )
    .get(table);
  if (info?.name !== table) return [`there is no table ${table}`];
  if (info.type !== 'table') return [`${table} is no ordinary table (${info.type})`];
  const problems = columnProblems(db, dataset, info.strict === 1);
  for (const column of dataset.columns) {
    if (column.references !== null && !hasForeignKey(db, feed, table, column)) {
      problems.push(`${table}.${column.name} has no foreign key to ${column.references}`);
    }
  }
  // How many rows a table has is told by its rowids, and keys of text are looked up faster with them.
  if (info.wr === 1) problems.push(`${table} is WITHOUT ROWID`);
  if (hasDeferredKey(db, table))
    problems.push(`a foreign key of ${table} is deferred: an orphan would fail its whole file at the commit`);
  return problems.length > 0 ? problems : preparationProblems(db, dataset);
}

/** What a table of the ledger refuses would be laid to the file in hand. None of our indexes is unique, or on an expression. */
function ledgerIndexProblems(db: Database.Database, table: string): readonly string[] {
  return db
    .prepare<[string], string>(
      `SELECT i.name FROM pragma_index_list(?) i WHERE i.origin = 'c'
       AND (i."unique" = 1 OR EXISTS (SELECT 1 FROM pragma_index_info(i.name) x WHERE x.cid = -2))`,
    )
    .pluck()
    .all(table)
    .map((name) => `the index ${name} may refuse rows of ${table}, a table of the ledger`);
}

function columnProblems(db: Database.Database, dataset: Dataset, strict: boolean): string[] {
  const { table } = dataset;
  const wanted = dataset.keys.map(({ name }) => name);
  const found = db
    .prepare<[string], TableColumn>('SELECT name, type, pk, "notnull", dflt_value, hidden FROM pragma_table_xinfo(?)')
    .all(table);
  const problems: string[] = [];
  const byName = new Map(found.map((column) => [column.name, column]));
  const stored = dataset.columns.map((column) => ({ name: column.name, storage: storageOf(column) }));
  for (const { name, storage } of [...stored, ...LINEAGE]) {
    const column = byName.get(name);
    byName.delete(name);
    if (column === undefined) problems.push(`${table} has no column ${name}`);
    else if (column.hidden !== 0) problems.push(`${table}.${name} is a generated column, which takes no values`);
    else if (!keepsValues(storage, column.type, strict))
      problems.push(
        `${table}.${name} is ${column.type}, which does not keep its values as they are: declare it ${declarationFor(storage)}`,
      );
  }
  for (const column of byName.values()) {
    if (column.notnull === 1 && column.dflt_value === null && column.hidden === 0)
      problems.push(`${table}.${column.name} is NOT NULL, but no column of the feed fills it`);
  }
  const keys = found.filter((column) => column.pk > 0).toSorted((a, b) => a.pk - b.pk);
  if (keys.map(({ name }) => name).join() !== wanted.join())
    problems.push(`the primary key of ${table} is not ${wanted.join(', ')}`);
  else
    for (const name of wanted.filter((each) => takesTwoKeysForOne(db, table, each)))
      problems.push(`${table}.${name} takes two keys for one: it must be COLLATE BINARY, which is the default`);
  return problems;
}

/** Whether the key, or its index, has a collation such as NOCASE. SQLite tells that of a column only by what it does. */
function takesTwoKeysForOne(db: Database.Database, table: string, name: string): boolean {
  const distinct = db.prepare<[], number>(
    `SELECT count(*) FROM (SELECT ${quoteName(name)} FROM ${quoteName(table)} WHERE 0 UNION SELECT 'a' UNION SELECT 'A' UNION SELECT 'a ')`,
  );
  const index = db.prepare<[string], string>(
    `SELECT upper(x.coll) FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x WHERE l.origin = 'pk' AND x.key = 1`,
  );
  return (
    distinct.pluck().get() !== 3 ||
    index
      .pluck()
      .all(table)
      .some((collation) => collation !== 'BINARY')
  );
}

/** What SQLite itself says to writing rows as the merge does: a trigger, say, may name a table that is gone. */
function preparationProblems(db: Database.Database, dataset: Dataset): readonly string[] {
  const names = [...dataset.columns.map((column) => quoteName(column.name)), ...LINEAGE_COLUMNS];
  const key = keyNames(dataset).join(', ');
  try {
    db.prepare(
      `INSERT INTO ${quoteName(dataset.table)} (${names.join(', ')}) SELECT ${names.join(', ')} FROM ${quoteName(dataset.table)} WHERE 1
       ON CONFLICT (${key}) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    );
    return [];
  } catch (error) {
    // A statement that cannot be prepared has met no row: its message names tables and columns only.
    if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_ERROR') throw error;
    return [`${dataset.table} takes no rows: ${error.message}`];
  }
}

/** SQLite lists foreign keys without saying which are deferred; only the table's text does. */
function hasDeferredKey(db: Database.Database, table: string): boolean {
  const sql = db
    .prepare<[string], string>(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
    .pluck()
    .get(table);
  return /\bDEFERRABLE\s+INITIALLY\s+DEFERRED\b/i.test(sql ?? '');
}

/** A foreign key of several columns does not count: it lets an orphan pass where another of them is NULL. */
function hasForeignKey(db: Database.Database, feed: Feed, table: string, column: Column): boolean {
  const parent = feed.datasets.find((dataset) => dataset.table === column.references);
  return db
    .prepare<[string], { table: string; from: string; to: string | null }>(
      'SELECT "table", "from", "to" FROM pragma_foreign_key_list(?) GROUP BY id HAVING count(*) = 1',
    )
    .all(table)
    .some(
      (key) =>
        key.table === column.references && key.from === column.name && (key.to === null || key.to === parent?.key.name),
    );
}

/**
 * Refuses the database of another feed: its names would be taken for new, and its tables show nothing of this one. A database belongs
 * to a feed from the first name on that its ledger lists.
 * @throws LandfallError
 */
export function requireFeed(db: Database.Database, file: string, feed: Feed): void {
  const isBegun = db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'files'`).get() !== undefined;
  if (!isBegun) return;
  const other = db.prepare<[string], string>('SELECT feed FROM files WHERE feed <> ? LIMIT 1').pluck().get(feed.name);
  if (other === undefined) return;
  throw new LandfallError('open database', `it belongs to the feed ${other}, not to ${feed.name}`, {
    file,
    hint: 'name another database with --db, another feed with --feed, or give the feed its former name',
  });
}
