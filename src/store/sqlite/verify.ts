import type Database from 'better-sqlite3';
import { parentOf, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { saysDamaged } from './faults.ts';
import { SCHEMA_CHECK, type Verification } from '../reader.ts';
import { anyOf, recorded } from './merge-sql.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { schemaProblems } from './schema.ts';
import { waitsFor } from './waiting.ts';
import { hasRowKey } from './row-key.ts';

const MOST_FINDINGS = 100;

/**
 * Verifies a database, one check after the other: SQLite's own integrity of each table, the foreign keys, the accounting (P3),
 * the lineage, the checkpoints and the waiting rows (P5), and what a start would refuse. Each runs to its end whatever the one before it found.
 * @param db open for reading; one snapshot is read, also while a daemon writes
 */
export function* verifyDatabase(db: Database.Database, feed: Feed): Iterable<Verification> {
  db.exec('BEGIN');
  try {
    const tables = listTables(db);
    for (const table of tables) yield verification(`integrity of ${table}`, () => integrity(db, table));
    for (const table of tables) yield verification(`foreign keys of ${table}`, () => foreignKeys(db, table));
    yield verification('accounting of files', () => accountingOfFiles(db));
    for (const dataset of feed.datasets) {
      yield verification(`accounting of ${dataset.table}`, () => accountingOfTable(db, dataset));
      yield verification(`lineage of ${dataset.table}`, () => lineage(db, dataset));
      yield verification(`checkpoint of ${dataset.name}`, () => checkpoint(db, feed, dataset));
      yield verification(`waiting rows of ${dataset.table}`, () => waitingRows(db, feed, dataset));
    }
    yield verification('dependencies of waiting rows', () => dependencies(db, feed));
    yield verification(SCHEMA_CHECK, () => schemaProblems(db, feed));
  } finally {
    // There is nothing to commit, and of a damaged database a commit would fail.
    if (db.inTransaction) db.exec('ROLLBACK');
  }
}

/** A page that cannot be read ends one check, not those after it. */
function verification(check: string, find: () => readonly string[]): Verification {
  try {
    return { check, findings: find() };
  } catch (error) {
    if (!saysDamaged(error)) throw error;
    return { check, findings: ['it could not be read to its end: the database is damaged'] };
  }
}

function listTables(db: Database.Database): readonly string[] {
  return db
    .prepare<[], string>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
    )
    .pluck()
    .all();
}

/** SQLite's messages name pages, rows and indexes, never values. */
function integrity(db: Database.Database, table: string): readonly string[] {
  const messages = db
    .prepare<[], string>(`PRAGMA integrity_check(${quoteName(table)})`)
    .pluck()
    .all();
  return messages.filter((message) => message !== 'ok');
}

function foreignKeys(db: Database.Database, table: string): readonly string[] {
  return db
    .prepare<[string], { rowid: number | null; parent: string }>(
      `SELECT "rowid", "parent" FROM pragma_foreign_key_check(?) LIMIT ${MOST_FINDINGS}`,
    )
    .all(table)
    .map((row) => `row ${row.rowid ?? '?'} of ${table} refers to a row of ${row.parent} that is not there`);
}

function accountingOfFiles(db: Database.Database): readonly string[] {
  const file = `f.name || ' revision ' || f.revision || ': '`;
  const sums = `SELECT ${file} || 'the counts do not add up to the rows read' FROM files f
     WHERE rows_read <> rows_inserted + rows_updated + rows_unchanged + rows_stale + rows_rejected + rows_waiting
     LIMIT ${MOST_FINDINGS}`;
  // A waiting row that a constraint refused when its parent came is rejected by then, and resolved; the counts are those of its own commit.
  const kept = `SELECT ${file} || rejected || ' rejected and ' || waiting || ' waiting rows are kept, the ledger says '
       || rows_rejected || ' and ' || rows_waiting
     FROM (SELECT f.name, f.revision, f.rows_rejected, f.rows_waiting,
         count(r.reject_id) FILTER (WHERE r.state = 'rejected' AND r.settled_by_file_id IS NULL) AS rejected,
         count(r.reject_id) FILTER (WHERE r.state <> 'rejected' OR r.settled_by_file_id IS NOT NULL) AS waiting
       FROM files f LEFT JOIN rejects r ON r.file_id = f.file_id WHERE f.reason_code IS NULL GROUP BY f.file_id) f
     WHERE rejected <> rows_rejected OR waiting <> rows_waiting LIMIT ${MOST_FINDINGS}`;
  return [sums, kept].flatMap((sql) => db.prepare<[], string>(sql).pluck().all()).slice(0, MOST_FINDINGS);
}

/** A table's row count is the sum of the rows inserted and of the healed rows that made a new key (P3). */
function accountingOfTable(db: Database.Database, { name, table }: Dataset): readonly string[] {
  const rows = count(db, `SELECT count(*) FROM ${quoteName(table)}`);
  const inserted = count(db, 'SELECT coalesce(sum(rows_inserted), 0) FROM files WHERE dataset = ?', name);
  const healed = count(db, `SELECT count(*) FROM rejects WHERE dataset = ? AND healed_as = 'inserted'`, name);
  if (rows === inserted + healed) return [];
  return [`${table} has ${rows} rows, the ledger accounts for ${inserted} inserted and ${healed} healed`];
}

function lineage(db: Database.Database, { name, table }: Dataset): readonly string[] {
  const [fileId, , stamp] = LINEAGE_COLUMNS;
  return found(
    db,
    `rows of ${table} do not come from an ingested file of the ledger`,
    `SELECT count(*) FROM ${quoteName(table)} t WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.file_id = t.${fileId}
       AND f.stamp = t.${stamp} AND f.dataset = ? AND f.state IN ('ingested', 'replaced'))`,
    name,
  );
}

/** The newest stamp ingested, by which a file is called late. */
function checkpoint(db: Database.Database, feed: Feed, dataset: Dataset): readonly string[] {
  const newest = db
    .prepare<[string], string | null>(
      'SELECT max(stamp) FROM files WHERE dataset = ? AND reason_code IS NULL AND revision > 0',
    )
    .pluck()
    .get(dataset.name);
  const kept = db
    .prepare<[string, string], string>('SELECT stamp FROM checkpoints WHERE feed = ? AND dataset = ?')
    .pluck()
    .get(feed.name, dataset.name);
  return (newest ?? null) === (kept ?? null) ? [] : ['it is not the newest stamp ingested'];
}

/** A row waits for each parent that it lacks, for no other, and only while no newer version of it is admitted. */
function waitingRows(db: Database.Database, feed: Feed, dataset: Dataset): readonly string[] {
  const { name, table } = dataset;
  const waiting = `r.state = 'waiting' AND r.dataset = ?`;
  const older = `SELECT count(*) FROM rejects r JOIN files f ON f.file_id = r.file_id
       JOIN ${quoteName(table)} t ON ${hasRowKey(dataset, 't', 'r.row_key', `r.dataset = '${name}'`)} JOIN files tf ON tf.file_id = t.source_file_id
     WHERE ${waiting} AND (f.stamp, f.name, f.revision, r.line) < (tf.stamp, tf.name, tf.revision, t.source_line)`;
  const forgotten = referencesOf(dataset).flatMap((column) => {
    const parent = parentOf(feed, column);
    const value = recorded('r', column);
    const sql = `SELECT count(*) FROM rejects r WHERE ${waiting} AND ${value} IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM ${quoteName(parent.table)} p WHERE p.${quoteName(parent.key.name)} = ${value})
         AND NOT ${waitsFor('r', column)}`;
    return found(db, `rows lack their parent in ${parent.table} and do not wait for it`, sql, name);
  });
  const known = referencesOf(dataset).map(
    (column) => `(w.parent_table = '${column.references}' AND w.parent_key = ${recorded('r', column)})`,
  );
  const strange = `SELECT count(*) FROM waiting_on w JOIN rejects r ON r.reject_id = w.reject_id
     WHERE ${waiting} AND NOT ${anyOf(known)}`;
  return [
    ...found(db, 'rows wait though a newer version of them is admitted', older, name),
    ...forgotten,
    ...found(db, 'dependencies are on parents that their rows do not refer to', strange, name),
  ];
}

function dependencies(db: Database.Database, feed: Feed): readonly string[] {
  const idle = `SELECT count(*) FROM rejects WHERE state = 'waiting' AND reject_id NOT IN (SELECT reject_id FROM waiting_on)`;
  const settled = `SELECT count(*) FROM waiting_on w LEFT JOIN rejects r ON r.reject_id = w.reject_id WHERE r.state IS NOT 'waiting'`;
  const unsettled = `SELECT count(*) FROM rejects
     WHERE settled_by_file_id IS NOT NULL AND settled_by_file_id NOT IN (SELECT file_id FROM files)`;
  const parents = new Set(feed.datasets.flatMap((dataset) => referencesOf(dataset).map((column) => column.references)));
  const here = feed.datasets.filter(({ table }) => parents.has(table));
  return [
    ...found(db, 'rows wait for nothing', idle),
    ...found(db, 'dependencies belong to rows that do not wait', settled),
    ...found(db, 'rows were settled by a file that is not in the ledger', unsettled),
    ...here.flatMap(({ table, key }) => {
      const met = `SELECT count(*) FROM waiting_on w JOIN ${quoteName(table)} p ON p.${quoteName(key.name)} = w.parent_key
         WHERE w.parent_table = ?`;
      return found(db, `dependencies are on rows of ${table} that are there`, met, table);
    }),
  ];
}

/** A finding on as many rows as a query counts; none where it counts none. */
function found(db: Database.Database, what: string, sql: string, ...values: string[]): readonly string[] {
  const rows = count(db, sql, ...values);
  return rows === 0 ? [] : [`${rows} ${what}`];
}

function count(db: Database.Database, sql: string, ...values: string[]): number {
  return (
    db
      .prepare<string[], number>(sql)
      .pluck()
      .get(...values) ?? 0
  );
}
