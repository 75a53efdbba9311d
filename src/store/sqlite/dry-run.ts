import { referencesOf } from '../../feed/references.ts';
import type { Value } from '../../columns/column-type.ts';
import type { Dataset } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';
import { anyOf, recorded } from './merge-sql.ts';
import type { OpenDatabase as Store } from './open.ts';
import { quoteName } from './schema.ts';
import { waitsFor } from './waiting.ts';

/**
 * A rehearsal's database: temporary tables that shadow the real ones and hold just the rows that the files at hand can touch.
 * An unqualified table name finds a temporary table first, so an ingest runs on them unchanged, and the real database is only read.
 */
export interface Shadow {
  readonly store: Store;
  /** Tells of a row of a file: its key and what it refers to will be copied. */
  want(dataset: Dataset, values: readonly Value[]): void;
  /** Copies what is wanted, and all that waits, in one snapshot. To be called once, before the rehearsal. */
  copy(): void;
}

/** Makes the shadow of a database; `store.db` may be read-only. */
export function createShadow(store: Store): Shadow {
  const { db, feed } = store;
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
    const before = quoteName(`_before_${table}`);
    db.exec(`CREATE TABLE temp.${before} AS SELECT ${columnsOf(db, table)} FROM main.${quoteName(table)} WHERE 0`);
  }
  db.exec('CREATE TABLE temp._wanted (_of_table TEXT, _key TEXT, PRIMARY KEY (_of_table, _key)) WITHOUT ROWID');
  const want = db.prepare<[string, Value]>('INSERT OR IGNORE INTO temp._wanted (_of_table, _key) VALUES (?, ?)');
  const references = new Map(
    feed.datasets.map((dataset) => [
      dataset.table,
      dataset.columns.flatMap((column, index) =>
        column.references === null ? [] : [{ table: column.references, index }],
      ),
    ]),
  );

  return {
    store,
    want(dataset, values) {
      want.run(dataset.table, values[0] ?? null);
      for (const { table, index } of references.get(dataset.table) ?? []) {
        const key = values[index] ?? null;
        if (key !== null) want.run(table, key);
      }
    },
    copy() {
      db.transaction(() => {
        for (const table of ['files', 'checkpoints'] as const)
          db.exec(`INSERT INTO temp.${table} SELECT * FROM main.${table}`);
        db.exec(`INSERT INTO temp.rejects SELECT * FROM main.rejects WHERE state = 'waiting'`);
        db.exec('INSERT INTO temp.waiting_on SELECT * FROM main.waiting_on');
        for (const dataset of feed.datasets.toReversed()) wantParents(store, dataset);
        for (const dataset of feed.datasets) copyTable(store, dataset);
      })();
    },
  };
}

/** Children first: what a child's row refers to is wanted of its parents. */
function wantParents(store: Store, dataset: Dataset): void {
  const { db } = store;
  const table = quoteName(dataset.table);
  const insert = 'INSERT OR IGNORE INTO temp._wanted (_of_table, _key)';
  const waiting = `FROM temp.rejects WHERE state = 'waiting' AND dataset = ?`;
  db.prepare<[string, string]>(`${insert} SELECT ?, row_key ${waiting}`).run(dataset.table, dataset.name);
  for (const column of referencesOf(dataset)) {
    const value = recorded('rejects', column);
    db.prepare<[string, string]>(`${insert} SELECT ?, ${value} ${waiting} AND ${value} IS NOT NULL`).run(
      column.references,
      dataset.name,
    );
    db.prepare<[string, string]>(
      `${insert} SELECT ?, t.${quoteName(column.name)} FROM temp._wanted w CROSS JOIN main.${table} t
         ON t.${quoteName(dataset.key.name)} = w._key WHERE w._of_table = ? AND t.${quoteName(column.name)} IS NOT NULL`,
    ).run(column.references, dataset.table);
  }
}

/** A table's columns without the generated ones, which take no values. */
function columnsOf(db: Store['db'], table: string): string {
  const names = db.prepare<[string], string>(`SELECT name FROM pragma_table_info(?, 'main')`).pluck().all(table);
  return names.map(quoteName).join(', ');
}

function copyTable(store: Store, dataset: Dataset): void {
  const table = quoteName(dataset.table);
  const before = quoteName(`_before_${dataset.table}`);
  const columns = columnsOf(store.db, dataset.table);
  store.db
    .prepare<[string]>(
      `INSERT INTO temp.${before} SELECT ${columns} FROM temp._wanted w CROSS JOIN main.${table} t
         ON t.${quoteName(dataset.key.name)} = w._key WHERE w._of_table = ?`,
    )
    .run(dataset.table);
  store.db.exec(`INSERT INTO temp.${table} (${columns}) SELECT ${columns} FROM temp.${before}`);
}

/** A row that would be updated: its line, and the columns that would change. */
export interface ShadowUpdate {
  readonly line: number;
  readonly columns: readonly string[];
}

export interface ShadowReject {
  readonly line: number;
  readonly code: string;
  readonly column: string | null;
  readonly reason: string;
}

/** A row that would wait, by its line and one missing parent; the key is a value of the row. */
export interface ShadowWait {
  readonly line: number;
  readonly parentTable: string;
  readonly parentKey: string;
}

/**
 * What a file of the rehearsal would bring, besides its counts. There may be as many as the file has rows, so each list is read as it
 * is taken: once, one after the other, and before the next file is rehearsed.
 */
export interface ShadowReport {
  readonly updates: IteratorObject<ShadowUpdate, void>;
  readonly rejected: IteratorObject<ShadowReject, void>;
  readonly waiting: IteratorObject<ShadowWait, void>;
  /** Waiting rows that would heal, by dataset. */
  readonly heals: readonly { readonly dataset: string; readonly rows: number }[];
}

/** Reads from the shadow, of which no log is kept from being emptied, what the rehearsed ingest of one file did. */
export function reportOf(store: Store, dataset: Dataset, fileId: number): ShadowReport {
  const { db } = store;
  return {
    updates: updatesOf(store, dataset, fileId),
    rejected: rowsOf<ShadowReject>(
      db,
      `SELECT line, code, column_name AS "column", reason FROM temp.rejects WHERE file_id = @file AND state = 'rejected' ORDER BY line`,
      fileId,
    ),
    waiting: waitingOf(store, dataset, fileId),
    heals: db
      .prepare<[number], ShadowReport['heals'][number]>(
        `SELECT dataset, count(*) AS rows FROM temp.rejects WHERE settled_by_file_id = ? AND state = 'healed' GROUP BY dataset`,
      )
      .all(fileId),
  };
}

function updatesOf({ db }: Store, dataset: Dataset, fileId: number): ShadowReport['updates'] {
  const key = quoteName(dataset.key.name);
  const names = dataset.columns.slice(1).map((column) => column.name);
  // The copy's column comes first: its collation decides, which tells every letter.
  const changed = names.map((name) => `b.${quoteName(name)} IS NOT t.${quoteName(name)}`);
  const rows = rowsOf<Record<string, number>>(
    db,
    `SELECT t.source_line AS line, ${changed.map((isChanged, index) => `${isChanged} AS c${index}`).join(', ')}
     FROM temp.${quoteName(dataset.table)} t JOIN temp.${quoteName(`_before_${dataset.table}`)} b ON b.${key} = t.${key}
     WHERE t.source_file_id = @file AND ${anyOf(changed)} ORDER BY t.source_line`,
    fileId,
  );
  return rows.map((row) => ({
    line: row['line'] ?? 0,
    columns: names.filter((_, index) => row[`c${index}`] === 1),
  }));
}

function waitingOf({ db }: Store, dataset: Dataset, fileId: number): ShadowReport['waiting'] {
  const waits = referencesOf(dataset).map(
    (column) =>
      `SELECT r.line, '${column.references}' AS parentTable, ${recorded('r', column)} AS parentKey
       FROM temp.rejects r WHERE r.file_id = @file AND r.state = 'waiting' AND ${waitsFor('r', column)}`,
  );
  if (waits.length === 0) return Iterator.from<ShadowWait>([]);
  return rowsOf(db, `${waits.join(' UNION ')} ORDER BY line, parentTable`, fileId);
}

/** Runs a query only when its first row is asked for. */
function* rowsOf<Row>(db: Store['db'], sql: string, file: number): Generator<Row, void> {
  yield* db.prepare<[{ file: number }], Row>(sql).iterate({ file });
}
