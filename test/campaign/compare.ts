import Database from 'better-sqlite3';
import { auditAccounts, type OpenRaw } from './accounts.ts';
import { TABLE_COLUMNS, TABLES } from './feeds.ts';
import { endState, type Delivery, type EndState, type Outcome, type Statement, type Waiter } from './oracle.ts';

/** A database opened to be looked at, never to be written. Closes at the end of its scope. */
export function openToRead(file: string): Database.Database & Disposable {
  const database = new Database(file, { readonly: true });
  return Object.assign(database, { [Symbol.dispose]: () => database.close() });
}

/**
 * Holds a database against the oracle in everything: tables, waiting rows, the fate of every row that ever waited, the
 * books, and SQLite's own checks.
 * @param expected the oracle's replay of what was delivered
 * @param contents the text of every content that ever turned up
 * @param open gives a raw text as it was sent, where it is kept sealed
 * @returns one line for each difference
 */
export function judge(
  file: string,
  expected: { readonly statements: readonly Statement[]; readonly waiters: readonly Waiter[] },
  contents: readonly string[],
  open: OpenRaw = (raw) => raw,
): string[] {
  using database = openToRead(file);
  return [
    ...compareEndState(database, endState(expected.statements)),
    ...compareWaiters(database, expected.waiters),
    ...auditAccounts(
      database,
      contents.map((text) => Buffer.from(text)),
      open,
    ),
    ...checkIntegrity(database),
  ];
}

/**
 * Holds the ledger against the oracle's replay: an entry for each revision, with its frozen counts.
 * @param outcomes what the replay made of each of `deliveries`, in the order in which they were ingested
 */
export function compareLedger(file: string, deliveries: readonly Delivery[], outcomes: readonly Outcome[]): string[] {
  using database = openToRead(file);
  // Of a quarantined content that was tried again there is one entry.
  const expected = new Set<string>();
  for (const [at, { name }] of deliveries.entries()) {
    const outcome = outcomes[at];
    if (outcome === undefined || outcome.kind === 'unchanged') continue;
    const entry = `${name} r${outcome.revision} `;
    if (outcome.kind === 'quarantined') {
      expected.add(`${entry}${outcome.code ?? 'bad_rows'} 0 0 0 0 0 0 0 0`);
      continue;
    }
    const { read, inserted, updated, unchanged, stale, rejected, waiting } = outcome.counts;
    const counts = [read, inserted, updated, unchanged, stale, rejected, waiting].join(' ');
    expected.add(`${entry}${outcome.late ? 'late' : 'in time'} ${counts}`);
  }
  const found = database
    .prepare<[], string>(
      `SELECT name || ' r' || revision || ' ' || coalesce(reason_code || ' 0', iif(late, 'late', 'in time')) || ' '
         || concat_ws(' ', rows_read, rows_inserted, rows_updated, rows_unchanged, rows_stale, rows_rejected, rows_waiting)
       FROM files WHERE revision > 0`,
    )
    .pluck()
    .all();
  return difference('ledger', [...expected], found);
}

/** What SQLite itself finds wrong with the pages, the constraints and the foreign keys. */
export function checkIntegrity(database: Database.Database): string[] {
  const integrity = database.prepare<[], string>('PRAGMA integrity_check').pluck().all();
  const orphans = database.prepare<[], { table: string; parent: string }>('PRAGMA foreign_key_check').all();
  return [
    ...integrity.filter((line) => line !== 'ok').map((line) => `integrity_check: ${line}`),
    ...orphans.map((row) => `foreign_key_check: a row of ${row.table} lacks its parent in ${row.parent}`),
  ];
}

/**
 * Holds the three tables and the rows still waiting against the oracle's answer.
 * @returns one line for each difference; none when all is equal
 */
export function compareEndState(database: Database.Database, expected: EndState): string[] {
  const held = TABLES.map((table) => [
    ...difference(
      table,
      [...(expected.tables.get(table)?.values() ?? [])].map((row) => `${place(row)} ${JSON.stringify(row.values)}`),
      database
        .prepare<[], Record<string, string | number | null>>(
          `SELECT f.name AS source_name, f.revision AS source_revision, f.stamp AS file_stamp, t.*
           FROM ${table} t LEFT JOIN files f ON f.file_id = t.source_file_id`,
        )
        .all()
        .map((row) => {
          const values = (TABLE_COLUMNS[table] ?? []).map((column) => row[column]);
          const stamp = row['file_stamp'] === row['source_stamp'] ? '' : ' source_stamp differs';
          return `${at(row['source_name'], row['source_revision'], row['source_line'])}${stamp} ${JSON.stringify(values)}`;
        }),
    ),
  ]);
  const waiting = difference('waiting', expected.waiting.map(place), readWaiters(database, `state = 'waiting'`));
  return [...held.flat(), ...waiting];
}

/**
 * Holds what became of every row that ever waited against the oracle's replay, and the parents that each still lacks
 * against the tables.
 */
export function compareWaiters(database: Database.Database, waiters: readonly Waiter[]): string[] {
  const expected = waiters.map(
    (waiter) =>
      `${place(waiter.statement)} ${waiter.state} ${waiter.healedAs ?? '-'} ${waiter.state === 'healed' ? 'cleared' : 'raw'}`,
  );
  const found = readWaiters(
    database,
    `code = 'missing_parent'`,
    ` || ' ' || r.state || ' ' || coalesce(r.healed_as, '-') || iif(r.raw IS NULL, ' cleared', ' raw')`,
  );
  return [...difference('rows that waited', expected, found), ...compareDependencies(database, waiters)];
}

/** One dependency for each parent that a waiting row lacks, none else (rule 6). */
function compareDependencies(database: Database.Database, waiters: readonly Waiter[]): string[] {
  const expected = waiters
    .filter((waiter) => waiter.state === 'waiting')
    .flatMap(({ statement }) =>
      statement.references
        .filter((parent) => !hasKey(database, parent.table, parent.key))
        .map((parent) => `${place(statement)} on ${parent.table} ${parent.key}`),
    );
  const found = database
    .prepare<[], { name: string; revision: number; line: number; parent_table: string; parent_key: string }>(
      `SELECT f.name, f.revision, r.line, w.parent_table, w.parent_key FROM waiting_on w
       LEFT JOIN rejects r USING (reject_id) LEFT JOIN files f USING (file_id)`,
    )
    .all()
    .map((row) => `${at(row.name, row.revision, row.line)} on ${row.parent_table} ${row.parent_key}`);
  return difference('dependencies', [...new Set(expected)], found);
}

function hasKey(database: Database.Database, table: string, key: string): boolean {
  const [column = ''] = TABLE_COLUMNS[table] ?? [];
  return database.prepare(`SELECT 1 FROM ${table} WHERE ${column} = ?`).get(key) !== undefined;
}

function readWaiters(database: Database.Database, condition: string, more = ''): string[] {
  return database
    .prepare<[], string>(
      `SELECT f.name || ' r' || f.revision || ' l' || r.line${more}
       FROM rejects r JOIN files f USING (file_id) WHERE r.${condition}`,
    )
    .pluck()
    .all();
}

/** Where a row was stated, as text. */
function at(name: unknown, revision: unknown, line: unknown): string {
  return `${String(name)} r${String(revision)} l${String(line)}`;
}

function place(row: Statement): string {
  return at(row.name, row.revision, row.line);
}

/** What is on one side only, both taken as bags. */
export function difference(what: string, expected: readonly string[], found: readonly string[]): string[] {
  const balance = new Map<string, number>();
  for (const each of expected) balance.set(each, (balance.get(each) ?? 0) - 1);
  for (const each of found) balance.set(each, (balance.get(each) ?? 0) + 1);
  return [...balance]
    .filter(([, count]) => count !== 0)
    .map(([each, count]) => `${what}: ${count < 0 ? 'missing' : 'not expected'} ${each}`);
}
