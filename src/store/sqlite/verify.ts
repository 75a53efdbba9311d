import type Database from 'better-sqlite3';
import { parentOf, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { saysDamaged } from '../database-fault.ts';
import type { Verification } from '../reader.ts';
import { anyOf, recorded } from './merge-sql.ts';
import { LINEAGE_COLUMNS, quoteName } from './schema.ts';
import { waitsFor } from './waiting.ts';

const MOST_FINDINGS = 100;

/**
 * Verifies a database, one check after the other: SQLite's own integrity of each table, the foreign keys, the accounting (P3),
 * the lineage, the checkpoints and the waiting rows (P5). Each runs to its end whatever the one before it found.
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
  const sums = db.prepare<[], { name: string; revision: number }>(
    `SELECT name, revision FROM files
     WHERE rows_read <> rows_inserted + rows_updated + rows_unchanged + rows_stale + rows_rejected + rows_waiting
     LIMIT ${MOST_FINDINGS}`,
  );
  // A waiting row that a constraint refused when its parent came is rejected by then, and settled; the counts are those of its own commit.
  const kept = db.prepare<
    [],
    { name: string; revision: number; rejected: number; waiting: number; rows_rejected: number; rows_waiting: number }
  >(
    `SELECT f.name, f.revision, f.rows_rejected, f.rows_waiting,
       count(r.reject_id) FILTER (WHERE r.state = 'rejected' AND r.settled_by_file_id IS NULL) AS rejected,
       count(r.reject_id) FILTER (WHERE r.state <> 'rejected' OR r.settled_by_file_id IS NOT NULL) AS waiting
     FROM files f LEFT JOIN rejects r ON r.file_id = f.file_id WHERE f.reason_code IS NULL GROUP BY f.file_id
     HAVING rejected <> f.rows_rejected OR waiting <> f.rows_waiting LIMIT ${MOST_FINDINGS}`,
  );
  return [
    ...sums.all().map((file) => `${file.name} revision ${file.revision}: the counts do not add up to the rows read`),
    ...kept
      .all()
      .map(
        (file) =>
          `${file.name} revision ${file.revision}: ${file.rejected} rejected and ${file.waiting} waiting rows are kept, the ledger says ${file.rows_rejected} and ${file.rows_waiting}`,
      ),
  ].slice(0, MOST_FINDINGS);
}

/** A table's row count is the sum of the rows inserted and of the healed rows that made a new key (P3). */
function accountingOfTable(db: Database.Database, dataset: Dataset): readonly string[] {
  const count = (sql: string, ...values: string[]) =>
    db
      .prepare<string[], number>(sql)
      .pluck()
      .get(...values) ?? 0;
  const rows = count(`SELECT count(*) FROM ${quoteName(dataset.table)}`);
  const inserted = count('SELECT coalesce(sum(rows_inserted), 0) FROM files WHERE dataset = ?', dataset.name);
  const healed = count(`SELECT count(*) FROM rejects WHERE dataset = ? AND healed_as = 'inserted'`, dataset.name);
  if (rows === inserted + healed) return [];
  return [`${dataset.table} has ${rows} rows, the ledger accounts for ${inserted} inserted and ${healed} healed`];
}

function lineage(db: Database.Database, dataset: Dataset): readonly string[] {
  const [fileId, , stamp] = LINEAGE_COLUMNS;
  const lost = db
    .prepare<[string], number>(
      `SELECT count(*) FROM ${quoteName(dataset.table)} t WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.file_id = t.${fileId}
         AND f.stamp = t.${stamp} AND f.dataset = ? AND f.state IN ('ingested', 'replaced'))`,
    )
    .pluck()
    .get(dataset.name);
  return lost === 0 ? [] : [`${lost ?? 0} rows of ${dataset.table} do not come from an ingested file of the ledger`];
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
  const waiting = `r.state = 'waiting' AND r.dataset = ?`;
  const count = (sql: string) => db.prepare<[string], number>(sql).pluck().get(dataset.name) ?? 0;
  const findings: string[] = [];
  const older = count(
    `SELECT count(*) FROM rejects r JOIN files f ON f.file_id = r.file_id
       JOIN ${quoteName(dataset.table)} t ON t.${quoteName(dataset.key.name)} = r.row_key JOIN files tf ON tf.file_id = t.source_file_id
     WHERE ${waiting} AND (f.stamp, f.name, f.revision, r.line) < (tf.stamp, tf.name, tf.revision, t.source_line)`,
  );
  if (older > 0) findings.push(`${older} rows wait though a newer version of them is admitted`);
  for (const column of referencesOf(dataset)) {
    const parent = parentOf(feed, column);
    const value = recorded('r', column);
    const forgotten = count(
      `SELECT count(*) FROM rejects r WHERE ${waiting} AND ${value} IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM ${quoteName(parent.table)} p WHERE p.${quoteName(parent.key.name)} = ${value})
         AND NOT ${waitsFor('r', column)}`,
    );
    if (forgotten > 0) findings.push(`${forgotten} rows lack their parent in ${parent.table} and do not wait for it`);
  }
  const known = referencesOf(dataset).map(
    (column) => `(w.parent_table = '${column.references}' AND w.parent_key = ${recorded('r', column)})`,
  );
  const strange = count(
    `SELECT count(*) FROM waiting_on w JOIN rejects r ON r.reject_id = w.reject_id
     WHERE ${waiting} AND NOT ${anyOf(known)}`,
  );
  if (strange > 0) findings.push(`${strange} dependencies are on parents that their rows do not refer to`);
  return findings;
}

function dependencies(db: Database.Database, feed: Feed): readonly string[] {
  const count = (sql: string) => db.prepare<[], number>(sql).pluck().get() ?? 0;
  const findings: string[] = [];
  const idle = count(
    `SELECT count(*) FROM rejects WHERE state = 'waiting' AND reject_id NOT IN (SELECT reject_id FROM waiting_on)`,
  );
  if (idle > 0) findings.push(`${idle} rows wait for nothing`);
  const settled = count(
    `SELECT count(*) FROM waiting_on w LEFT JOIN rejects r ON r.reject_id = w.reject_id WHERE r.state IS NOT 'waiting'`,
  );
  if (settled > 0) findings.push(`${settled} dependencies belong to rows that do not wait`);
  const unsettled = count(
    'SELECT count(*) FROM rejects WHERE settled_by_file_id IS NOT NULL AND settled_by_file_id NOT IN (SELECT file_id FROM files)',
  );
  if (unsettled > 0) findings.push(`${unsettled} rows were settled by a file that is not in the ledger`);
  const parents = new Set(feed.datasets.flatMap((dataset) => referencesOf(dataset).map((column) => column.references)));
  for (const dataset of feed.datasets.filter((candidate) => parents.has(candidate.table))) {
    const here = count(
      `SELECT count(*) FROM waiting_on w JOIN ${quoteName(dataset.table)} p ON p.${quoteName(dataset.key.name)} = w.parent_key
       WHERE w.parent_table = '${dataset.table}'`,
    );
    if (here > 0) findings.push(`${here} dependencies are on rows of ${dataset.table} that are there`);
  }
  return findings;
}
