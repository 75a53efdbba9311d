import { referencesOf } from '../../feed/references.ts';
import type { Value } from '../../columns/column-type.ts';
import type { Dataset } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { anyOf, recorded } from './merge-sql.ts';
import type { DryRunReject, DryRunReport, DryRunUpdate, DryRunWait, GoodRow } from '../rehearsal.ts';
import type { OpenDatabase } from './open.ts';
import { asList } from './pages.ts';
import { quoteName } from '../sql-names.ts';
import { SCRATCH, stageName } from './scratch.ts';
import { waitsFor } from './waiting.ts';
import { keyPlaces, rowKey } from '../../feed/keys.ts';
import { sameKey } from '../key-names.ts';
import { hasRowKey } from './row-key.ts';

/**
 * Makes temporary tables that shadow the real ones, and fills them with just what the rows can touch, and all that waits, in one snapshot.
 * An unqualified table name finds a temporary table first, so an ingest runs on them unchanged, and the real database is only read.
 * @param database may be open read-only
 */
export function copyForDryRun(database: OpenDatabase, rows: Iterable<GoodRow>): void {
  const { db, feed } = database;
  makeTables(database);
  wantRows(database, rows);
  db.transaction(() => {
    for (const table of ['files', 'checkpoints', 'decisions'] as const)
      db.exec(`INSERT INTO temp.${table} SELECT * FROM main.${table}`);
    db.exec(`INSERT INTO temp.rejects SELECT * FROM main.rejects WHERE state = 'waiting'`);
    db.exec('INSERT INTO temp.waiting_on SELECT * FROM main.waiting_on');
    for (const dataset of feed.datasets.toReversed()) wantParents(database, dataset);
    for (const dataset of feed.datasets) copyTable(database, dataset);
  })();
}

function makeTables({ db, feed }: OpenDatabase): void {
  db.pragma('foreign_keys = ON');
  const tables = [...LEDGER_TABLES, ...feed.datasets.map((dataset) => dataset.table)];
  const schema = db.prepare<[string], string>(
    `SELECT sql FROM main.sqlite_schema WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC`,
  );
  for (const table of tables) {
    for (const sql of schema.pluck().all(table))
      db.exec(sql.replace(/^CREATE (TABLE|(?:UNIQUE )?INDEX) /, 'CREATE $1 temp.'));
  }
  // What a file heals is asked of every file: all that waits would be walked each time.
  db.exec(`CREATE INDEX temp._healed ON rejects (settled_by_file_id, dataset) WHERE state = 'healed'`);
  for (const dataset of feed.datasets) {
    const { table } = dataset;
    db.exec(
      `CREATE TABLE ${stageName('before', dataset)} AS SELECT ${columnsOf(db, table)} FROM main.${quoteName(table)} WHERE 0`,
    );
  }
  db.exec(`CREATE TABLE ${SCRATCH.wanted} (_of_table TEXT, _key TEXT, PRIMARY KEY (_of_table, _key)) WITHOUT ROWID`);
}

/** Of each row its key is wanted, and what it refers to. */
function wantRows({ db, feed }: OpenDatabase, rows: Iterable<GoodRow>): void {
  const want = db.prepare<[string, Value]>(`INSERT OR IGNORE INTO ${SCRATCH.wanted} (_of_table, _key) VALUES (?, ?)`);
  const references = new Map(
    feed.datasets.map(({ table, columns }) => [
      table,
      columns.flatMap((column, index) => (column.references === null ? [] : [{ table: column.references, index }])),
    ]),
  );
  for (const { dataset, values } of rows) {
    want.run(dataset.table, rowKey(keyPlaces(dataset).map((place) => values[place] ?? null)));
    for (const { table, index } of references.get(dataset.table) ?? []) {
      const key = values[index] ?? null;
      if (key !== null) want.run(table, key);
    }
  }
}

/** Children first: what a child's row refers to is wanted of its parents. */
function wantParents({ db }: OpenDatabase, dataset: Dataset): void {
  const table = quoteName(dataset.table);
  const insert = `INSERT OR IGNORE INTO ${SCRATCH.wanted} (_of_table, _key)`;
  const waiting = `FROM temp.rejects WHERE state = 'waiting' AND dataset = ?`;
  db.prepare<[string, string]>(`${insert} SELECT ?, row_key ${waiting}`).run(dataset.table, dataset.name);
  for (const column of referencesOf(dataset)) {
    const value = recorded('rejects', column);
    db.prepare<[string, string]>(`${insert} SELECT ?, ${value} ${waiting} AND ${value} IS NOT NULL`).run(
      column.references,
      dataset.name,
    );
    db.prepare<[string, string]>(
      `${insert} SELECT ?, t.${quoteName(column.name)} FROM ${SCRATCH.wanted} w CROSS JOIN main.${table} t
         ON ${wantedRow(dataset)} WHERE w._of_table = ? AND t.${quoteName(column.name)} IS NOT NULL`,
    ).run(column.references, dataset.table);
  }
}

/** A table's columns without the generated ones, which take no values. */
function columnsOf(db: OpenDatabase['db'], table: string): string {
  const names = db.prepare<[string], string>(`SELECT name FROM pragma_table_info(?, 'main')`).pluck().all(table);
  return names.map(quoteName).join(', ');
}

/** SQL that is true where a row `t` of the dataset's table is the one that `w` wants. */
function wantedRow(dataset: Dataset): string {
  return hasRowKey(dataset, 't', 'w._key', `w._of_table = '${dataset.table}'`);
}

function copyTable({ db }: OpenDatabase, dataset: Dataset): void {
  const table = quoteName(dataset.table);
  const before = stageName('before', dataset);
  const columns = columnsOf(db, dataset.table);
  db.prepare<[string]>(
    `INSERT INTO ${before} SELECT ${columns} FROM ${SCRATCH.wanted} w CROSS JOIN main.${table} t
         ON ${wantedRow(dataset)} WHERE w._of_table = ?`,
  ).run(dataset.table);
  db.exec(`INSERT INTO temp.${table} (${columns}) SELECT ${columns} FROM ${before}`);
}

/** Reads from the temporary tables, of which no log is kept from being emptied, what the ingest of one file did to them. */
export function reportOf({ db, file }: OpenDatabase, dataset: Dataset, fileId: number): DryRunReport {
  const rejected = `SELECT line, code, column_name AS "column", reason FROM temp.rejects
     WHERE file_id = ? AND state = 'rejected' ORDER BY line`;
  const heals = `SELECT dataset, count(*) AS rows FROM temp.rejects WHERE settled_by_file_id = ? AND state = 'healed' GROUP BY dataset`;
  return {
    updates: asList('check', file, () => updatesOf(db, dataset, fileId)),
    rejected: asList('check', file, () => db.prepare<[number], DryRunReject>(rejected).iterate(fileId)),
    waiting: asList('check', file, () => waitingOf(db, dataset, fileId)),
    heals: db.prepare<[number], DryRunReport['heals'][number]>(heals).all(fileId),
  };
}

function updatesOf(db: OpenDatabase['db'], dataset: Dataset, fileId: number): Iterable<DryRunUpdate> {
  const names = dataset.columns.filter((column) => !dataset.keys.includes(column)).map((column) => column.name);
  // The copy's column comes first: its collation decides, which tells every letter.
  const changed = names.map((name) => `b.${quoteName(name)} IS NOT t.${quoteName(name)}`);
  const rows = db
    .prepare<[number], Record<string, number>>(
      `SELECT t.source_line AS line, ${changed.map((isChanged, index) => `${isChanged} AS c${index}`).join(', ')}
       FROM temp.${quoteName(dataset.table)} t JOIN ${stageName('before', dataset)} b ON ${sameKey(dataset, 'b', 't')}
       WHERE t.source_file_id = ? AND ${anyOf(changed)} ORDER BY t.source_line`,
    )
    .iterate(fileId);
  return Iterator.from(rows).map((row) => ({
    line: row['line'] ?? 0,
    columns: names.filter((_, index) => row[`c${index}`] === 1),
  }));
}

function waitingOf(db: OpenDatabase['db'], dataset: Dataset, file: number): Iterable<DryRunWait> {
  const waits = referencesOf(dataset).map(
    (column) =>
      `SELECT r.line, '${column.references}' AS parentTable, ${recorded('r', column)} AS parentKey
       FROM temp.rejects r WHERE r.file_id = @file AND r.state = 'waiting' AND ${waitsFor('r', column)}`,
  );
  if (waits.length === 0) return [];
  return db.prepare<[object], DryRunWait>(`${waits.join(' UNION ')} ORDER BY line, parentTable`).iterate({ file });
}
