import Database from 'better-sqlite3';
import process from 'node:process';
import { FIRST_FINDINGS } from '../../model/check.ts';
import { watchParent } from '../../system/parent-watch.ts';
import { INCOMING } from '../check-sql.ts';
import type { FromChecker, ToChecker } from './check-messages.ts';

/**
 * The process that runs the checks of a feed on SQLite, which lets no query be interrupted: only a process can be ended. Rows lie in a
 * temporary database of its own, without a name on disk.
 */

// Whoever asked may be gone in the middle of a query, which hears of nothing.
watchParent();
let incoming = new Database('');

process.on('message', (message: ToChecker) => {
  process.send?.(answerTo(message));
});
process.on('disconnect', () => process.exit());
// Whoever asked is told to stop by the same signals, and ends this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

function answerTo(message: ToChecker): FromChecker {
  try {
    return { rows: 0, lines: [], failure: null, ...obey(message) };
  } catch (error) {
    // The code alone: a message may hold a value.
    const failure = error instanceof Database.SqliteError ? error.code : 'an unexpected error';
    return { rows: 0, lines: [], failure };
  }
}

function obey(message: ToChecker): Partial<FromChecker> {
  switch (message.kind) {
    case 'begin':
      incoming.close();
      incoming = new Database('');
      incoming.pragma('temp_store = FILE');
      incoming.exec(message.create);
      return {};
    case 'rows':
      incoming.prepare(message.insert).run(message.rows);
      return {};
    case 'run': {
      const db = message.database === null ? incoming : new Database(message.database, { readonly: true });
      try {
        return run(db, message.sql);
      } finally {
        if (db !== incoming) db.close();
      }
    }
  }
}

function run(db: Database.Database, sql: string): Pick<FromChecker, 'rows' | 'lines'> {
  db.pragma('query_only = ON');
  const statement = db.prepare<[], unknown[]>(sql).raw();
  const place = statement.columns().findIndex(({ name }) => name === INCOMING.line);
  const lines: number[] = [];
  let rows = 0;
  for (const row of statement.iterate()) {
    rows += 1;
    if (place >= 0 && lines.length < FIRST_FINDINGS && typeof row[place] === 'number') lines.push(row[place]);
  }
  return { rows, lines };
}
