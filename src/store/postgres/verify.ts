import type { ClientBase } from 'pg';
import { parentOf, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { SCHEMA_CHECK, type Verification } from '../reader.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { saysDamaged } from './faults.ts';
import { literal } from './literal.ts';
import { recorded } from './merge-sql.ts';
import { schemaProblems } from './schema.ts';
import type { ServerPlace } from './server-place.ts';
import { waitsFor } from './waiting.ts';
import { hasRowKey } from './row-key.ts';

const MOST_FINDINGS = 100;

/** A check by its name. */
export interface Check {
  readonly name: string;
  readonly find: (client: ClientBase) => Promise<readonly string[]>;
}

/**
 * The checks of a database, to be run in one snapshot: that each table and index can be read, the foreign keys, the accounting (P3),
 * the lineage, the checkpoints, the waiting rows (P5), and what a start would refuse.
 */
export function checksOf(place: ServerPlace, feed: Feed, tables: readonly string[]): readonly Check[] {
  return [
    ...tables.map((table) => ({ name: `integrity of ${table}`, find: integrity(table) })),
    ...feed.datasets.map((dataset) => ({ name: `foreign keys of ${dataset.table}`, find: foreignKeys(feed, dataset) })),
    { name: 'accounting of files', find: accountingOfFiles },
    ...feed.datasets.flatMap((dataset) => [
      { name: `accounting of ${dataset.table}`, find: accountingOfTable(dataset) },
      { name: `lineage of ${dataset.table}`, find: lineage(dataset) },
      { name: `checkpoint of ${dataset.name}`, find: checkpoint(feed, dataset) },
      { name: `waiting rows of ${dataset.table}`, find: waitingRows(feed, dataset) },
    ]),
    { name: 'dependencies of waiting rows', find: dependencies(feed) },
    { name: SCHEMA_CHECK, find: (client) => schemaProblems(client, place, feed) },
  ];
}

/** Runs a check to its end; a page that cannot be read ends this one, not those after it. */
export async function runCheck(client: ClientBase, { name, find }: Check): Promise<Verification> {
  await client.query('SAVEPOINT verification');
  try {
    return { check: name, findings: await find(client) };
  } catch (error) {
    if (!saysDamaged(error)) throw error;
    return { check: name, findings: ['it could not be read to its end: the database is damaged'] };
  } finally {
    await client.query('ROLLBACK TO SAVEPOINT verification');
  }
}

/** Every row is read, with all of its columns. What the server's own checks need is a right that not everybody has. */
function integrity(table: string): Check['find'] {
  return async (client) => {
    await client.query(`SELECT count(t::text) FROM ${quoteName(table)} t`);
    return [];
  };
}

function foreignKeys(feed: Feed, dataset: Dataset): Check['find'] {
  const table = quoteName(dataset.table);
  return inTurn(
    referencesOf(dataset).map((column) => {
      const parent = parentOf(feed, column);
      const name = quoteName(column.name);
      return found(
        `rows refer to a row of ${parent.table} that is not there`,
        `SELECT count(*) FROM ${table} t WHERE t.${name} IS NOT NULL AND NOT EXISTS
           (SELECT 1 FROM ${quoteName(parent.table)} p WHERE p.${quoteName(parent.key.name)} = t.${name})`,
      );
    }),
  );
}

async function accountingOfFiles(client: ClientBase): Promise<readonly string[]> {
  const file = `f.name || ' revision ' || f.revision || ': '`;
  const sums = `SELECT ${file} || 'the counts do not add up to the rows read' AS finding FROM files f
     WHERE rows_read <> rows_inserted + rows_updated + rows_unchanged + rows_stale + rows_rejected + rows_waiting
     LIMIT ${MOST_FINDINGS}`;
  // A waiting row that a constraint refused when its parent came is rejected by then, and resolved; the counts are those of its own commit.
  const kept = `SELECT ${file} || rejected || ' rejected and ' || waiting || ' waiting rows are kept, the ledger says '
       || rows_rejected || ' and ' || rows_waiting AS finding
     FROM (SELECT f.name, f.revision, f.rows_rejected, f.rows_waiting,
         count(r.reject_id) FILTER (WHERE r.state = 'rejected' AND r.settled_by_file_id IS NULL) AS rejected,
         count(r.reject_id) FILTER (WHERE r.state <> 'rejected' OR r.settled_by_file_id IS NOT NULL) AS waiting
       FROM files f LEFT JOIN rejects r ON r.file_id = f.file_id WHERE f.reason_code IS NULL GROUP BY f.file_id) f
     WHERE rejected <> rows_rejected OR waiting <> rows_waiting LIMIT ${MOST_FINDINGS}`;
  const findings: string[] = [];
  for (const sql of [sums, kept])
    findings.push(...(await client.query<{ finding: string }>(sql)).rows.map(({ finding }) => finding));
  return findings.slice(0, MOST_FINDINGS);
}

/** A table's row count is the sum of the rows inserted and of the healed rows that made a new key (P3). */
function accountingOfTable({ name, table }: Dataset): Check['find'] {
  return async (client) => {
    const rows = await count(client, `SELECT count(*) FROM ${quoteName(table)}`);
    const inserted = await count(
      client,
      `SELECT coalesce(sum(rows_inserted), 0)::bigint FROM files WHERE dataset = ${literal(name)}`,
    );
    const healed = await count(
      client,
      `SELECT count(*) FROM rejects WHERE dataset = ${literal(name)} AND healed_as = 'inserted'`,
    );
    if (rows === inserted + healed) return [];
    return [`${table} has ${rows} rows, the ledger accounts for ${inserted} inserted and ${healed} healed`];
  };
}

function lineage({ name, table }: Dataset): Check['find'] {
  const [fileId, , stamp] = LINEAGE_COLUMNS;
  return found(
    `rows of ${table} do not come from an ingested file of the ledger`,
    `SELECT count(*) FROM ${quoteName(table)} t WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.file_id = t.${fileId}
       AND f.stamp = t.${stamp} COLLATE "C" AND f.dataset = ${literal(name)} AND f.state IN ('ingested', 'replaced'))`,
  );
}

/** The newest stamp ingested, by which a file is called late. */
function checkpoint(feed: Feed, { name }: Dataset): Check['find'] {
  const newest = `SELECT max(stamp) FROM files WHERE dataset = ${literal(name)} AND reason_code IS NULL AND revision > 0`;
  const kept = `SELECT stamp FROM checkpoints WHERE feed = ${literal(feed.name)} AND dataset = ${literal(name)}`;
  return async (client) => {
    const differs = await count(client, `SELECT (((${newest}) IS DISTINCT FROM (${kept}))::integer)`);
    return differs === 0 ? [] : ['it is not the newest stamp ingested'];
  };
}

/** A row waits for each parent that it lacks, for no other, and only while no newer version of it is admitted. */
function waitingRows(feed: Feed, dataset: Dataset): Check['find'] {
  const { name, table } = dataset;
  const references = referencesOf(dataset);
  const waiting = `r.state = 'waiting' AND r.dataset = ${literal(name)}`;
  const older = `SELECT count(*) FROM rejects r JOIN files f ON f.file_id = r.file_id
       JOIN ${quoteName(table)} t ON ${hasRowKey(dataset, 't', 'r.row_key', `r.dataset = ${literal(name)}`)} JOIN files tf ON tf.file_id = t.source_file_id
     WHERE ${waiting} AND (f.stamp, f.name, f.revision, r.line) < (tf.stamp, tf.name, tf.revision, t.source_line)`;
  const forgotten = references.map((column) => {
    const parent = parentOf(feed, column);
    const value = recorded('r', column);
    const sql = `SELECT count(*) FROM rejects r WHERE ${waiting} AND ${value} IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM ${quoteName(parent.table)} p WHERE p.${quoteName(parent.key.name)} = ${value})
         AND NOT ${waitsFor('r', column)}`;
    return found(`rows lack their parent in ${parent.table} and do not wait for it`, sql);
  });
  const known = references.map(
    (column) =>
      `(w.parent_table = ${literal(column.references)} AND w.parent_key IS NOT DISTINCT FROM ${recorded('r', column)})`,
  );
  const strange = `SELECT count(*) FROM waiting_on w JOIN rejects r ON r.reject_id = w.reject_id
     WHERE ${waiting} AND NOT (${known.length === 0 ? 'false' : known.join(' OR ')})`;
  return inTurn([
    found('rows wait though a newer version of them is admitted', older),
    ...forgotten,
    found('dependencies are on parents that their rows do not refer to', strange),
  ]);
}

function dependencies(feed: Feed): Check['find'] {
  const idle = `SELECT count(*) FROM rejects r WHERE state = 'waiting'
    AND NOT EXISTS (SELECT 1 FROM waiting_on w WHERE w.reject_id = r.reject_id)`;
  const settled = `SELECT count(*) FROM waiting_on w LEFT JOIN rejects r ON r.reject_id = w.reject_id
    WHERE r.state IS DISTINCT FROM 'waiting'`;
  const unsettled = `SELECT count(*) FROM rejects r WHERE settled_by_file_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM files f WHERE f.file_id = r.settled_by_file_id)`;
  const parents = new Set(feed.datasets.flatMap((dataset) => referencesOf(dataset).map((column) => column.references)));
  const here = feed.datasets.filter(({ table }) => parents.has(table));
  return inTurn([
    found('rows wait for nothing', idle),
    found('dependencies belong to rows that do not wait', settled),
    found('rows were settled by a file that is not in the ledger', unsettled),
    ...here.map(({ table, key }) =>
      found(
        `dependencies are on rows of ${table} that are there`,
        `SELECT count(*) FROM waiting_on w JOIN ${quoteName(table)} p ON p.${quoteName(key.name)} = w.parent_key
         WHERE w.parent_table = ${literal(table)}`,
      ),
    ),
  ]);
}

/** A finding on as many rows as a query counts; none where it counts none. */
function found(what: string, sql: string): Check['find'] {
  return async (client) => {
    const rows = await count(client, sql);
    return rows === 0 ? [] : [`${rows} ${what}`];
  };
}

function inTurn(finds: readonly Check['find'][]): Check['find'] {
  return async (client) => {
    const findings: string[] = [];
    for (const find of finds) findings.push(...(await find(client)));
    return findings;
  };
}

async function count(client: ClientBase, sql: string): Promise<number> {
  const { rows } = await client.query<[number]>({ text: sql, rowMode: 'array' });
  return rows[0]?.[0] ?? 0;
}
