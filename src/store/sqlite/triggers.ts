import type Database from 'better-sqlite3';
import type { Feed } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';

/**
 * What is wrong with the triggers of a database, one clause each. One on a table of the feed may refuse a row, and write to tables of
 * its own; with one that rolls back a whole file, or puts rows where the ledger does not know of them, the books would not hold.
 * They are known by their text: SQLite does not say what a trigger does.
 */
export function triggerProblems(db: Database.Database, feed: Feed): readonly string[] {
  const triggers = db
    .prepare<[], { name: string; table: string; sql: string }>(
      `SELECT name, lower(tbl_name) AS "table", sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`,
    )
    .all();
  const ledger: readonly string[] = LEDGER_TABLES;
  const tables = feed.datasets.map((dataset) => dataset.table);
  return triggers.flatMap(({ name, table, sql }) => {
    if (ledger.includes(table)) return [`the trigger ${name} is on ${table}, a table of the ledger`];
    if (!tables.includes(table)) return [];
    const problems = [...ledger, ...tables]
      .filter((other) => addsOrRemoves(other).test(sql))
      .map((other) => `the trigger ${name} puts rows into ${other}, or takes them out of it`);
    if (/\bRAISE\s*\(\s*ROLLBACK\b/i.test(sql))
      problems.push(
        `the trigger ${name} says RAISE(ROLLBACK), which undoes a whole file; RAISE(ABORT) refuses the row`,
      );
    return problems;
  });
}

/** Matches SQL that inserts into a table or deletes from it. */
function addsOrRemoves(table: string): RegExp {
  const quoted = String.raw`["\x60[]?${table}\b`;
  return new RegExp(
    String.raw`\b(?:(?:INSERT(?:\s+OR\s+\w+)?|REPLACE)\s+INTO|DELETE\s+FROM)\s+(?:main\.)?${quoted}`,
    'i',
  );
}
