import type { ClientBase } from 'pg';
import { parentOf, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';
import { sameKey } from '../key-names.ts';
import { literal } from './literal.ts';
import type { StagingTables } from './scratch.ts';

/** The tables in which staged rows are looked up one by one, by index; in the others as the server plans it, which may read all of them. */
export type LookedUpSingly = ReadonlySet<string>;

/** Everything as the server plans it. */
export const AS_PLANNED: LookedUpSingly = new Set();

/** As many rows of a table are read, one after the other, in the time that one takes to be looked up (measured, the pages in memory). */
const READ_IN_A_LOOKUP = 8;

/** For fewer rows the server looks them up singly by itself. */
const FEW_ROWS = 1_000;

/** What a dataset's table and its parents' are like, next to the rows that are staged. */
export interface TableFacts {
  /**
   * Those that are so much larger that staged rows are looked up singly. The server would read the whole of them far too often: it takes
   * each lookup for a page of its own that has to come from the disk, but rows of one file lie side by side, and those that are new have
   * no page at all.
   */
  readonly singly: LookedUpSingly;
  /** Whether the dataset's table is known to be empty. */
  readonly isEmpty: boolean;
  /** Whether the foreign keys of the dataset's table are known to refuse every orphan, and nothing else comes of the try. */
  readonly refusesOrphans: boolean;
}

/**
 * Looks at a dataset's table and its parents' before staged rows go into it.
 * @param count how many rows are staged; for few nothing is asked
 */
export async function lookAtTables(
  client: ClientBase,
  feed: Feed,
  dataset: Dataset,
  { incoming }: StagingTables,
  count: number,
): Promise<TableFacts> {
  if (count < FEW_ROWS) return { singly: AS_PLANNED, isEmpty: false, refusesOrphans: false };
  const tables = new Set([dataset.table, ...referencesOf(dataset).map((column) => parentOf(feed, column).table)]);
  const sizeOf = (table: string) => `pg_relation_size(${literal(quoteName(table))})`;
  const sizes = [...tables].map((table) => `SELECT ${literal(table)} AS name, ${sizeOf(table)} AS bytes`);
  // A table may have all of its rows in partitions, or on other nodes: then it has no size of its own.
  const { rows } = await client.query<{ name: string; larger: boolean; empty: boolean; strict: boolean }>(
    `SELECT name, bytes > ${READ_IN_A_LOOKUP} * pg_relation_size(${literal(incoming)}) AS larger,
       CASE WHEN ${sizeOf(dataset.table)} = 0 THEN NOT EXISTS (SELECT FROM ${quoteName(dataset.table)}) ELSE false END AS empty,
       ${foreignKeysWork(feed, dataset)} AS strict
     FROM (${sizes.join(' UNION ALL ')}) sizes`,
  );
  return {
    singly: new Set(rows.flatMap(({ name, larger }) => (larger ? [name] : []))),
    isEmpty: rows[0]?.empty === true,
    refusesOrphans: rows[0]?.strict === true,
  };
}

/**
 * SQL that is true where the server surely refuses every row of the dataset that lacks a parent, and nothing else comes of the try:
 * each reference has a foreign key, for which a trigger of the server's looks at each row (by DISABLE TRIGGER ALL, NOT ENFORCED or the
 * role of a replica none does, and partitions have triggers of their own), and no other trigger meets an orphan before.
 * Source: https://www.postgresql.org/docs/current/catalog-pg-trigger.html; in `tgtype` 4 is INSERT and 16 UPDATE.
 */
function foreignKeysWork(feed: Feed, dataset: Dataset): string {
  const table = `${literal(quoteName(dataset.table))}::regclass`;
  const triggers = (which: string) =>
    `(SELECT count(*) FROM pg_trigger g WHERE g.tgrelid = ${table} AND g.tgenabled <> 'D' AND ${which})`;
  const numberOf = (relation: string, name: string) =>
    `ARRAY(SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = ${relation} AND a.attname = ${literal(name)})`;
  const references = referencesOf(dataset);
  const keys = references.map((column) => {
    const parent = parentOf(feed, column);
    const parentTable = `${literal(quoteName(parent.table))}::regclass`;
    return `EXISTS (SELECT FROM pg_constraint o WHERE o.contype = 'f' AND o.conrelid = ${table} AND o.confrelid = ${parentTable}
      AND o.conkey = ${numberOf(table, column.name)} AND o.confkey = ${numberOf(parentTable, parent.key.name)}
      AND 2 = ${triggers(`g.tgconstraint = o.oid AND g.tgenabled <> 'R' AND g.tgtype & 20 <> 0`)})`;
  });
  const conditions = [
    `current_setting('session_replication_role') <> 'replica'`,
    `EXISTS (SELECT FROM pg_class c WHERE c.oid = ${table} AND c.relkind = 'r')`,
    `0 = ${triggers('NOT g.tgisinternal')}`,
    ...keys,
  ];
  return references.length === 0 ? 'false' : `(${conditions.join(' AND ')})`;
}

/** SQL that joins the row of the dataset's table, as `t`, to the staged row `s` with its key. */
export function joinTable(dataset: Dataset, singly: boolean): string {
  const table = quoteName(dataset.table);
  const isSame = sameKey(dataset, 't', 's');
  // OFFSET keeps the server from making a join of it.
  return singly
    ? `JOIN LATERAL (SELECT * FROM ${table} t WHERE ${isSame} OFFSET 0) t ON true`
    : `JOIN ${table} t ON ${isSame}`;
}

/** SQL that is true where no row of `table` has the key `value` in its column `key`. */
export function isMissing(table: string, key: string, value: string, singly: LookedUpSingly): string {
  return `NOT EXISTS (SELECT 1 FROM ${quoteName(table)} p WHERE p.${quoteName(key)} = ${value}${singly.has(table) ? ' OFFSET 0' : ''})`;
}
