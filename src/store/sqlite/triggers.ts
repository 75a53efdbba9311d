import type Database from 'better-sqlite3';
import type { Dataset, Feed } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { keyNames } from '../key-names.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';

/**
 * What is wrong with the triggers of a database, one clause each. One on a table of the feed may refuse a row, and write to tables and
 * columns of its own; with one that rolls back a whole file, or writes where the ledger does not know of it, the books would not hold.
 *
 * Their text does not tell: a trigger may fire another one, and SQL has many spellings. So SQLite is asked (EXPLAIN) for the programs
 * that run where rows go into a table of the feed or change in it, with a trigger of ours on what must not be written: where one of
 * theirs would fire it, its program does.
 */
export function triggerProblems(db: Database.Database, feed: Feed): readonly string[] {
  const triggers = db
    .prepare<[], { name: string; table: string }>(
      `SELECT name, lower(tbl_name) AS "table" FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`,
    )
    .all();
  if (triggers.length === 0) return [];
  const onLedger = triggers
    .filter(({ table }) => (LEDGER_TABLES as readonly string[]).includes(table))
    .map(({ name, table }) => `the trigger ${name} is on ${table}, a table of the ledger`);
  // What cannot be prepared is told elsewhere.
  const sound = feed.datasets.filter((dataset) => writesOf(dataset).every((sql) => isSound(db, sql)));
  const statements = sound.flatMap(writesOf).filter((sql) => programsOf(db, [sql]).length > 0);
  const rollBack = programsOf(db, statements)
    .filter((program) => program.rollsBack)
    .map(({ name }) => `${name} says RAISE(ROLLBACK), which undoes a whole file; RAISE(ABORT) refuses the row`);
  return [...new Set([...onLedger, ...rollBack, ...writesToOurs(db, sound, statements)])];
}

/** What the triggers write to the tables of the ledger, and to those of the feed but for columns that are not the feed's. */
function writesToOurs(
  db: Database.Database,
  datasets: readonly Dataset[],
  statements: readonly string[],
): readonly string[] {
  const before = firesOf(programsOf(db, statements));
  const ours = [
    ...LEDGER_TABLES.filter((table) => isSound(db, `SELECT 1 FROM ${table}`)).map((table) => ({
      table,
      update: 'UPDATE',
    })),
    ...datasets.map((dataset) => ({ table: dataset.table, update: `UPDATE OF ${columnsOf(dataset).join(', ')}` })),
  ];
  const writes = ours.flatMap(({ table, update }) => [
    { table, event: 'INSERT', does: 'puts rows into' },
    { table, event: 'DELETE', does: 'takes rows out of' },
    { table, event: update, does: 'changes values in' },
  ]);
  return writes.flatMap(({ table, event, does }) => {
    db.exec(`CREATE TEMP TRIGGER _landfall AFTER ${event} ON main.${quoteName(table)} BEGIN SELECT 1; END`);
    try {
      return [...firesOf(programsOf(db, statements))]
        .filter(([name, fires]) => fires > (before.get(name) ?? 0))
        .map(([name]) => `${name} ${does} ${table}`);
    } finally {
      db.exec('DROP TRIGGER temp._landfall');
    }
  });
}

/** A program of a trigger, or of a foreign key's action. */
interface Program {
  /** Who it belongs to, in words. */
  readonly name: string;
  /** How many programs it starts itself. */
  readonly fires: number;
  /** Whether it may end the whole transaction. */
  readonly rollsBack: boolean;
}

/** `OE_Rollback` of SQLite (https://sqlite.org/opcode.html#Halt). */
const ROLLBACK = 1;

/** The programs that the statements start, directly or by others. SQLite lists each behind the statement, from address 0. */
function programsOf(db: Database.Database, statements: readonly string[]): readonly Program[] {
  return statements.flatMap((statement) => {
    const steps = db
      .prepare<[], { addr: number; opcode: string; p1: number; p2: number; p4: string | null }>(`EXPLAIN ${statement}`)
      .all();
    const starts = steps.flatMap(({ addr }, at) => (addr === 0 && at > 0 ? [at] : []));
    return starts.map((start, at) => {
      const program = steps.slice(start, starts[at + 1]);
      const trigger = /^-- TRIGGER (.*)$/s.exec(program[0]?.p4 ?? '')?.[1];
      return {
        name: trigger === undefined ? 'the action of a foreign key' : `the trigger ${trigger}`,
        fires: program.filter(({ opcode }) => opcode === 'Program').length,
        rollsBack: program.some(({ opcode, p1, p2 }) => opcode.startsWith('Halt') && p1 !== 0 && p2 === ROLLBACK),
      };
    });
  });
}

function firesOf(programs: readonly Program[]): Map<string, number> {
  const fires = new Map<string, number>();
  for (const program of programs) fires.set(program.name, (fires.get(program.name) ?? 0) + program.fires);
  return fires;
}

/** How the merge writes a table of the feed; it never deletes. A conflict clause of a trigger's gives way to that of these. */
function writesOf(dataset: Dataset): readonly string[] {
  const table = quoteName(dataset.table);
  const columns = columnsOf(dataset);
  const values = columns.filter((column) => !keyNames(dataset).includes(column));
  return [
    `INSERT OR ABORT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => 'NULL').join(', ')})`,
    `UPDATE OR ABORT ${table} SET ${values.map((column) => `${column} = ${column}`).join(', ')}`,
  ];
}

/** The columns that the merge sets; a table may have more. */
function columnsOf(dataset: Dataset): readonly string[] {
  return [...dataset.columns.map((column) => quoteName(column.name)), ...LINEAGE_COLUMNS];
}

function isSound(db: Database.Database, statement: string): boolean {
  try {
    db.prepare(statement);
    return true;
  } catch {
    return false;
  }
}
