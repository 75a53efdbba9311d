import Database from 'better-sqlite3';
import { storageOf } from '../../columns/storage.ts';
import { feedChecks, type CheckFile } from '../../feed/sql-files.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { type CheckProblem, INCOMING, looksLikeQuery, NO_QUERY, requireSound } from '../check-sql.ts';
import { quoteName } from '../sql-names.ts';
import { declarationFor } from './affinity.ts';
import { jsonbRowsSql } from './jsonb-rows.ts';

/** SQL that makes the table of a dataset's rows that checks see, and that fills it from rows as they are staged. */
export function incomingSql(dataset: Dataset): { readonly create: string; readonly insert: string } {
  const columns = dataset.columns.map((column) => `${quoteName(column.name)} ${declarationFor(storageOf(column))}`);
  const names = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const { line, values, from } = jsonbRowsSql(dataset);
  return {
    create: `CREATE TABLE ${INCOMING.table} (${INCOMING.line} INTEGER, ${columns.join(', ')})`,
    insert: `INSERT INTO ${INCOMING.table} (${INCOMING.line}, ${names}) SELECT ${line}, ${values} FROM ${from}`,
  };
}

/**
 * Makes sure that the checks of a feed can be run.
 * @param db has the feed's tables
 * @throws LandfallError naming all that cannot, each with its file and line
 */
export function requireSoundChecks(db: Database.Database, feed: Feed): void {
  requireSound(
    feedChecks(feed, 'sqlite').flatMap((file) =>
      file.check.on === 'tables' ? problemOf(db, file) : problemOnIncoming(file),
    ),
  );
}

/**
 * As `requireSoundChecks`, on an empty database of these tables.
 * @param schema SQL that makes them
 */
export function requireSoundChecksOn(schema: string, feed: Feed): void {
  const db = new Database(':memory:');
  try {
    db.exec(schema);
    requireSoundChecks(db, feed);
  } finally {
    db.close();
  }
}

/** What is wrong with a check on incoming rows; nothing: it can be run. */
export function problemOnIncoming(file: CheckFile): readonly CheckProblem[] {
  const db = new Database(':memory:');
  try {
    db.exec(incomingSql(file.dataset).create);
    return problemOf(db, file);
  } finally {
    db.close();
  }
}

/** A statement that is only prepared meets no row: what SQLite says to it names words of the check. */
function problemOf(db: Database.Database, file: CheckFile): readonly CheckProblem[] {
  const { sql } = file;
  if (!looksLikeQuery(sql)) return [{ file, at: null, problem: NO_QUERY }];
  try {
    const statement = db.prepare(sql);
    // Only a query without parameters can be bound to nothing.
    if (statement.reader && statement.readonly && statement.bind().reader) return [];
    return [{ file, at: null, problem: NO_QUERY }];
  } catch (error) {
    if (error instanceof RangeError) return [{ file, at: null, problem: `${NO_QUERY} (${error.message})` }];
    if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_ERROR') throw error;
    return [{ file, at: placeOf(sql, error.message), problem: error.message }];
  }
}

/** Where the word stands that SQLite's message is about. */
function placeOf(sql: string, message: string): number | null {
  const [, near, missing] = /near "([^"]+)"|no such \w+: (?:\w+\.)*(\w+)/.exec(message) ?? [];
  const at = sql.indexOf(near ?? missing ?? '\0');
  return at < 0 ? null : at;
}
