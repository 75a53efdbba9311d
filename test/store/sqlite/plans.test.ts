import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { closeDatabase, openForRehearsal, type OpenDatabase } from '../../../src/store/sqlite/open.ts';
import { readStatus } from '../../../src/store/sqlite/status-query.ts';
import { copyForDryRun, reportOf } from '../../../src/store/sqlite/dry-run.ts';
import { feedFileName } from '../../helpers/feed-files.ts';
import { type Desk, MIGRATIONS, openDesk } from '../../helpers/ingest.ts';
import { procedure, transaction, visit } from '../../helpers/rows.ts';

/** Tables that grow with time: no statement of an ingest may walk one of them from end to end. */
const GROWING: readonly string[] = ['procedures', 'visits', 'transactions', 'files', 'rejects', 'waiting_on'];

interface Instruction {
  readonly addr: number;
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
  readonly p3: number;
}

/**
 * Every statement that a desk runs on its database from now on.
 * Prepared statements are told by SQLite itself when they are prepared, which a store does at its first file.
 */
function watchStatements({ db }: OpenDatabase): Set<string> {
  const seen = new Set<string>();
  const prepare = db.prepare.bind(db);
  Object.assign(db, {
    prepare: (sql: string) => {
      seen.add(sql);
      return prepare(sql);
    },
  });
  return seen;
}

/** NULL for each parameter of a statement: none of them decides its plan. */
function nothing(sql: string): unknown[] {
  const names = [...sql.matchAll(/[@:]([a-z_]+)/g)].map((match) => match[1]);
  if (names.length > 0) return [Object.fromEntries(names.map((name) => [name, null]))];
  return [...sql.matchAll(/\?/g)].map(() => null);
}

/**
 * The tables and indexes that a statement's program goes through from their first row on. The program shows what plans leave out:
 * the searches for children when a parent goes.
 */
function walked(db: Database.Database, sql: string, schema: 'main' | 'temp' = 'main'): string[] {
  const names = new Map(
    db
      .prepare<[], { rootpage: number; name: string; tbl_name: string }>(
        `SELECT rootpage, name, tbl_name FROM ${schema}.sqlite_schema`,
      )
      .all()
      .filter((row) => GROWING.includes(row.tbl_name))
      .map((row) => [row.rootpage, row.name]),
  );
  const program = db.prepare<unknown[], Instruction>(`EXPLAIN ${sql}`).all(...nothing(sql));
  const opened = new Map(
    program
      .filter((step) => /^Open(Read|Write)$/.test(step.opcode) && step.p3 === (schema === 'main' ? 0 : 1))
      .map((step) => [step.p1, step.p2]),
  );
  // Run only where a statement has left children without a parent, which an insert of parents does not.
  const guarded = program.filter((step) => step.opcode === 'FkIfZero');
  return program
    .filter((step) => step.opcode === 'Rewind' || step.opcode === 'Last')
    .filter((step) => !guarded.some((guard) => guard.addr < step.addr && step.addr < guard.p2))
    .flatMap((step) => names.get(opened.get(step.p1) ?? -1) ?? []);
}

/** A desk that has run through everything an ingest does, and all that it ran. */
async function busyDesk(): Promise<{ desk: Desk; statements: string[] }> {
  const desk = openDesk();
  const seen = watchStatements(desk.database);
  await desk.deliver('Transaction', '20260801_060000', [
    transaction('T1', 'V1', { ProcedureID: 'P9' }),
    transaction('T2', 'V1'),
  ]);
  await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P2')]);
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2', 'x'), 'short']);
  await desk.deliver('Procedure', '20260802_060000', [procedure('P1'), procedure('P2', 'y'), procedure('P9')]);
  await desk.deliver('Procedure', '20260731_060000', [procedure('P1'), procedure('P2', 'z')]);
  await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P8'), visit('V1', 'P2')]);
  await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P1')]);
  await desk.ingest(desk.write(feedFileName('Visit', '20260803_060000'), ''));
  await desk.ingest(desk.write(feedFileName('Visit', '20260803_060000'), ''));
  const statements = [...seen].filter((sql) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql));
  return { desk, statements };
}

/** These take one row from the end of a table or index and stop. */
const TAKES_ONE = /max\((reject_id|rowid)\)|LIMIT 1$|SELECT EXISTS/;

describe('no statement of an ingest walks a table that grows', () => {
  test('in its program', async () => {
    const { desk, statements } = await busyDesk();
    expect(statements.length).toBeGreaterThan(40);
    const found = statements
      .filter((sql) => !TAKES_ONE.test(sql.trim()))
      .flatMap((sql) => walked(desk.db, sql).map((name) => `${name} in: ${sql.replaceAll(/\s+/g, ' ').slice(0, 200)}`));
    expect(found).toEqual([]);
  });

  test('nor does the status, of the rejects', async () => {
    const { desk } = await busyDesk();
    const seen = watchStatements(desk.database);
    readStatus(desk.db, desk.database.feed, 0);
    const tables = [...seen].flatMap((sql) => walked(desk.db, sql));
    expect(tables).toContain('rejects_waiting');
    expect(tables).not.toContain('rejects');
    const joined = [...seen].filter((sql) => sql.includes('waiting_on') && sql.includes('JOIN'));
    expect(joined).toEqual([]);
  });

  test('nor does the report of a check, of what waits', async () => {
    const { desk } = await busyDesk();
    const store = openForRehearsal({
      file: desk.database.file,
      feed: desk.feed,
      migrations: MIGRATIONS,
      program: '0.0.0',
    });
    copyForDryRun(store, []);
    const seen = watchStatements(store);
    const dataset = store.feed.datasets.at(-1);
    if (dataset === undefined) throw new Error('the feed has no datasets');
    const { updates, rejected, waiting } = reportOf(store, dataset, 1);
    for (const list of [updates, rejected, waiting]) expect(await Array.fromAsync<unknown>(list)).toEqual([]);
    const statements = [...seen];
    expect(statements).toHaveLength(4);
    const tables = statements.flatMap((sql) => walked(store.db, sql, 'temp'));
    closeDatabase(store);
    for (const name of tables) expect(name).not.toMatch(/rejects|waiting_on/);
  });

  test('the watch itself sees a walk', () => {
    const { db } = openDesk();
    expect(walked(db, `SELECT * FROM visits WHERE status = 'x'`)).toEqual(['visits']);
    expect(walked(db, `UPDATE rejects SET raw = NULL WHERE code = 'x'`)).toEqual(['rejects']);
    expect(walked(db, `SELECT * FROM visits WHERE visit_id = ?`)).toEqual([]);
    // The foreign keys of visits have no index: whoever deletes a procedure walks them.
    expect(walked(db, `DELETE FROM procedures WHERE procedure_id = ?`)).toContain('visits');
  });
});
