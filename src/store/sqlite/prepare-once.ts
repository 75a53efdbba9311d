import type Database from 'better-sqlite3';

const statementsByDatabase = new WeakMap<Database.Database, Map<string, Database.Statement>>();

/**
 * Prepares a statement that every file needs once for each connection: preparing a dozen anew cost a small file half a millisecond.
 * The same text gives the same statement, so a text must always be read the same way (`pluck`, `raw`, `safeIntegers`).
 */
export function prepareOnce<Parameters extends unknown[] = unknown[], Result = unknown>(
  db: Database.Database,
  sql: string,
): Database.Statement<Parameters, Result> {
  let statements = statementsByDatabase.get(db);
  if (statements === undefined) statementsByDatabase.set(db, (statements = new Map<string, Database.Statement>()));
  let statement = statements.get(sql);
  if (statement === undefined) statements.set(sql, (statement = db.prepare(sql)));
  // What a statement takes and gives is the caller's word for its text, here as with `prepare` itself.
  return statement as Database.Statement<Parameters, Result>;
}
