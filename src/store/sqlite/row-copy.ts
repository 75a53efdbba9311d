import Database from 'better-sqlite3';
import type { Value } from '../../columns/column-type.ts';
import type { RowCopy } from '../row-copy.ts';
import type { ReadColumn } from '../snapshot.ts';
import { quoteName } from '../sql-names.ts';
import { declarationFor } from './affinity.ts';
import { asFault } from './faults.ts';
import { asList } from './pages.ts';
import { readRows, readTotals } from './snapshot.ts';

const CACHE_MIB = 16;

/** `LFEX`: by it a copy is known for one. */
const COPY_ID = 0x4c_46_45_58;

/**
 * Makes a database in a new file. Until it is finished, a crash leaves a file that nobody can use.
 * @throws DatabaseFault, and in all that is done with it, where it cannot be written
 */
export function createRowCopy(file: string): RowCopy {
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw asFault('export', file, error);
    }
  };
  const db = guarded(() => new Database(file));
  const unkeyed: string[] = [];
  const inserts = new Map<string, Database.Statement<Value[]>>();
  guarded(() => {
    // What is left of a crash is thrown away: no journal is needed.
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    db.pragma('temp_store = FILE');
    db.pragma(`application_id = ${COPY_ID}`);
    db.pragma(`cache_size = -${CACHE_MIB * 1024}`);
  });
  return {
    createTable: (name, columns, key) => {
      guarded(() => {
        db.exec(createSql(name, columns, key));
        if (key.length === 0) unkeyed.push(name);
        const places = columns.map(() => '?').join(', ');
        inserts.set(name, db.prepare<Value[]>(`INSERT INTO ${quoteName(name)} VALUES (${places})`));
      });
    },
    add: (table, rows) => {
      guarded(() => {
        db.transaction(() => {
          for (const row of rows) inserts.get(table)?.run(...row);
        })();
      });
    },
    rows: (query) => asList('export', file, () => readRows(db, query)),
    totals: (query) => Promise.try(() => guarded(() => readTotals(db, query))),
    finish: (note) => {
      guarded(() => {
        for (const name of unkeyed) sortRows(db, name);
        db.exec('CREATE TABLE _manifest (json TEXT NOT NULL)');
        db.prepare('INSERT INTO _manifest VALUES (?)').run(note);
        db.exec('VACUUM');
      });
    },
    close: () => {
      db.close();
    },
  };
}

/** A table with a key is kept in its order, one without in the order in which rows came. */
function createSql(name: string, columns: readonly ReadColumn[], key: readonly string[]): string {
  const declared = columns.map((column) => `${quoteName(column.name)} ${declarationFor(column.storage)}`);
  if (key.length === 0) return `CREATE TABLE ${quoteName(name)} (${declared.join(', ')})`;
  const primary = `PRIMARY KEY (${key.map(quoteName).join(', ')})`;
  return `CREATE TABLE ${quoteName(name)} (${[...declared, primary].join(', ')}) WITHOUT ROWID`;
}

function sortRows(db: Database.Database, name: string): void {
  const columns = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(name);
  const sql = db.prepare<[string], string>('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(name) ?? '';
  db.exec(`ALTER TABLE ${quoteName(name)} RENAME TO _unsorted`);
  db.exec(sql);
  db.exec(`INSERT INTO ${quoteName(name)} SELECT * FROM _unsorted ORDER BY ${columns.map(quoteName).join(', ')}`);
  db.exec('DROP TABLE _unsorted');
}
