import type Database from 'better-sqlite3';
import type { StorageClass, Value } from '../../columns/column-type.ts';
import { storageOf } from '../../columns/storage.ts';
import type { Feed } from '../../model/feed.ts';
import type { RelationColumn, RelationTotals, RowQuery, Snapshot } from '../snapshot.ts';
import { quoteName } from '../sql-names.ts';
import { asList } from './pages.ts';

/** So many rows are given at a time. */
const BATCH_ROWS = 512;
/** … or so many characters of text. */
const BATCH_CHARACTERS = 4 * 1024 * 1024;

/** For pages, and what a sort holds in memory before it goes to a temporary file, in MiB. */
const CACHE_MIB = 16;

/** Runs `work` on the database as it stands: in one transaction, which holds up no writer. */
export async function readSnapshot<T>(
  db: Database.Database,
  file: string,
  feed: Feed,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  // Rows may be sorted that do not fit into memory; SQLite removes the name of such a file before it writes to it.
  db.pragma('temp_store = FILE');
  db.pragma(`cache_size = -${CACHE_MIB * 1024}`);
  db.exec('BEGIN');
  try {
    // The transaction begins with what is read first.
    db.prepare('SELECT 1 FROM sqlite_schema').get();
    return await work({
      relation: (name) => Promise.try(findRelation, db, feed, name),
      rows: (query) => asList('export', file, () => readRows(db, query)),
      totals: (query) => Promise.try(readTotals, db, query),
      newestFile: () =>
        Promise.try(() => db.prepare<[], number | null>('SELECT max(file_id) FROM files').pluck().get() ?? null),
    });
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
  }
}

function findRelation(db: Database.Database, feed: Feed, name: string): readonly RelationColumn[] | null {
  const there = db.prepare(`SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?`).get(name);
  if (there === undefined) return null;
  const isCompound = mayBeCompound(db, name);
  return db
    .prepare(`SELECT * FROM ${quoteName(name)}`)
    .columns()
    .map((found): RelationColumn => {
      const { name: itsName, table, column } = found;
      const origin = isCompound || table === null || column === null ? 'expression' : { table, column };
      const known =
        origin === 'expression'
          ? undefined
          : feed.datasets
              .find((dataset) => dataset.table === origin.table)
              ?.columns.find((one) => one.name === origin.column);
      if (known === undefined) return { name: itsName, storage: keptAs(db, name, itsName), scale: null, origin };
      return { name: itsName, storage: storageOf(known), scale: known.parameters?.scale ?? null, origin };
    });
}

/** What makes a query of several, of which SQLite then tells where the columns of one come from. */
const COMPOUND = /\b(?:UNION|INTERSECT|EXCEPT|VALUES)\b/i;

/** Whether a view, or one that it comes from, is, or has in it, a query of several. By its words: one too many does no harm. */
function mayBeCompound(db: Database.Database, name: string): boolean {
  const views = new Map(
    db
      .prepare<[], [string, string]>(`SELECT name, sql FROM sqlite_schema WHERE type = 'view'`)
      .raw()
      .all()
      .map(([view, sql]) => [view.toLowerCase(), sql.toLowerCase()]),
  );
  const asked = new Set([name.toLowerCase()]);
  for (const one of asked) {
    const sql = views.get(one) ?? '';
    if (COMPOUND.test(sql)) return true;
    const words = new Set(sql.match(/\w+/g));
    for (const view of views.keys()) if (/^\w+$/.test(view) ? words.has(view) : sql.includes(view)) asked.add(view);
  }
  return false;
}

/** How the values of an expression, which has no type in SQLite, can all be kept. */
function keptAs(db: Database.Database, relation: string, column: string): StorageClass {
  const found = db
    .prepare<[], string>(`SELECT DISTINCT typeof(${quoteName(column)}) FROM ${quoteName(relation)}`)
    .pluck()
    .all()
    .filter((type) => type !== 'null');
  if (found.length > 0 && found.every((type) => type === 'integer')) return 'integer';
  if (found.length > 0 && found.every((type) => type === 'integer' || type === 'real')) return 'number';
  return 'text';
}

/** Rows of a query, some hundreds at a time. */
export function* readRows(db: Database.Database, query: RowQuery): Generator<readonly (readonly Value[])[], void> {
  const { relation, columns, group, orderBy } = query;
  const order = [
    ...(group === null ? [] : [`substr(${quoteName(group.column)}, 1, ${group.characters})`]),
    ...orderBy.map(({ name }) => quoteName(name)),
  ];
  const statement = db.prepare<[], Value[]>(
    `SELECT ${columns.map(({ name, storage }) => read(name, storage)).join(', ')} FROM ${quoteName(relation)}
     ${order.length === 0 ? '' : `ORDER BY ${order.join(', ')}`}`,
  );
  let batch: Value[][] = [];
  let characters = 0;
  for (const row of statement.raw().iterate() as Iterable<Value[]>) {
    batch.push(row);
    for (const value of row) if (typeof value === 'string') characters += value.length;
    if (batch.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** A text is one whatever it was written as; all else is as it is, and what does not fit is found by whoever takes it. */
function read(name: string, storage: StorageClass): string {
  return storage === 'text' ? `CAST(${quoteName(name)} AS TEXT)` : quoteName(name);
}

/** What the rows of a relation come to. */
export function readTotals(
  db: Database.Database,
  { relation, columns }: Pick<RowQuery, 'relation' | 'columns'>,
): RelationTotals {
  const asked = columns.flatMap(({ name, storage }) => [
    `count(${quoteName(name)})`,
    storage === 'integer' ? `coalesce(sum(${quoteName(name)}), 0)` : 'NULL',
  ]);
  const [rows = 0n, ...found] =
    db
      .prepare<[], (bigint | null)[]>(`SELECT count(*), ${asked.join(', ')} FROM ${quoteName(relation)}`)
      .raw()
      .safeIntegers()
      .get() ?? [];
  return {
    rows: Number(rows),
    columns: columns.map((_, at) => ({ values: Number(found[2 * at] ?? 0n), sum: found[2 * at + 1] ?? null })),
  };
}
