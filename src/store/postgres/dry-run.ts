import type { ClientBase } from 'pg';
import { referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { LEDGER_TABLES } from '../../model/ledger-tables.ts';
import type { DryRunReject, DryRunReport, DryRunUpdate, DryRunWait, GoodRow } from '../rehearsal.ts';
import { quoteName } from '../sql-names.ts';
import { literal } from './literal.ts';
import { recorded } from './merge-sql.ts';
import type { ServerPlace } from './server-place.ts';
import { waitsFor } from './waiting.ts';
import { keyPlaces, rowKey } from '../../feed/keys.ts';
import { sameKey } from '../key-names.ts';
import { hasRowKey } from './row-key.ts';

/** `_of_table`, `_key`: the rows that are copied. */
const WANTED = '_wanted';

/** The rows of a dataset's table as they were copied. */
function beforeTable(dataset: Dataset): string {
  return quoteName(`_before_${dataset.table}`);
}

/**
 * Makes what an ingest needs in a rehearsal: temporary tables that shadow the real ones. An unqualified name finds a temporary table
 * first, so an ingest runs on them unchanged.
 * @param real whether there are tables to be shadowed; else temporary ones are there already
 */
export async function makeShadows(client: ClientBase, place: ServerPlace, feed: Feed, real: boolean): Promise<void> {
  const tables = ['feeds', ...LEDGER_TABLES, ...feed.datasets.map(({ table }) => table)];
  if (real) for (const table of tables) await shadow(client, place, table);
  else await client.query('INSERT INTO feeds (feed) VALUES ($1)', [feed.name]);
  if (real) {
    for (const dataset of feed.datasets) {
      for (const column of referencesOf(dataset)) {
        const parent = feed.datasets.find(({ table }) => table === column.references);
        await client.query(
          `ALTER TABLE pg_temp.${quoteName(dataset.table)} ADD FOREIGN KEY (${quoteName(column.name)})
           REFERENCES pg_temp.${quoteName(column.references)} (${quoteName(parent?.key.name ?? '')})`,
        );
      }
    }
  }
  for (const dataset of feed.datasets) {
    await client.query(
      `CREATE TEMPORARY TABLE ${beforeTable(dataset)} AS SELECT * FROM ${quoteName(dataset.table)} WITH NO DATA`,
    );
  }
  await client.query(`
    CREATE INDEX ON pg_temp.rejects (settled_by_file_id, dataset) WHERE state = 'healed';
    CREATE TEMPORARY TABLE ${WANTED} (_of_table text COLLATE "C", _key text COLLATE "C", PRIMARY KEY (_of_table, _key))`);
}

async function shadow(client: ClientBase, { url }: ServerPlace, table: string): Promise<void> {
  const name = quoteName(table);
  await client.query(`CREATE TEMPORARY TABLE ${name} (LIKE ${quoteName(url.schema)}.${name} INCLUDING ALL)`);
}

/** Fills the shadows with just what the rows can touch, and all that waits. */
export async function copyForDryRun(
  client: ClientBase,
  place: ServerPlace,
  feed: Feed,
  rows: Iterable<GoodRow>,
): Promise<void> {
  await wantRows(client, feed, rows);
  // Where there are no tables yet, there is nothing to copy.
  const { rows: found } = await client.query<{ there: boolean }>(`SELECT to_regclass($1) IS NOT NULL AS there`, [
    `${quoteName(place.url.schema)}.files`,
  ]);
  if (found[0]?.there !== true) return;
  const real = (table: string) => `${quoteName(place.url.schema)}.${quoteName(table)}`;
  await copyAll(client, real, 'feeds', '');
  await copyAll(client, real, 'files', '');
  await copyAll(client, real, 'checkpoints', '');
  await copyAll(client, real, 'decisions', '');
  await copyAll(client, real, 'rejects', `WHERE state = 'waiting'`);
  await copyAll(client, real, 'waiting_on', '');
  // What is entered next has the number that it would have.
  for (const [table, id] of [
    ['files', 'file_id'],
    ['rejects', 'reject_id'],
  ] as const) {
    await client.query(
      `SELECT setval(pg_get_serial_sequence('pg_temp.${table}', '${id}'),
         (SELECT coalesce(max(${id}), 0) + 1 FROM ${real(table)}), false)`,
    );
  }
  for (const dataset of feed.datasets.toReversed()) await wantParents(client, real, dataset);
  await client.query(`ANALYZE ${WANTED}`);
  for (const dataset of feed.datasets) await copyTable(client, real, dataset);
}

type Named = (table: string) => string;

async function copyAll(client: ClientBase, real: Named, table: string, where: string): Promise<void> {
  await client.query(`INSERT INTO pg_temp.${quoteName(table)} SELECT * FROM ${real(table)} ${where}`);
}

/** Keys that are sent at a time. */
const PAGE_KEYS = 5_000;

/** Of each row its key is wanted, and what it refers to. */
async function wantRows(client: ClientBase, feed: Feed, rows: Iterable<GoodRow>): Promise<void> {
  const references = new Map(
    feed.datasets.map(({ table, columns }) => [
      table,
      columns.flatMap((column, index) => (column.references === null ? [] : [{ table: column.references, index }])),
    ]),
  );
  let tables: string[] = [];
  let keys: string[] = [];
  const send = async (): Promise<void> => {
    await client.query(
      `INSERT INTO ${WANTED} (_of_table, _key) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING`,
      [tables, keys],
    );
    [tables, keys] = [[], []];
  };
  for (const { dataset, values } of rows) {
    const own = { table: dataset.table, key: rowKey(keyPlaces(dataset).map((place) => values[place] ?? null)) };
    const parents = (references.get(dataset.table) ?? []).map(({ table, index }) => ({
      table,
      key: values[index] ?? null,
    }));
    for (const { table, key } of [own, ...parents]) {
      // PostgreSQL's texts hold no NUL: no row has such a key.
      if (key === null || String(key).includes('\0')) continue;
      tables.push(table);
      keys.push(String(key));
    }
    if (keys.length >= PAGE_KEYS) await send();
  }
  await send();
}

/** Children first: what a child's row refers to is wanted of its parents. */
async function wantParents(client: ClientBase, real: Named, dataset: Dataset): Promise<void> {
  const waiting = `FROM pg_temp.rejects r WHERE r.state = 'waiting' AND r.dataset = ${literal(dataset.name)}`;
  const want = (select: string) =>
    client.query(`INSERT INTO ${WANTED} (_of_table, _key) ${select} ON CONFLICT DO NOTHING`);
  await want(`SELECT ${literal(dataset.table)}, r.row_key ${waiting}`);
  for (const column of referencesOf(dataset)) {
    const value = recorded('r', column);
    const name = quoteName(column.name);
    await want(`SELECT ${literal(column.references)}, ${value} ${waiting} AND ${value} IS NOT NULL`);
    await want(`SELECT ${literal(column.references)}, t.${name} FROM ${WANTED} w
      JOIN ${real(dataset.table)} t ON ${hasRowKey(dataset, 't', 'w._key', `w._of_table = ${literal(dataset.table)}`)}
      WHERE w._of_table = ${literal(dataset.table)} AND t.${name} IS NOT NULL`);
  }
}

async function copyTable(client: ClientBase, real: Named, dataset: Dataset): Promise<void> {
  const { table } = dataset;
  const before = beforeTable(dataset);
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname::text AS name FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [real(table)],
  );
  const columns = rows.map(({ name }) => quoteName(name)).join(', ');
  await client.query(
    `INSERT INTO ${before} SELECT t.* FROM ${WANTED} w JOIN ${real(table)} t ON ${hasRowKey(dataset, 't', 'w._key', `w._of_table = ${literal(table)}`)}
     WHERE w._of_table = ${literal(table)}`,
  );
  await client.query(`INSERT INTO pg_temp.${quoteName(table)} (${columns}) SELECT ${columns} FROM ${before}`);
  await client.query(`ANALYZE pg_temp.${quoteName(table)}`);
}

/** Runs what may fail with a fault of the database. */
export type Guard = <T>(work: () => Promise<T>) => Promise<T>;

/** Reads from the temporary tables what the ingest of one file did to them. */
export async function reportOf(
  client: ClientBase,
  dataset: Dataset,
  fileId: number,
  guard: Guard,
): Promise<DryRunReport> {
  const rejected = `SELECT line, code, column_name AS "column", reason FROM rejects
    WHERE file_id = ${fileId} AND state = 'rejected' ORDER BY line`;
  const heals = `SELECT dataset, count(*) AS rows FROM rejects WHERE settled_by_file_id = ${fileId} AND state = 'healed'
    GROUP BY dataset ORDER BY dataset`;
  return {
    updates: updatesOf(client, dataset, fileId, guard),
    rejected: walk<DryRunReject>(client, rejected, guard),
    waiting: waitingOf(client, dataset, fileId, guard),
    heals: (await client.query<DryRunReport['heals'][number]>(heals)).rows,
  };
}

async function* updatesOf(
  client: ClientBase,
  dataset: Dataset,
  fileId: number,
  guard: Guard,
): AsyncGenerator<DryRunUpdate, void> {
  const changed = dataset.columns
    .filter((column) => !dataset.keys.includes(column))
    .map(({ name }) => ({
      name,
      isChanged: `b.${quoteName(name)} IS DISTINCT FROM t.${quoteName(name)}`,
    }));
  const names = changed.map(({ name, isChanged }) => `CASE WHEN ${isChanged} THEN ${literal(name)} END`);
  const sql = `SELECT t.source_line AS line, array_remove(ARRAY[${names.join(', ')}]::text[], NULL) AS columns
    FROM ${quoteName(dataset.table)} t JOIN ${beforeTable(dataset)} b ON ${sameKey(dataset, 'b', 't')}
    WHERE t.source_file_id = ${fileId} AND (${['false', ...changed.map(({ isChanged }) => isChanged)].join(' OR ')})
    ORDER BY t.source_line`;
  yield* walk<DryRunUpdate>(client, sql, guard);
}

async function* waitingOf(
  client: ClientBase,
  dataset: Dataset,
  fileId: number,
  guard: Guard,
): AsyncGenerator<DryRunWait, void> {
  const waits = referencesOf(dataset).map(
    (column) =>
      `SELECT r.line, ${literal(column.references)} AS "parentTable", ${recorded('r', column)} AS "parentKey"
       FROM rejects r WHERE r.file_id = ${fileId} AND r.state = 'waiting' AND ${waitsFor('r', column)}`,
  );
  if (waits.length > 0) yield* walk<DryRunWait>(client, `${waits.join(' UNION ')} ORDER BY 1, 2`, guard);
}

/** Rows that are read at a time. */
const PAGE_ROWS = 500;

/** The rows of a query, a page at a time, inside the transaction that is open. Of two lists one is read after the other. */
async function* walk<Row extends object>(client: ClientBase, sql: string, guard: Guard): AsyncGenerator<Row, void> {
  await guard(() => client.query(`DECLARE walk NO SCROLL CURSOR FOR ${sql}`));
  try {
    for (;;) {
      const { rows } = await guard(() => client.query<Row>(`FETCH ${PAGE_ROWS} FROM walk`));
      yield* rows;
      if (rows.length < PAGE_ROWS) return;
    }
  } finally {
    await guard(() => client.query('CLOSE walk'));
  }
}
